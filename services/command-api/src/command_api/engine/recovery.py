"""Taking a partition over: fence, then read the log up to that fence, and only then serve (R1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from command_api.engine.budget import Budget
from command_api.engine.held import Held
from opsroom_common.contracts.codec import Undecodable, decode, encode_fence
from opsroom_common.contracts.envelope import FENCE_TYPE, DomainRecord, Envelope, Skip
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
FENCES_MAX = 10_000


class TermLost(Exception):
    """This writer's term of the partition is over; it drops all state and may fence again (R2)."""


class Deposed(TermLost):
    """A foreign fence stands after ours."""


@dataclass(slots=True, kw_only=True)
class Recovered:
    """What a writer knows of its partition when its term begins.

    Every valid event at or above ``held_from`` is in ``held``, unless the replica's memory was full and ``held`` let it go again.
    """

    term: str
    fence_offset: int
    held_from: int
    last_time: datetime
    held: Held
    fences: dict[int, str] = field(default_factory=dict[int, str])
    """Offset and term of the fences that were read, the newest ``FENCES_MAX``."""
    rows_of_another_log: bool = False
    """The rows were made from another log when the term began; until they know a fence of this one, they say nothing."""

    def add(self, item: Classified) -> None:
        """Take one valid event in; one that cannot be handled parks its entity, with all that follow of it, until one of them is skipped."""
        try:
            record = decode(item.record)
        except Undecodable as error:
            if error.entity_id is not None:
                self.held.park(EntityId(error.entity_id), f"{item.record.partition}:{item.record.offset}: {error}")
            return
        if isinstance(record, Skip):
            self.last_time = max(self.last_time, record.envelope.time)
            self.held.skipped(record.entity_id, record.offset + 1)
            return
        if not isinstance(record, DomainRecord):
            return
        # Also of an entity that is set aside: the partition's times never go back (R8).
        self.last_time = max(self.last_time, record.envelope.time)
        if record.entity_id in self.held.parked:
            return
        try:
            self.held.add(record, len(item.record.value or b""))
        except Exception as error:  # noqa: BLE001 - whatever evolve raises parks the entity, never the partition
            self.held.park(record.entity_id, f"{record.partition}:{record.offset}: {error!r}")

    def saw_fence(self, offset: int, term: str) -> None:
        """A fence stands in this log."""
        self.fences[offset] = term
        if len(self.fences) > FENCES_MAX:
            del self.fences[next(iter(self.fences))]

    def is_of_this_log(self, checkpoint: Checkpoint) -> bool:
        """Whether the checkpoint's fence was seen here. A later one is not known yet; an older one tells of rows that are too old to count."""
        return checkpoint.fence_offset is not None and self.fences.get(checkpoint.fence_offset) == checkpoint.term


class Recovery:
    """Fences one partition and reads it back. Holds no state between two calls."""

    def __init__(
        self,
        log: EventLog,
        source: StateSource,
        clock: Clock,
        ids: Ids,
        budget: Budget,
        *,
        owner: str,
        url: str,
        fold_fingerprint: str,
    ) -> None:
        self._log = log
        self._source = source
        self._clock = clock
        self._ids = ids
        self._budget = budget
        self._owner = owner
        self._url = url
        self._fold = fold_fingerprint

    async def take_over(self, partition: int, session: AppendSession) -> Recovered:
        """Append a fence with a new term and return what the log says up to it.

        Raises Unavailable (nothing happened), AppendUnknown or SessionLost (fence again with a new session and a new term).
        """
        start, last_time = await self._start_from(partition)
        term = self._ids.uuid7()
        fence = encode_fence(Envelope(id=term, type=FENCE_TYPE, source=SOURCE, time=self._clock.now(), term=term), self._owner, self._url)
        await session.append(partition, [fence])
        try:
            return await self._read_back(partition, start, term, last_time)
        except AnotherLog as error:
            if start == Checkpoint():
                raise
            _log.warning("rows belong to another log; reading everything from the log", partition=partition, reason=str(error))
            recovered = await self._read_back(partition, Checkpoint(), term, EPOCH)
            recovered.rows_of_another_log = True
            return recovered

    async def _start_from(self, partition: int) -> tuple[Checkpoint, datetime]:
        """The projector's checkpoint if its rows were made by our fold, else the beginning of the log (R5); and the newest event time below it."""
        try:
            found = await self._source.checkpoint(partition)
        except SourceUnavailable as error:
            _log.warning("rows cannot be read; reading everything from the log", partition=partition, reason=str(error))
            return Checkpoint(), EPOCH
        if found is None or found.fold != self._fold:
            return Checkpoint(), EPOCH
        return found.checkpoint, found.last_time or EPOCH

    async def _read_back(self, partition: int, start: Checkpoint, term: str, last_time: datetime) -> Recovered:
        recovered = Recovered(
            term=term, fence_offset=-1, held_from=start.offset, last_time=last_time, held=Held(start.offset, self._budget)
        )
        try:
            await self._read(partition, start, recovered)
        except BaseException:
            recovered.held.close()
            raise
        return recovered

    async def _read(self, partition: int, start: Checkpoint, recovered: Recovered) -> None:
        """Read up to this term's fence. Above the replica's limit entities are let go as they come; only what one poll brings is on top."""
        reader = await self._log.reader({partition: start})
        if start.fence_offset is not None and start.term is not None:
            recovered.saw_fence(start.fence_offset, start.term)  # the reader has checked that it stands there
        try:
            while True:
                for item in (await reader.poll(POLL_RECORDS, POLL_S)).get(partition, ()):
                    if item.what is RecordClass.FENCE and item.after.term is not None:
                        recovered.saw_fence(item.record.offset, item.after.term)
                        if item.after.term == recovered.term:
                            recovered.fence_offset = item.record.offset
                            recovered.held.shrink()
                            return
                    elif item.what is RecordClass.EVENT:
                        recovered.add(item)
                recovered.held.shrink()
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
