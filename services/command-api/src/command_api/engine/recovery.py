"""Taking a partition over: fence, then read the log up to that fence, and only then serve (R1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from opsroom_common.contracts.codec import Undecodable, decode, encode_fence
from opsroom_common.contracts.envelope import FENCE_TYPE, DomainRecord, Envelope
from opsroom_common.log.entity import Entity, VersionGap, fold
from opsroom_common.log.port import AnotherLog, AppendSession, Checkpoint, Classified, EventLog, RecordClass, Unavailable
from opsroom_common.log.state_source import SourceUnavailable, StateSource
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import Ids
from opsroom_domain.ids import EntityId

_log = structlog.get_logger(__name__)

SOURCE = "/command-api"
EPOCH = datetime.fromtimestamp(0, UTC)
POLL_RECORDS = 2_000
POLL_S = 1.0


class TermLost(Exception):
    """This writer's term of the partition is over; it drops all state and may fence again (R2)."""


class Deposed(TermLost):
    """A foreign fence stands after ours."""


@dataclass(slots=True, kw_only=True)
class Recovered:
    """What a writer knows of its partition when its term begins.

    Every valid event at or above ``held_from`` is held here: folded in ``known`` if the entity was created there, else as a list in
    ``tail`` that goes on top of a row or of the older log. ``parked`` names entities with a record that could not be handled, and why.
    """

    term: str
    fence_offset: int
    held_from: int
    last_time: datetime
    known: dict[EntityId, Entity] = field(default_factory=dict[EntityId, Entity])
    tail: dict[EntityId, list[DomainRecord]] = field(default_factory=dict[EntityId, list[DomainRecord]])
    parked: dict[EntityId, str] = field(default_factory=dict[EntityId, str])

    def add(self, item: Classified) -> None:
        """Take one valid event in; one that cannot be handled parks its entity, with all that follow of it."""
        try:
            record = decode(item.record)
        except Undecodable as error:
            if error.entity_id is not None:
                self.parked.setdefault(EntityId(error.entity_id), f"{item.record.partition}:{item.record.offset}: {error}")
            return
        if not isinstance(record, DomainRecord) or record.entity_id in self.parked:
            return
        self.last_time = max(self.last_time, record.envelope.time)
        try:
            known = self.known.get(record.entity_id)
            if known is not None or record.version == 1:
                self.known[record.entity_id] = fold(known, record)
            else:
                self.tail.setdefault(record.entity_id, []).append(record)
        except Exception as error:  # noqa: BLE001 - whatever evolve raises parks the entity, never the partition
            self.parked[record.entity_id] = f"{record.partition}:{record.offset}: {error!r}"


class Recovery:
    """Fences one partition and reads it back. Holds no state between two calls."""

    def __init__(self, log: EventLog, source: StateSource, clock: Clock, ids: Ids, *, owner: str, url: str, fold_fingerprint: str) -> None:
        self._log = log
        self._source = source
        self._clock = clock
        self._ids = ids
        self._owner = owner
        self._url = url
        self._fold = fold_fingerprint

    async def take_over(self, partition: int, session: AppendSession) -> Recovered:
        """Append a fence with a new term and return what the log says up to it.

        Raises Unavailable (nothing happened), AppendUnknown or SessionLost (fence again with a new session and a new term).
        """
        start = await self._start_from(partition)
        term = self._ids.uuid7()
        fence = encode_fence(Envelope(id=term, type=FENCE_TYPE, source=SOURCE, time=self._clock.now(), term=term), self._owner, self._url)
        await session.append(partition, [fence])
        try:
            return await self._read_back(partition, start, term)
        except AnotherLog as error:
            if start == Checkpoint():
                raise
            _log.warning("rows belong to another log; reading everything from the log", partition=partition, reason=str(error))
            return await self._read_back(partition, Checkpoint(), term)

    async def _start_from(self, partition: int) -> Checkpoint:
        """The projector's checkpoint if its rows were made by our fold, else the beginning of the log (R5)."""
        try:
            found = await self._source.checkpoint(partition)
        except SourceUnavailable as error:
            _log.warning("rows cannot be read; reading everything from the log", partition=partition, reason=str(error))
            return Checkpoint()
        if found is None or found[1] != self._fold:
            return Checkpoint()
        return found[0]

    async def _read_back(self, partition: int, start: Checkpoint, term: str) -> Recovered:
        recovered = Recovered(term=term, fence_offset=-1, held_from=start.offset, last_time=EPOCH)
        reader = await self._log.reader({partition: start})
        try:
            while True:
                found = await reader.poll(POLL_RECORDS, POLL_S)
                for item in found.get(partition, ()):
                    if item.what is RecordClass.FENCE and item.after.term == term:
                        recovered.fence_offset = item.record.offset
                        return recovered
                    if item.what is RecordClass.EVENT:
                        recovered.add(item)
        finally:
            await reader.close()


async def read_gap(log: EventLog, partition: int, after: Checkpoint, until: int) -> None:
    """Read the records from ``after`` up to offset ``until`` (not included). Voids and marks there change nothing (R2).

    Raises Deposed for a foreign fence, and TermLost for an event of this term: this writer did not write it, so what it holds in memory is not
    what readers fold.
    """
    reader = await log.reader({partition: after})
    try:
        while reader.position(partition).offset < until:
            for item in (await reader.poll(POLL_RECORDS, POLL_S)).get(partition, ()):
                if item.record.offset >= until:
                    return
                if item.what is RecordClass.FENCE:
                    raise Deposed(f"a foreign fence stands at {partition}:{item.record.offset}")
                if item.what is RecordClass.EVENT:
                    raise TermLost(f"somebody else wrote an event of this term at {partition}:{item.record.offset}; reading the log again")
    finally:
        await reader.close()


async def find_record(log: EventLog, partition: int, after: Checkpoint, record_id: bytes, polls_max: int) -> int:
    """Read on from ``after`` until the record with this ``ce_id``; return its offset (R2, offset -1). Raises Deposed, Unavailable."""
    reader = await log.reader({partition: after})
    try:
        for _ in range(polls_max):
            for item in (await reader.poll(POLL_RECORDS, POLL_S)).get(partition, ()):
                if item.what is RecordClass.FENCE:
                    raise Deposed(f"a foreign fence stands at {partition}:{item.record.offset}")
                if dict(item.record.headers).get("ce_id") == record_id:
                    return item.record.offset
    finally:
        await reader.close()
    raise Unavailable(f"{log.topic}:{partition}: the batch was said to be a duplicate, but it cannot be found yet")


async def fold_from_log(log: EventLog, partition: int, entity_id: EntityId, until: int) -> Entity | None:
    """Fold one entity from the beginning of the log up to offset ``until`` (not included): slow, and needs nothing but the log.

    Raises VersionGap or what the fold raises if the entity cannot be handled, AnotherLog and Unavailable.
    """
    entity: Entity | None = None
    key = entity_id.encode()
    reader = await log.reader({partition: Checkpoint()})
    try:
        while reader.position(partition).offset < until:
            for item in (await reader.poll(POLL_RECORDS, POLL_S)).get(partition, ()):
                if item.record.offset >= until:
                    return entity
                if item.what is RecordClass.EVENT and item.record.key == key:
                    entity = _fold_one(entity, item)
    finally:
        await reader.close()
    return entity


def _fold_one(entity: Entity | None, item: Classified) -> Entity:
    record = decode(item.record)
    if not isinstance(record, DomainRecord):
        raise VersionGap(f"{item.record.partition}:{item.record.offset}: not an event")
    return fold(entity, record)
