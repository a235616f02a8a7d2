"""The entities of one partition within one term: confirmed by the log, and speculative (with what is on the wire)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

import structlog

from command_api.engine.port import EntityParked
from command_api.engine.recovery import Deposed, Recovered, fold_from_log
from opsroom_common.contracts.codec import Undecodable
from opsroom_common.log.entity import Entity, VersionGap, fold
from opsroom_common.log.port import EventLog
from opsroom_common.log.state_source import LoadedRow, SourceUnavailable, StateSource
from opsroom_domain.ids import EntityId

_log = structlog.get_logger(__name__)

LOADS_AT_ONCE = 16


@dataclass(slots=True)
class Slot:
    """One entity. ``speculative`` runs ahead of ``confirmed`` while ``unacknowledged`` events are not in the log for sure."""

    confirmed: Entity | None
    speculative: Entity | None
    unacknowledged: int = 0


class States:
    """A bounded cache over rows and log. An entity with unacknowledged events is never evicted (R5)."""

    def __init__(
        self, partition: int, recovered: Recovered, log: EventLog, source: StateSource, *, fold_fingerprint: str, entities_max: int
    ) -> None:
        self._partition = partition
        self._recovered = recovered
        self._log = log
        self._source = source
        self._fold = fold_fingerprint
        self._entities_max = entities_max
        self._slots: OrderedDict[EntityId, Slot] = OrderedDict()
        self._loading: dict[EntityId, asyncio.Task[Slot]] = {}
        self._at_once = asyncio.Semaphore(LOADS_AT_ONCE)
        self._projected = recovered.held_from
        """A checkpoint that the projector is known to have reached."""
        self._released_to = recovered.held_from
        """Events below this offset may no longer be held here: a row counts only from this checkpoint on (R5)."""

    def get(self, entity_id: EntityId) -> Slot | None:
        """The slot if it is in memory. Raises EntityParked."""
        reason = self._recovered.parked.get(entity_id)
        if reason is not None:
            raise parked(entity_id, reason)
        slot = self._slots.get(entity_id)
        if slot is not None:
            self._slots.move_to_end(entity_id)
            return slot
        known = self._recovered.known.pop(entity_id, None)
        if known is not None:
            return self._keep(entity_id, known)
        if self._recovered.held_from == 0 and self._released_to == 0:
            return self._keep(entity_id, None)
        return None

    async def load(self, entity_id: EntityId) -> Slot:
        """Bring the entity into memory; calls for the same entity share one load. Raises EntityParked, Deposed, Unavailable."""
        task = self._loading.get(entity_id)
        if task is None:
            task = asyncio.create_task(self._load(entity_id))
            self._loading[entity_id] = task
            task.add_done_callback(lambda _: self._loading.pop(entity_id, None))
        return await asyncio.shield(task)

    def evict(self) -> None:
        """Drop the least recently used entities above the limit, as far as the projector's rows cover them."""
        excess = len(self._slots) - self._entities_max
        if excess <= 0:
            return
        for entity_id in [key for key, slot in list(self._slots.items())[: 4 * excess] if self._covered(slot)][:excess]:
            slot = self._slots.pop(entity_id)
            if slot.confirmed is not None:
                self._released_to = max(self._released_to, slot.confirmed.offset + 1)

    def close(self) -> None:
        """The term is over: stop loading."""
        for task in self._loading.values():
            task.cancel()

    def _covered(self, slot: Slot) -> bool:
        return slot.unacknowledged == 0 and (slot.confirmed is None or slot.confirmed.offset < self._projected)

    def _keep(self, entity_id: EntityId, entity: Entity | None) -> Slot:
        slot = self._slots[entity_id] = Slot(entity, entity)
        return slot

    async def _load(self, entity_id: EntityId) -> Slot:
        async with self._at_once:
            base = await self._from_row(entity_id)
            entity = base.entity if base is not None else await self._from_log(entity_id)
            try:
                for record in self._recovered.tail.pop(entity_id, ()):
                    if entity is None or record.offset > entity.offset:
                        entity = fold(entity, record)
            except VersionGap as error:
                self._recovered.parked[entity_id] = str(error)
                raise parked(entity_id, str(error)) from error
            present = self._slots.get(entity_id)
            return present if present is not None else self._keep(entity_id, entity)

    async def _from_row(self, entity_id: EntityId) -> LoadedRow | None:
        """The row, if it counts (R5); None means: read the log."""
        try:
            row = await self._source.load(self._partition, entity_id)
        except SourceUnavailable as error:
            _log.warning("row cannot be read, folding from the log", entity=entity_id, reason=str(error))
            return None
        if row is None:
            return None
        at = row.checkpoint
        if at.fence_offset is not None and at.fence_offset > self._recovered.fence_offset:
            raise Deposed(f"the projector has seen a later fence at {self._partition}:{at.fence_offset}")
        if row.fold != self._fold or at.offset < self._released_to:
            return None
        if at.fence_offset == self._recovered.fence_offset and at.term != self._recovered.term:
            return None
        self._projected = max(self._projected, at.offset)
        if row.parked is not None:
            raise parked(entity_id, row.parked)
        return row

    async def _from_log(self, entity_id: EntityId) -> Entity | None:
        """Everything of the entity that the writer may no longer hold; events of this term included, all of them are confirmed."""
        until = max(self._released_to, self._recovered.held_from)
        try:
            return await fold_from_log(self._log, self._partition, entity_id, until)
        except (VersionGap, Undecodable) as error:
            self._recovered.parked[entity_id] = str(error)
            raise parked(entity_id, str(error)) from error


def parked(entity_id: EntityId, reason: str) -> EntityParked:
    """The error for an entity that is set aside."""
    return EntityParked(
        f"{entity_id} is set aside because a record of it could not be handled ({reason}); tell an operator: opsctl state {entity_id} shows what the log holds"
    )
