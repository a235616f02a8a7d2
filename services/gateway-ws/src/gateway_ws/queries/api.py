"""``GET /v1/incidents`` and below: lists, one incident, its timeline."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway_ws.permissions import client_epoch
from gateway_ws.queries.cursor import Cursor, decode, encode
from gateway_ws.queries.models import (
    UNASSIGNED,
    IncidentDetail,
    IncidentList,
    ListParameters,
    ProblemAnswer,
    ReadAfter,
    Timeline,
    TimelineParameters,
)
from gateway_ws.queries.read_your_writes import ReadYourWrites
from gateway_ws.queries.store import IncidentFilter, IncidentStore, ShownRow, Snapshot
from gateway_ws.reading import ReadUnavailable
from opsroom_common.auth.identity import Identities, Role
from opsroom_common.http.json import json_response
from opsroom_common.http.problems import Problem, problem
from opsroom_domain.entities.incident import LIVE, Status

T = TypeVar("T")
_ID_CHARS_MAX = 64


def incidents_router(store: IncidentStore, identities: Identities, writes: ReadYourWrites) -> APIRouter:
    """The routes. Every one asks who the caller is first."""
    router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

    async def list_incidents(request: Request, asked: Annotated[ListParameters, Query()]) -> Response:
        role = identities.of(request.headers).role
        wanted = _filter(asked)
        key = _key(asked)
        after = None if asked.cursor is None else decode(asked.cursor, key)
        await _available(writes.wait(asked.wait_for))
        # One more than asked for tells whether there is a next page.
        snapshot = await _available(store.list(wanted, after, asked.limit + 1))
        shown = snapshot.rows[: asked.limit]
        more = len(snapshot.rows) > asked.limit
        body = {"items": [orjson.Fragment(row.json) for row in shown], "next": _next(shown[-1], key) if more else None}
        return json_response({**body, **_when(snapshot, role)}, headers=_PRIVATE)

    async def one_incident(request: Request, incident_id: str, asked: Annotated[ReadAfter, Query()]) -> Response:
        role = identities.of(request.headers).role
        _check_id(incident_id)
        await _available(writes.wait(asked.wait_for))
        snapshot = await _available(store.one(incident_id))
        if not snapshot.rows:
            raise _unknown(incident_id)
        row = snapshot.rows[0]
        body = {"item": orjson.Fragment(row.json), "version": row.version, **_when(snapshot, role)}
        return json_response(body, headers={**_PRIVATE, "ETag": f'"{row.version}"'})

    async def timeline(request: Request, incident_id: str, asked: Annotated[TimelineParameters, Query()]) -> Response:
        identities.of(request.headers)
        _check_id(incident_id)
        await _available(writes.wait(asked.wait_for))
        page = await _available(store.timeline(incident_id, asked.after, asked.limit))
        if page is None:
            raise _unknown(incident_id)
        last = page.items[-1]["version"] if page.items else page.version
        body = {"items": page.items, "version": page.version, "next": last if last < page.version else None}
        return json_response(body, headers=_PRIVATE)

    described: dict[int | str, dict[str, Any]] = {
        status: {"model": ProblemAnswer, "description": words}
        for status, words in {
            400: "A parameter does not fit",
            401: "Nobody is signed in",
            503: "Postgres is away; Retry-After",
            504: "wait_for was not reached",
        }.items()
    }
    unknown: dict[int | str, dict[str, Any]] = {404: {"model": ProblemAnswer, "description": "There is no such incident"}}
    router.add_api_route("", list_incidents, response_model=IncidentList, responses=described, summary="Incidents, newest change first")
    router.add_api_route(
        "/{incident_id}", one_incident, response_model=IncidentDetail, responses={**described, **unknown}, summary="One incident"
    )
    router.add_api_route(
        "/{incident_id}/timeline", timeline, response_model=Timeline, responses={**described, **unknown}, summary="Who did what, when"
    )
    return router


_PRIVATE = {"Cache-Control": "no-store"}
"""What a role may see is nobody's business but its own, and a cached row would be an old one."""


def _filter(asked: ListParameters) -> IncidentFilter:
    statuses: set[Status] = set(asked.status or Status)
    if asked.live is not None:
        statuses &= LIVE if asked.live else set(Status) - LIVE
    people = [assignee for assignee in asked.assignee if assignee != UNASSIGNED]
    return IncidentFilter(
        statuses=sorted(statuses) if len(statuses) < len(Status) else None,
        severities=asked.severity or None,
        assignees=people if asked.assignee else None,
        unassigned=UNASSIGNED in asked.assignee,
        labels=asked.label or None,
    )


def _key(asked: ListParameters) -> str:
    """Equal for equal filters, whatever their order."""
    parts = [sorted(asked.status), sorted(asked.severity), sorted(asked.assignee), sorted(asked.label), asked.live]
    return orjson.dumps(parts).decode()


def _next(last: ShownRow, key: str) -> str:
    return encode(Cursor(last.updated_at, last.entity_id), key)


def _when(snapshot: Snapshot, role: Role) -> dict[str, object]:
    position = snapshot.position
    shown = None if position is None else {"epoch": client_epoch(position[0], role), "offset": position[1]}
    return {"position": shown, "as_of": snapshot.as_of}


def _check_id(incident_id: str) -> None:
    """A text that Postgres would refuse, or that no id is as long as, is an id that does not exist."""
    if len(incident_id) > _ID_CHARS_MAX or "\0" in incident_id:
        raise _unknown(incident_id[:_ID_CHARS_MAX])


def _unknown(incident_id: str) -> Problem:
    return problem(
        404, "not-found", "There is no such incident", f"no incident {incident_id!r}; check the id, or list them at /v1/incidents"
    )


async def _available(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except ReadUnavailable as error:
        detail = f"the read model cannot be read now ({error}); try again in a moment, nothing is lost"
        raise problem(503, "read-unavailable", "Not now", detail, headers={"Retry-After": "1"}) from error
