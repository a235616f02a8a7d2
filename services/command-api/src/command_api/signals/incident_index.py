"""Which incident knows a fingerprint: what this consumer just did, else the read model, once that has caught up."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

from command_api.signals.correlate import Candidate, candidate_of
from opsroom_common.log.port import EventLog
from opsroom_common.log.port import Unavailable as LogUnavailable
from opsroom_common.postgres.errors import Unavailable
from opsroom_common.postgres.pool import Session
from opsroom_common.postgres.sql import statements
from opsroom_domain.entities.incident import Incident
from opsroom_domain.ids import EntityId
from opsroom_domain.times import from_rfc3339

REMEMBERED_MAX = 50_000


class IndexUnavailable(Exception):
    """The index cannot answer truly now; wait and ask again. The message says what it waits for."""


class IncidentIndex(Protocol):
    async def latest(self, fingerprint: str) -> Candidate | None:
        """The incident with the fingerprint's newest episode. Raises IndexUnavailable."""
        ...

    def note(self, fingerprint: str, incident: Incident) -> None:
        """The consumer has just reported a signal, and this is the incident after it."""
        ...

    def start_over(self) -> None:
        """Partitions were assigned anew: another consumer may have opened incidents meanwhile."""
        ...


class Recent:
    """The newest incidents of fingerprints that this consumer handled, bounded. What falls out is in the read model by then."""

    def __init__(self, limit: int = REMEMBERED_MAX) -> None:
        self._limit = limit
        self._known: OrderedDict[str, Candidate] = OrderedDict()

    def get(self, fingerprint: str) -> Candidate | None:
        return self._known.get(fingerprint)

    def note(self, fingerprint: str, incident: Incident) -> None:
        candidate = candidate_of(incident, fingerprint)
        if candidate is None:
            return
        self._known[fingerprint] = candidate
        self._known.move_to_end(fingerprint)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)

    def clear(self) -> None:
        self._known.clear()


class PostgresIncidentIndex:
    """Asks ``read.entities``, and only after its checkpoints have reached the ends that ``ops.events`` had when the partitions were assigned.

    Before that, an incident that is in the log but not yet in the rows would be opened a second time.
    """

    def __init__(self, database: Session, log: EventLog) -> None:
        self._database = database
        self._log = log
        self._recent = Recent()
        self._wanted: Mapping[int, int] | None = None
        self._caught_up = False

    async def latest(self, fingerprint: str) -> Candidate | None:
        await self._catch_up()
        recent = self._recent.get(fingerprint)
        if recent is not None:
            return recent
        try:
            row = await self._database.fetch_one(statements(__package__ or "", "index.sql")["latest_by_fingerprint"], fingerprint)
        except Unavailable as error:
            raise IndexUnavailable(f"the read model does not answer ({error}); signals wait in ops.signals") from error
        if row is None or row["starts_at"] is None:
            return None
        return Candidate(EntityId(row["id"]), from_rfc3339(row["starts_at"]), bool(row["live"]), bool(row["merged"]))

    def note(self, fingerprint: str, incident: Incident) -> None:
        self._recent.note(fingerprint, incident)

    def start_over(self) -> None:
        self._recent.clear()
        self._wanted = None
        self._caught_up = False

    async def _catch_up(self) -> None:
        if self._caught_up:
            return
        try:
            if self._wanted is None:
                self._wanted = {p: await self._log.end_offset(p) for p in range(self._log.partitions)}
            rows = await self._database.fetch(statements(__package__ or "", "index.sql")["checkpoints"], self._log.topic)
        except (Unavailable, LogUnavailable) as error:
            raise IndexUnavailable(f"the read model's progress cannot be read ({error}); signals wait in ops.signals") from error
        reached = {int(row["partition"]): int(row["offset"]) for row in rows}
        behind = sum(max(0, end - reached.get(p, 0)) for p, end in self._wanted.items())
        if behind:
            raise IndexUnavailable(f"the read model is {behind} records behind; start the projector, signals wait in ops.signals")
        self._caught_up = True
