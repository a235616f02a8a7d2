"""What a writer holds of its partition's entities, what it has let go, and how far rows must be to stand in for that (R5)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from command_api.engine.budget import Budget
from command_api.engine.sizes import ENTRY_BYTES, RELEASED_BYTES, entity_bytes, record_bytes
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity, fold
from opsroom_domain.ids import EntityId

_MEASURE_EVERY = 8
"""Versions between two measurements of an entity; between them it is taken to grow by what its events are on the wire."""
_EVENT_BYTES = 500
"""What an event adds to its entity beside its value: the memory of its command, who changed what and when."""
_RELEASED_SHARE = 4
"""The list of what was let go may take this part of all that the partition holds."""


@dataclass(slots=True)
class Slot:
    """One entity. ``speculative`` runs ahead of ``confirmed`` while ``unacknowledged`` events are not in the log for sure."""

    confirmed: Entity | None
    speculative: Entity | None
    unacknowledged: int = 0
    size: int = 0
    measured_at: int = 0
    """The version at which ``size`` was last measured."""
    passed: int = 0
    """Of an entity that has no event: how many of its versions were passed, because their records do not count (R10)."""


@dataclass(slots=True)
class Tail:
    """Events of an entity whose beginning is not here: they go on top of a row, or of the older log."""

    records: list[DomainRecord] = field(default_factory=list[DomainRecord])
    size: int = ENTRY_BYTES


class Held:
    """The entities of one partition within one term, least recently used first; a holder of the replica's ``Budget``.

    Of each entity every valid event at or above ``needed`` is in its slot or its tail; no entry means that there is none. What is let go
    raises ``needed``, entity by entity as long as that list is short, else for the whole partition: a row then counts later than it could, which
    is slower and never wrong.
    """

    def __init__(self, held_from: int, budget: Budget) -> None:
        self._budget = budget
        self._entries: OrderedDict[EntityId, Slot | Tail] = OrderedDict()
        self._pins: dict[EntityId, int] = {}
        self._released: dict[EntityId, int] = {}
        self._released_to = held_from
        self._size = 0
        self.parked: dict[EntityId, str] = {}
        """Entities with a record that could not be handled, and why. Never let go: there are few, or somebody has a larger problem."""
        self.aside: Mapping[EntityId, tuple[int, str]] = {}
        """Entities that the projector has set aside, as far as is known: at which offset, and why."""
        self.projected = held_from
        """A checkpoint that the projector is known to have reached. It may have gone back since: only a hint for what to let go first."""
        budget.join(self)

    @property
    def size(self) -> int:
        return self._size

    def needed(self, entity_id: EntityId) -> int:
        """Events of the entity below this offset may not be held here: a row counts from this checkpoint on. 0: there are none."""
        return max(self._released_to, self._released.get(entity_id, 0))

    def slot(self, entity_id: EntityId) -> Slot | None:
        """The slot, now the most recently used one; None if the entity has to be loaded."""
        entry = self._entries.get(entity_id)
        if not isinstance(entry, Slot):
            return None
        self._entries.move_to_end(entity_id)
        return entry

    def tail(self, entity_id: EntityId) -> Sequence[DomainRecord]:
        entry = self._entries.get(entity_id)
        return entry.records if isinstance(entry, Tail) else ()

    def put(self, entity_id: EntityId, entity: Entity | None, passed: int = 0) -> Slot:
        """Everything of the entity is here now, in place of its tail."""
        self._remove(entity_id)
        if self._released.pop(entity_id, None) is not None:
            self._resize(-RELEASED_BYTES)
        slot = self._entries[entity_id] = Slot(entity, entity, passed=passed)
        self._measure(slot, 0)
        return slot

    def add(self, record: DomainRecord, wire_bytes: int) -> None:
        """A valid event was read back, ``wire_bytes`` long. Raises VersionGap, and whatever ``evolve`` raises."""
        entry = self._entries.get(record.entity_id)
        if isinstance(entry, Slot):
            entry.confirmed = entry.speculative = fold(entry.confirmed, record, entry.passed)
            self._measure(entry, wire_bytes)
            self._entries.move_to_end(record.entity_id)
            return
        if entry is None and record.version == 1 and record.entity_id not in self._released:
            self.put(record.entity_id, fold(None, record))
            return
        if entry is None:
            entry = self._entries[record.entity_id] = Tail()
            self._resize(entry.size)
        size = record_bytes(record)
        entry.records.append(record)
        entry.size += size
        self._resize(size)
        self._entries.move_to_end(record.entity_id)

    def grown(self, entity_id: EntityId, wire_bytes: int) -> None:
        """One event of the entity, ``wire_bytes`` long, was confirmed."""
        entry = self._entries.get(entity_id)
        if isinstance(entry, Slot):
            self._measure(entry, wire_bytes)

    def park(self, entity_id: EntityId, reason: str) -> None:
        """Set the entity aside."""
        if entity_id not in self.parked:
            self.parked[entity_id] = reason
            self._resize(ENTRY_BYTES + len(reason))
        self._remove(entity_id)

    def skipped(self, entity_id: EntityId, after: int) -> None:
        """A record of the entity does not count (R10), as the log says below ``after``. What is held of it is another entity: a row counts from
        there on, and else the log.
        """
        if entity_id in self.parked:
            self._resize(-ENTRY_BYTES - len(self.parked.pop(entity_id)))
        self.aside = {aside: why for aside, why in self.aside.items() if aside != entity_id}
        self._remove(entity_id)
        if entity_id not in self._released:
            self._resize(RELEASED_BYTES)
        self._released[entity_id] = max(after, self._released.get(entity_id, 0))

    def pin(self, entity_id: EntityId) -> None:
        """Somebody waits for this entity, or builds on what is held of it: it stays until ``unpin``. Pins count."""
        self._pins[entity_id] = self._pins.get(entity_id, 0) + 1

    def unpin(self, entity_id: EntityId) -> None:
        self._pins[entity_id] -= 1
        if not self._pins[entity_id]:
            del self._pins[entity_id]

    def shrink(self) -> None:
        """Bring the replica back below its limit: this partition or a larger one lets something go."""
        self._budget.shrink()

    def let_go(self, wanted: int) -> int:
        """First what the projector had when it was last heard of, then whatever was not used for longest. Nothing that is in use."""
        before = self._size
        for covered in (True, False):
            left = wanted - (before - self._size)
            if left > 0:
                victims = self._victims(left, covered=covered)
                for entity_id in victims:
                    self._drop(entity_id, covered=covered)
                self._budget.evicted(len(victims), covered)
        self._shorten_released()
        return before - self._size

    def close(self) -> None:
        """The term is over: nothing of this counts any more. May be repeated."""
        self._budget.leave(self)
        self._entries.clear()
        self._released.clear()
        self._size = 0

    def _victims(self, wanted: int, *, covered: bool) -> list[EntityId]:
        found: list[EntityId] = []
        for entity_id, entry in self._entries.items():
            if wanted <= 0:
                break
            if entity_id not in self._pins and _free(entry) and (_end_of(entry) <= self.projected) is covered:
                found.append(entity_id)
                wanted -= entry.size - (0 if covered else RELEASED_BYTES)
        return found

    def _drop(self, entity_id: EntityId, *, covered: bool) -> None:
        end = _end_of(self._entries[entity_id])
        self._remove(entity_id)
        if end <= self._released_to:
            return
        if covered:
            self._released_to = end
        else:
            self._resize(0 if entity_id in self._released else RELEASED_BYTES)
            self._released[entity_id] = end

    def _shorten_released(self) -> None:
        """Keep the list short: what the projector has by now, and if that is not enough all of it, counts for the whole partition."""
        if len(self._released) * RELEASED_BYTES * _RELEASED_SHARE <= self._size:
            return
        covered = [entity_id for entity_id, end in self._released.items() if end <= self.projected]
        gone = covered if 2 * len(covered) >= len(self._released) else list(self._released)
        for entity_id in gone:
            self._released_to = max(self._released_to, self._released.pop(entity_id))
        self._resize(-len(gone) * RELEASED_BYTES)

    def _measure(self, slot: Slot, wire_bytes: int) -> None:
        entity = slot.confirmed
        if entity is None:
            size = ENTRY_BYTES
        elif slot.measured_at == 0 or entity.version >= slot.measured_at + _MEASURE_EVERY:
            size = ENTRY_BYTES + entity_bytes(entity)
            slot.measured_at = entity.version
        else:
            size = slot.size + _EVENT_BYTES + wire_bytes
        self._resize(size - slot.size)
        slot.size = size

    def _remove(self, entity_id: EntityId) -> None:
        entry = self._entries.pop(entity_id, None)
        if entry is not None:
            self._resize(-entry.size)

    def _resize(self, by: int) -> None:
        self._size += by
        self._budget.changed(by)


def _free(entry: Slot | Tail) -> bool:
    """An entity with unacknowledged events is never let go (R5)."""
    return isinstance(entry, Tail) or entry.unacknowledged == 0


def _end_of(entry: Slot | Tail) -> int:
    """The offset after the entity's last event that is held here; 0 if it has none at all."""
    if isinstance(entry, Tail):
        return entry.records[-1].offset + 1
    return entry.confirmed.offset + 1 if entry.confirmed is not None else 0
