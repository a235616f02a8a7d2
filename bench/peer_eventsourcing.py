"""The peer of ``bench.commands``: the same door on the ``eventsourcing`` library and Postgres, one uvicorn process on uvloop and httptools.

``python -m bench.peer_eventsourcing PORT DSN``. What was chosen, the fastest that keeps the library's promises:

- plain functions as routes, which FastAPI runs in threads, as many as the pool has connections;
- all incidents stay in the aggregate cache, and it is not asked whether another process wrote (no other does): no read before a save;
- a save on a version that somebody else took is tried again on the new one, as a client would;
- the recorder's own way to insert, with its table lock: without it (``POSTGRES_ENABLE_DB_FUNCTIONS``) it is about 1.5 times as fast, but numbers of
  its notification log can become visible out of order, so that a reader misses an event.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

import anyio.to_thread
import uvicorn
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError
from fastapi import FastAPI, Header
from pydantic import BaseModel

CONNECTIONS = 64
ATTEMPTS_MAX = 10


class Incident(Aggregate):
    """An incident whose notes are counted."""

    @event("Opened")
    def __init__(self, title: str) -> None:
        self.title = title
        self.note_count = 0

    @event("Noted")
    def note(self, note_id: str, text: str) -> None:
        del note_id, text
        self.note_count += 1


class Incidents(Application):
    """One method for each command."""

    def open(self, title: str) -> Incident:
        incident = Incident(title)
        self.save(incident)
        return incident

    def add_note(self, incident_id: UUID, note_id: str, text: str) -> Incident:
        """Decide on the version that is there; if somebody was faster, once more."""
        for attempt in range(1, ATTEMPTS_MAX + 1):
            incident: Incident = self.repository.get(incident_id)
            incident.note(note_id, text)
            try:
                self.save(incident)
            except IntegrityError:
                if attempt == ATTEMPTS_MAX:
                    raise
            else:
                return incident
        raise AssertionError("not reached")


class OpenBody(BaseModel):
    title: str


class NoteBody(BaseModel):
    text: str


def build(open_incidents: Callable[[], Incidents]) -> FastAPI:
    """The doors. Plain functions: FastAPI runs them in threads, here as many as there are connections."""
    held: list[Incidents] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = CONNECTIONS
        with open_incidents() as incidents:
            held.append(incidents)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/incidents", status_code=201)
    def open_incident(body: OpenBody) -> dict[str, str | int]:
        return shown(held[0].open(body.title))

    @app.post("/v1/incidents/{incident_id}/notes")
    def add_note(incident_id: UUID, body: NoteBody, idempotency_key: Annotated[str, Header()]) -> dict[str, str | int]:
        return shown(held[0].add_note(incident_id, idempotency_key, body.text))

    @app.get("/readyz")
    def ready() -> str:
        return "ready"

    return app


def shown(incident: Incident) -> dict[str, str | int]:
    return {"id": str(incident.id), "version": incident.version, "title": incident.title, "notes": incident.note_count}


def settings(dsn: str) -> dict[str, str]:
    """The library's own variables."""
    at = urlsplit(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": at.path.lstrip("/"),
        "POSTGRES_HOST": at.hostname or "",
        "POSTGRES_PORT": str(at.port),
        "POSTGRES_USER": at.username or "",
        "POSTGRES_PASSWORD": at.password or "",
        "POSTGRES_POOL_SIZE": str(CONNECTIONS),
        "POSTGRES_MAX_OVERFLOW": "0",
        "AGGREGATE_CACHE_MAXSIZE": "1024",
        "AGGREGATE_CACHE_FASTFORWARD": "n",
    }


def main() -> None:
    port, dsn = int(sys.argv[1]), sys.argv[2]
    app = build(lambda: Incidents(env=settings(dsn)))
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
