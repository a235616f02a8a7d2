"""A command that its entity remembers, or may have forgotten: what its retry is told (R4, R6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from command_api.engine.batch import Answer
from command_api.engine.dedupe import Memory, recall
from command_api.engine.held import Slot
from command_api.engine.look_up import judge, unknown
from command_api.engine.port import Accepted, CommandRequest, OutcomeUnknown
from command_api.engine.refusals import reused
from command_api.engine.states import States
from opsroom_common.log.entity import Entity
from opsroom_common.log.state_source import SourceUnavailable, StateSource
from opsroom_domain.ids import EntityId

_T = TypeVar("_T")


class Desk(Protocol):
    """The partition's writer."""

    def wait(self, answer: Answer[_T], *, applied_if_lost: bool | None = ...) -> asyncio.Future[_T]: ...


class Remembered:
    """Of one partition in one term."""

    def __init__(self, partition: int, term: str, source: StateSource, states: States, desk: Desk) -> None:
        self._partition = partition
        self._term = term
        self._source = source
        self._states = states
        self._desk = desk

    def known(self, request: CommandRequest, slot: Slot) -> Accepted | asyncio.Future[Accepted] | None:
        """A command that the entity remembers. Confirmed: answered at once. On the wire: the retry waits for the next batch (R4)."""
        for entity in (slot.confirmed, slot.speculative):
            found = recall(entity, request.command_id, request.body_hash)
            if found.memory is Memory.OTHER_BODY:
                raise reused(request)
            if found.memory is not Memory.APPLIED or entity is None or found.applied is None:
                continue
            applied = found.applied
            if entity is slot.confirmed:
                return Accepted(entity, self._partition, applied.offset, applied.version, replayed=True)
            return self._desk.wait(lambda _: self._replayed(request, slot), applied_if_lost=None)
        return None

    def _replayed(self, request: CommandRequest, slot: Slot) -> Accepted:
        applied = slot.confirmed.applied(request.command_id) if slot.confirmed is not None else None
        if slot.confirmed is None or applied is None:
            raise OutcomeUnknown("the first attempt is not in the log yet; repeat the command with the same id")
        return Accepted(slot.confirmed, self._partition, applied.offset, applied.version, replayed=True)

    async def look_up(self, request: CommandRequest, slot_of: Callable[[EntityId], Awaitable[Slot]]) -> Accepted | Entity:
        """See ``look_up.judge``."""
        try:
            found = await self._source.find_command(self._partition, request.entity_id, request.command_id)
        except SourceUnavailable as error:
            raise unknown() from error
        slot = await slot_of(request.entity_id)
        if found is not None and found.applied is None:
            self._states.notice(found.checkpoint)
        return judge(found, request, slot, self._partition, self._term)
