"""One batch of the group commit: the events that go to the log together, and everyone who waits for its ack (R4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from command_api.engine.port import EngineError, NotServing, OutcomeUnknown
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.port import RawRecord
from opsroom_domain.copies import changed
from opsroom_domain.ids import EntityId

T = TypeVar("T")
Answer = Callable[["Batch"], T]
"""Makes the answer once the batch is confirmed; raises to refuse."""


@dataclass(slots=True)
class Waiter:
    """Someone who is answered when the batch is acknowledged."""

    future: asyncio.Future[Any]
    answer: Answer[Any]
    applied_if_lost: bool | None
    """What is known if the batch was never sent: False, or None for a retry of a command that is itself on the wire."""


class Stages(NamedTuple):
    """Seconds, summed over the commands of one batch."""

    decide: float
    """From being handed in until decided: load of the entity, room in the batch, the decision."""
    queue: float
    """Until the batch is handed to the producer."""
    append: float
    """Until its ack."""


@dataclass(slots=True)
class Batch:
    """Decided on the speculative state; ``base`` is the offset that its first record is expected to get."""

    base: int
    records: list[RawRecord] = field(default_factory=list[RawRecord])
    events: list[DomainRecord] = field(default_factory=list[DomainRecord])
    after: dict[EntityId, Entity] = field(default_factory=dict[EntityId, Entity])
    """Each touched entity as of the end of this batch."""
    skips: list[EntityId] = field(default_factory=list[EntityId])
    """Entities of which a record does not count once this batch is in the log (R10)."""
    waiters: list[Waiter] = field(default_factory=list[Waiter])
    size: int = 0
    """Bytes, upper bound."""
    decide_s: float = 0.0
    """What its commands took to be decided, summed; and the moments when they were, for ``stages``."""
    decided_at: list[float] = field(default_factory=list[float])

    @property
    def empty(self) -> bool:
        return not self.waiters

    @property
    def wire_count(self) -> int:
        """Records that it takes on the wire: its events, or one mark if all who wait need no event."""
        return len(self.records) or 1

    def timed(self, began: float, decided: float) -> None:
        """One of its commands was handed in and decided then (``Clock.monotonic``)."""
        self.decide_s += decided - began
        self.decided_at.append(decided)

    def stages(self, sent: float, acked: float) -> Stages:
        """Where the time of its commands went, if it was sent and acknowledged then.

        A sum of differences: the difference of sums may round to less than nothing, which no counter takes.
        """
        return Stages(self.decide_s, sum(sent - decided for decided in self.decided_at), len(self.decided_at) * (acked - sent))

    def moved(self, base: int, entity_of: Callable[[EntityId], Entity | None]) -> None:
        """The batch stands, or will stand, at another offset than expected (records of a dead term came between): fold again."""
        shift = base - self.base
        self.base = base
        self.after.clear()
        self.events = [changed(event, offset=event.offset + shift) for event in self.events]
        for event in self.events:
            before = self.after.get(event.entity_id) or entity_of(event.entity_id)
            self.after[event.entity_id] = fold(before, event, event.version - 1)

    def answer_all(self) -> None:
        """The batch is in the log at ``base``, contiguous: everyone gets an answer."""
        for waiter in self.waiters:
            if waiter.future.done():
                continue
            try:
                waiter.future.set_result(waiter.answer(self))
            except Exception as error:  # noqa: BLE001 - a refusal is an answer too, and belongs to the one who asked
                waiter.future.set_exception(error)

    def fail(self, reason: str, *, sent: bool) -> None:
        """The term ended. A sent batch's fate is unknown (R2); one that was never sent changed nothing."""
        for waiter in self.waiters:
            if waiter.future.done():
                continue
            unknown = sent or waiter.applied_if_lost is None
            error: EngineError = (
                OutcomeUnknown(f"{reason}; repeat the command with the same id to learn what became of it")
                if unknown
                else NotServing(f"{reason}; nothing was written, repeat the command with the same id")
            )
            waiter.future.set_exception(error)
            waiter.future.exception()  # its caller may be gone: that is no news for the event loop


async def acknowledged(waiting: asyncio.Future[T], within_s: float) -> T:
    """Wait for a waiter's answer. Raises OutcomeUnknown after ``within_s``. A timer of its own costs a tenth of ``asyncio.timeout``."""
    timer = asyncio.get_running_loop().call_later(within_s, _give_up, waiting)
    try:
        return await waiting
    finally:
        timer.cancel()


def _give_up(waiting: asyncio.Future[Any]) -> None:
    if not waiting.done():
        waiting.set_exception(
            OutcomeUnknown("the log has not answered in time; repeat the command with the same id to learn what became of it")
        )
