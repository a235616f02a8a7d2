"""The single writer of one partition: decide on the speculative state, group what waits into one batch, answer after its ack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from command_api.engine.batch import Answer, Batch, Waiter, acknowledged
from command_api.engine.dedupe import Memory, recall
from command_api.engine.encode import Place, encode_events, mark_record
from command_api.engine.limits import Limits
from command_api.engine.metrics import EngineMetrics
from command_api.engine.port import (
    Accepted,
    CommandInvalid,
    CommandRefused,
    CommandRequest,
    CommandTooLarge,
    EngineError,
    NotServing,
    OutcomeUnknown,
    Overloaded,
    RecordSkipped,
    VersionMismatch,
)
from command_api.engine.recovery import Deposed, Recovered, TermLost, find_record, read_gap
from command_api.engine.refusals import Refusals, late
from command_api.engine.remembered import Remembered
from command_api.engine.skipping import Skipping
from command_api.engine.states import Slot, States
from opsroom_common.contracts.codec import Unencodable
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.batch import BATCH_BYTES_MAX, batch_bytes
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.port import AnotherLog, AppendSession, AppendUnknown, Checkpoint, EventLog, RawRecord, SessionLost, Unavailable
from opsroom_common.log.state_source import StateSource
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import Ids
from opsroom_domain.copies import changed
from opsroom_domain.decider import Refused
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS

__all__ = ["Limits", "PartitionWriter"]
DUPLICATE_POLLS_MAX = 10
_T = TypeVar("_T")


class PartitionWriter:
    """Serves one partition for one term, from ``Recovered`` until the term is lost. Rules R2 to R7."""

    def __init__(
        self,
        partition: int,
        recovered: Recovered,
        session: AppendSession,
        log: EventLog,
        source: StateSource,
        clock: Clock,
        ids: Ids,
        metrics: EngineMetrics,
        *,
        limits: Limits,
        fold_fingerprint: str,
    ) -> None:
        self._partition = partition
        self._term = recovered.term
        self._fence_offset = recovered.fence_offset
        self._last = recovered.fence_offset
        self._last_time = recovered.last_time
        self._session = session
        self._log = log
        self._source = source
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._limits = limits
        self._states = States(partition, recovered, log, source, fold_fingerprint=fold_fingerprint, scanned=metrics.scanned)
        self._refusals = Refusals(limits.refusals_max)
        self._remembered = Remembered(partition, recovered.term, source, self._states, self)
        self._skipping = Skipping(log, self._states, self._refusals, clock, ids, self)
        self._next = Batch(self._last + 1)
        self._on_wire: Batch | None = None
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._waiting = 0
        self._lost: TermLost | None = None
        self._closing = False

    # -- the doors ---------------------------------------------------------------------------------------------------------------

    async def submit(self, request: CommandRequest) -> Accepted:
        """See ``Engine.submit``."""
        return await self._admitted(self._submit, request)

    async def skip(self, request: CommandRequest) -> RecordSkipped:
        """See ``Engine.skip``."""
        return await self._admitted(self._skipping.skip, request)

    async def _admitted(self, work: Callable[[CommandRequest], Awaitable[_T]], request: CommandRequest) -> _T:
        if self._waiting >= self._limits.waiting_max:
            raise Overloaded(f"{self._waiting} commands wait for partition {self._partition}; come back in a moment")
        self._waiting += 1
        try:
            return await work(request)
        except Deposed as error:
            self._lose(error)
            raise NotServing(f"{error}; nothing was written, repeat the command with the same id") from error
        finally:
            self._waiting -= 1

    async def current(self, entity_id: EntityId) -> Entity | None:
        """The confirmed state. Raises EntityParked, NotServing."""
        try:
            return (await self._slot(entity_id)).confirmed
        except Deposed as error:
            self._lose(error)
            raise NotServing(f"{error}; ask again") from error

    async def run(self) -> None:
        """Send batch after batch until the term is lost (raises TermLost) or ``drain`` has finished (returns). Raises AnotherLog."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._lost is not None:
                    raise self._lost
                while not self._next.empty:
                    await self._send()
                if self._closing:
                    return
        except (AnotherLog, TermLost, AppendUnknown, SessionLost, Unavailable) as error:
            lost = error if isinstance(error, TermLost) else TermLost(str(error))
            self._fail(lost, sent=not isinstance(error, SessionLost))
            if isinstance(error, AnotherLog):
                raise
            raise lost from error
        except asyncio.CancelledError:
            self._fail(TermLost("this replica is stopping"), sent=True)
            raise
        finally:
            self._states.close()

    def session_ended(self) -> None:
        """The shared producer session is over (R3): an idle partition must not find out by its next command."""
        if not self._session.alive:
            self._lose(TermLost("the producer session is over"))

    async def look_aside(self) -> None:
        """Ask which entities the projector has set aside. Ends the term if the rows know of a later one."""
        try:
            await self._states.look_aside()
        except Deposed as error:
            self._lose(error)

    async def check_end(self) -> None:
        """Ask whether the log still holds what was acknowledged. One that is shorter was cut or made anew: the term is over, before an offset
        of it can match by chance what this writer expects (R2). Raises Unavailable.
        """
        last = self._last
        end = await self._log.end_offset(self._partition)
        if end <= last:
            self._lose(TermLost(f"the log ends at {self._partition}:{end}, before the acknowledged {last}: it was cut or made anew"))

    def drain(self) -> None:
        """Decide nothing new; ``run`` returns once what was decided is answered."""
        self._closing = True
        self._wake.set()

    # -- deciding ----------------------------------------------------------------------------------------------------------------

    async def _submit(self, request: CommandRequest) -> Accepted:
        began = self._clock.monotonic()
        waiting = await self._decided(request)
        if isinstance(waiting, Accepted):
            return waiting
        decided = self._clock.monotonic()
        self._next.timed(began, decided)
        return await acknowledged(waiting, request.deadline - decided)

    async def _decided(self, request: CommandRequest) -> Accepted | asyncio.Future[Accepted]:
        """Wait for the entity and for room in the batch, then decide. Returns what is known at once, or what waits for an ack."""
        cleared: Entity | None = None
        """The state on which the look-up has said that this old id was never applied; on any other state that is no proof."""
        while True:
            slot = self._held(request.entity_id) or await self.in_time(request, self._slot(request.entity_id))
            if self._clock.monotonic() >= request.deadline:
                raise late()
            refused = self._refusals.check(request, self._clock.monotonic())
            if refused is not None:
                return self.refuse(request, refused)
            memory = recall(slot.speculative, request.command_id, request.body_hash).memory
            if memory is not Memory.NEW:
                known = self._remembered.known(request, slot)
                if known is not None:
                    return known
            if memory is Memory.MAYBE_FORGOTTEN and slot.speculative is not cleared:
                found = await self.in_time(request, self._remembered.look_up(request, self._slot))
                if isinstance(found, Accepted):
                    return found
                cleared = found
                continue
            decided = self._decide(request, slot)
            if decided is not None:
                return decided
            await self.room(request)

    async def in_time(self, request: CommandRequest, waits: Awaitable[_T]) -> _T:
        """Await it until the attempt's deadline. Only what really has to wait pays for a time-out."""
        try:
            async with asyncio.timeout(max(0.0, request.deadline - self._clock.monotonic())):
                return await waits
        except TimeoutError:
            raise late() from None

    def _held(self, entity_id: EntityId) -> Slot | None:
        """The entity, if it is in memory. Raises EntityParked, NotServing."""
        return self._states.get(entity_id) if self.serving() else None

    async def _slot(self, entity_id: EntityId) -> Slot:
        slot = self._held(entity_id)
        if slot is None:
            try:
                slot = await self._states.load(entity_id)
            except Unavailable as error:
                raise NotServing(f"{error}; nothing was written, repeat the command with the same id") from error
            self.serving()
        return slot

    def serving(self) -> bool:
        if self._lost is not None or self._closing:
            raise NotServing("this partition changes its owner; nothing was written, repeat the command with the same id")
        return True

    def _decide(self, request: CommandRequest, slot: Slot) -> asyncio.Future[Accepted] | None:
        """Decide on the speculative state; None if the batch has no room for the events yet."""
        before = slot.speculative
        if request.expected_version is not None and before is not None and before.version != request.expected_version:
            return self.refuse(request, VersionMismatch(before, request.expected_version))
        kind = KINDS[request.kind]
        # A term that began from current rows has read no event of its predecessor, whose clock may have been ahead.
        now = max(self._clock.now(), self._last_time, before.updated_at if before is not None else self._last_time)
        try:
            events = kind.decide(before.state if before is not None else None, changed(request.command, at=now))
        except Refused as refusal:
            return self.refuse(request, CommandRefused(refusal, before))
        if not events:
            return self.wait(lambda _: self._already_so(slot, before))
        base = self._next.base + len(self._next.records)
        try:
            records = encode_events(request, before, events, Place(self._partition, base, self._term, now), self._ids, slot.passed)
        except Unencodable as error:
            raise CommandInvalid(f"the command cannot be written down: {error}; correct that value and send it with a new id") from error
        raw = [record for _, record in records]
        size = batch_bytes(raw)
        if size > BATCH_BYTES_MAX:
            raise CommandTooLarge(f"the command's events take {size} bytes, the limit is {BATCH_BYTES_MAX}; send a smaller command")
        if self._next.size + size > BATCH_BYTES_MAX:
            return None
        after = before
        for event, _ in records:
            after = fold(after, event, slot.passed)
        assert after is not None
        return self._take(request, slot, after, [event for event, _ in records], raw, size, now)

    def _take(
        self, request: CommandRequest, slot: Slot, after: Entity, events: list[DomainRecord], raw: list[RawRecord], size: int, now: datetime
    ) -> asyncio.Future[Accepted]:
        """The command is decided: its events join the next batch, and the speculative state moves on."""
        self._last_time = now
        slot.speculative = after
        slot.unacknowledged += len(events)
        batch = self._next
        batch.records.extend(raw)
        batch.events.extend(events)
        batch.after[request.entity_id] = after
        batch.size += size
        expected_base, offset, partition = batch.base, events[-1].offset, self._partition

        def answer(batch: Batch) -> Accepted:
            return Accepted(after, partition, offset + batch.base - expected_base, after.version, replayed=False)

        return self.wait(answer)

    def place(self) -> Place:
        """Where and when the next record will stand, if nothing comes between."""
        return Place(self._partition, self._next.base + len(self._next.records), self._term, max(self._clock.now(), self._last_time))

    def take_skip(self, entity_id: EntityId, raw: RawRecord, place: Place, answer: Callable[[int], _T]) -> asyncio.Future[_T] | None:
        """A skip joins the next batch; ``answer`` is given its offset. None if the batch has no room for it yet."""
        size = batch_bytes([raw])
        if self._next.size + size > BATCH_BYTES_MAX:
            return None
        self._last_time = place.time
        batch, expected = self._next, self._next.base
        batch.records.append(raw)
        batch.skips.append(entity_id)
        batch.size += size
        return self.wait(lambda batch: answer(place.offset + batch.base - expected))

    async def room(self, request: CommandRequest) -> None:
        """Wait for another batch."""
        self._room.clear()
        await self.in_time(request, self._room.wait())

    def confirmed(self) -> int:
        """The offset below which everything is in the log for sure."""
        return self._last + 1

    def refuse(self, request: CommandRequest, error: CommandRefused | EngineError) -> asyncio.Future[Any]:
        """A refusal waits like everyone: a zombie's stale "no" is a wrong answer too (R4). It binds other attempts from now on (R7)."""

        def answer(_: Batch) -> NoReturn:
            self._refusals.remember(request, error)
            raise error

        self._refusals.remember(request, error, told=False)
        return self.wait(answer)

    def _already_so(self, slot: Slot, judged: Entity | None) -> Accepted:
        """Shows what was judged: in the present state, after a later command of the same batch, it may not be so any more."""
        if judged is None or slot.confirmed is None:
            raise OutcomeUnknown("the entity is not in the log yet; repeat the command with the same id")
        return Accepted(judged, self._partition, slot.confirmed.offset, judged.version, replayed=False)

    def wait(self, answer: Answer[_T], *, applied_if_lost: bool | None = False) -> asyncio.Future[_T]:
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._next.waiters.append(Waiter(future, answer, applied_if_lost))
        self._wake.set()
        return future

    # -- the wire ----------------------------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """Put the next batch on the wire, one at a time (R3), and confirm it by its contiguous ack (R2)."""
        batch = self._on_wire = self._next
        self._next = Batch(batch.base + batch.wire_count)
        self._room.set()
        started = self._clock.monotonic()
        records = batch.records or [self._mark()]
        base = await self._session.append(self._partition, records)
        acked = self._clock.monotonic()
        if base == -1:
            record_id = dict(records[0].headers)["ce_id"]
            base = await find_record(self._log, self._partition, self._checkpoint(), record_id, DUPLICATE_POLLS_MAX)
        if base != self._last + 1:
            await read_gap(self._log, self._partition, self._checkpoint(), base)
        if self._lost is not None:
            raise self._lost
        self._confirm(batch, base)
        self._metrics.batch(len(batch.events), len(batch.waiters), self._clock.monotonic() - started, batch.stages(started, acked))

    def _confirm(self, batch: Batch, base: int) -> None:
        if base != batch.base:
            batch.moved(base, lambda entity_id: self._slot_of(entity_id).confirmed)
        self._last = base + batch.wire_count - 1
        for event in batch.events:
            self._slot_of(event.entity_id).unacknowledged -= 1
        for entity_id, entity in batch.after.items():
            slot = self._slot_of(entity_id)
            slot.confirmed = entity
            if slot.unacknowledged == 0:
                slot.speculative = entity
        self._on_wire = None
        if self._next.base != self._last + 1:
            self._next.moved(self._last + 1, lambda entity_id: self._slot_of(entity_id).confirmed)
            for entity_id, entity in self._next.after.items():
                self._slot_of(entity_id).speculative = entity
        batch.answer_all()
        self._states.settle(batch)

    def _slot_of(self, entity_id: EntityId) -> Slot:
        slot = self._states.slot(entity_id)
        assert slot is not None, "an entity with unacknowledged events is never evicted"
        return slot

    def _mark(self) -> RawRecord:
        place = self.place()
        self._last_time = place.time
        return mark_record(place, self._ids)

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(self._last + 1, self._term, self._fence_offset)

    # -- the end of the term -----------------------------------------------------------------------------------------------------

    def _lose(self, error: TermLost) -> None:
        if self._lost is None:
            self._lost = error
        self._wake.set()

    def _fail(self, error: TermLost, *, sent: bool) -> None:
        """All state of the partition is dropped (R2). What was sent is in doubt; what was not changed nothing."""
        self._lost = error
        if self._on_wire is not None:
            self._on_wire.fail(str(error), sent=sent)
        self._next.fail(str(error), sent=False)
        self._room.set()
