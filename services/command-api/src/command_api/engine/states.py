"""The entities of one partition within one term: confirmed by the log, and speculative (with what is on the wire)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from command_api.engine.batch import Batch
from command_api.engine.held import Slot
from command_api.engine.log_folds import Broken, FromLog, LogFolds
from command_api.engine.port import EntityParked, NotServing
from command_api.engine.recovery import Deposed, Recovered
from opsroom_common.contracts.envelope import Skip
from opsroom_common.log.entity import Applied, VersionGap, fold
from opsroom_common.log.port import Checkpoint, EventLog
from opsroom_common.log.state_source import LoadedRow, SourceUnavailable, StateSource
from opsroom_domain.ids import CommandId, EntityId

__all__ = ["Parking", "Slot", "States"]
_log = structlog.get_logger(__name__)

LOADS_AT_ONCE = 16
"""Rows that are asked for at once."""
PARKED_MAX = 1_000
"""Parked entities of a partition that are known ahead; of more it is found out when they are loaded."""


@dataclass(frozen=True, slots=True)
class Parking:
    """``offset``: of the record that the entity waits for, ``version``: the last good one before it; None and 0 if it is not parked.

    ``applied``: the skip that was asked about, if it is in the log.
    """

    offset: int | None
    version: int
    applied: Applied | None


class States:
    """A bounded cache over rows and log. An entity with unacknowledged events is never evicted (R5)."""

    def __init__(
        self,
        partition: int,
        recovered: Recovered,
        log: EventLog,
        source: StateSource,
        *,
        fold_fingerprint: str,
        scanned: Callable[[], None],
    ) -> None:
        self._partition = partition
        self._recovered = recovered
        self._held = recovered.held
        self._source = source
        self._fold = fold_fingerprint
        self._loading: dict[EntityId, asyncio.Task[Slot]] = {}
        self._at_once = asyncio.Semaphore(LOADS_AT_ONCE)
        self._folds = LogFolds(log, partition, scanned)
        self._closed = False

    def get(self, entity_id: EntityId) -> Slot | None:
        """The slot if it is in memory; an entity that certainly has no events gets an empty one. Raises EntityParked."""
        reason = self._held.parked.get(entity_id)
        if reason is not None:
            raise parked(entity_id, reason)
        aside = self._held.aside.get(entity_id)
        if aside is not None:
            raise parked(entity_id, aside[1])
        slot = self._held.slot(entity_id)
        if slot is not None:
            return slot
        if self._held.needed(entity_id) == 0 and not self._held.tail(entity_id):
            self._held.shrink()  # before, so that the new slot is not the one to go
            return self._held.put(entity_id, None)
        return None

    async def load(self, entity_id: EntityId) -> Slot:
        """Bring the entity into memory; calls for the same entity share one load, and whoever waits for it will find it there.

        The slot is in memory until the caller next waits for something. Raises EntityParked, Deposed, NotServing, Unavailable.
        """
        self._held.pin(entity_id)
        try:
            task = self._loading.get(entity_id)
            if task is None:
                task = asyncio.create_task(self._load(entity_id))
                self._loading[entity_id] = task
                task.add_done_callback(lambda done: self._loaded(entity_id, done))
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            me = asyncio.current_task()
            if not self._closed or (me is not None and me.cancelling()):
                raise
            raise NotServing("this partition changes its owner; nothing was written, repeat the command with the same id") from None
        finally:
            self._held.unpin(entity_id)

    def settle(self, batch: Batch) -> None:
        """The batch is confirmed: count what its entities have grown by, and let others go if that is too much."""
        for event in batch.events:
            self._held.grown(event.entity_id, len(batch.records[event.offset - batch.base].value))
        for entity_id in batch.skips:
            self._held.skipped(entity_id, batch.base + batch.wire_count)
        self._held.shrink()

    def slot(self, entity_id: EntityId) -> Slot | None:
        """What is in memory, be the entity parked or not."""
        return self._held.slot(entity_id)

    def set_aside(self, entity_id: EntityId, offset: int, reason: str) -> None:
        """The projector has the entity parked: it takes no command."""
        self._held.aside = {**self._held.aside, entity_id: (offset, reason)}

    async def look_aside(self) -> None:
        """Ask the rows which entities the projector has parked: one that is in memory here takes no command either. Raises Deposed."""
        try:
            found = await self._source.parked_rows(self._partition, PARKED_MAX)
        except SourceUnavailable:
            return  # what was known stays
        if found is None or self._closed:
            return
        if found.fold != self._fold or not self._recovered.is_of_this_log(found.checkpoint):
            self._held.aside = {}
            return
        self.notice(found.checkpoint)
        # Of an entity whose record was skipped since then the rows do not tell yet.
        at = found.checkpoint.offset
        self._held.aside = {entity_id: why for entity_id, why in found.entities.items() if at >= self._held.needed(entity_id)}

    async def parking(self, entity_id: EntityId, command_id: CommandId, until: int) -> Parking:
        """Where the entity is parked, as the rows say, else as the log below ``until`` does; and what became of a skip with this id.

        Raises Deposed, Unavailable.
        """
        row = await self._counting_row(entity_id)
        if row is not None and (row.parked_at is not None or entity_id not in self._held.parked):
            version = row.passed if row.entity is None else row.entity.version
            return Parking(row.parked_at, version, await self._found(entity_id, command_id))
        try:
            found = await self._folds.fold(entity_id, until)
        except Broken as broken:
            return Parking(broken.offset, broken.version, _of(broken.skips, command_id))
        return Parking(None, 0, _of(found.skips, command_id))

    async def _found(self, entity_id: EntityId, command_id: CommandId) -> Applied | None:
        try:
            found = await self._source.find_command(self._partition, entity_id, command_id)
        except SourceUnavailable as error:
            raise NotServing(f"{error}; nothing was written, repeat the command with the same id") from error
        return None if found is None else found.applied

    def notice(self, at: Checkpoint) -> None:
        """A checkpoint of the rows was seen. Raises Deposed if the projector has read a later fence of this log (R5)."""
        of_another_log = self._recovered.rows_of_another_log and not self._recovered.is_of_this_log(at)
        if not of_another_log and at.fence_offset is not None and at.fence_offset > self._recovered.fence_offset:
            raise Deposed(f"the projector has seen a later fence at {self._partition}:{at.fence_offset}")

    def close(self) -> None:
        """The term is over: stop loading, hold nothing."""
        self._closed = True
        for task in self._loading.values():
            task.cancel()
        self._folds.close()
        self._held.close()

    def _loaded(self, entity_id: EntityId, task: asyncio.Task[Slot]) -> None:
        self._loading.pop(entity_id, None)
        if not task.cancelled():
            task.exception()  # who waited for it may be gone: that is no news for the event loop

    async def _load(self, entity_id: EntityId) -> Slot:
        self._held.pin(entity_id)  # what it builds on must stay, also when all who waited have gone
        try:
            base = await self._from_row(entity_id) or await self._from_log(entity_id)
            entity = base.entity
            try:
                for record in self._held.tail(entity_id):
                    if entity is None or record.offset > entity.offset:
                        entity = fold(entity, record, base.passed)
            except VersionGap as error:
                self._held.park(entity_id, str(error))
                raise parked(entity_id, str(error)) from error
            slot = self._held.slot(entity_id) or self._held.put(entity_id, entity, base.passed)
            self._held.shrink()
            return slot
        finally:
            self._held.unpin(entity_id)

    async def _from_row(self, entity_id: EntityId) -> LoadedRow | None:
        """The row, if it counts (R5); None means: read the log. Raises EntityParked, Deposed."""
        row = await self._counting_row(entity_id)
        if row is not None and row.parked is not None:
            raise parked(entity_id, row.parked)
        return row

    async def _counting_row(self, entity_id: EntityId) -> LoadedRow | None:
        try:
            async with self._at_once:
                row = await self._source.load(self._partition, entity_id)
        except SourceUnavailable as error:
            _log.warning("row cannot be read, folding from the log", entity=entity_id, reason=str(error))
            return None
        if row is None:
            return None
        at = row.checkpoint
        if self._recovered.rows_of_another_log and not self._recovered.is_of_this_log(at):
            return None
        self.notice(at)
        if row.fold != self._fold or at.offset < self._held.needed(entity_id) or not self._recovered.is_of_this_log(at):
            return None
        self._held.projected = max(self._held.projected, at.offset)
        return row

    async def _from_log(self, entity_id: EntityId) -> FromLog:
        """Everything of the entity that may not be held here; events of this term included, all of them are confirmed."""
        try:
            return await self._folds.fold(entity_id, self._held.needed(entity_id))
        except Broken as error:
            self._held.park(entity_id, str(error))
            raise parked(entity_id, str(error)) from error


def parked(entity_id: EntityId, reason: str) -> EntityParked:
    """The error for an entity that is set aside."""
    return EntityParked(
        f"{entity_id} is set aside because a record of it could not be handled ({reason}); an operator sees it with "
        f"opsctl parked show {entity_id}, and has it retried or the record skipped"
    )


def _of(skips: Sequence[Skip], command_id: CommandId) -> Applied | None:
    return next((Applied(s.command_id, s.body_hash, s.version, s.offset) for s in skips if s.command_id == command_id), None)
