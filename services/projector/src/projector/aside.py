"""An entity that is set aside, folded again: because a person has skipped the record that it waits for, or wants it tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from opsroom_common.contracts.envelope import DomainRecord, Fence, Skip
from opsroom_common.log.entity import Entity
from opsroom_common.log.port import Checkpoint, Classified, EventLog, RecordClass
from opsroom_common.log.skips import Skips, read_skip
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS
from projector.batch_items import Item, Skipped, read_knowing, refused_item
from projector.fold_batch import Anew, Folded, fold_batch
from projector.known import Absent, Known, Parked

_POLL_RECORDS = 2_000
_POLL_TIMEOUT_S = 0.5
_SILENT_POLLS_MAX = 40


class Silent(Exception):
    """The log's reader gives nothing of what must be there; another reader is the cure."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What an entity is before some of its records, and those records: all of them below ``until``, in log order."""

    entity_id: EntityId
    start: Entity | Absent
    items: Sequence[Item]
    anew: Anew
    shown: Entity | None
    """What the rows say of it now."""

    def fold(self, since: int, poison: tuple[int, str] | None = None) -> Folded:
        """The rows that it has once all of these are folded; skips below ``since`` have theirs already. ``poison``: the item with this number
        is refused by whoever keeps the rows, and why.
        """
        items = list(self.items)
        if poison is not None:
            number, reason = poison
            refused = items[number]
            assert isinstance(refused, DomainRecord)
            items[number] = refused_item(refused, reason)
        folded = fold_batch({self.entity_id: self.start}, items)
        skips = [row for row in folded.skips if row.offset >= since]
        was = None if self.shown is None else KINDS[self.shown.kind].tags(self.shown.state)
        return replace(folded, anew=self.anew, skips=skips, feed=[draft.showing(was) for draft in folded.feed])

    @property
    def refusable(self) -> Sequence[int]:
        """Numbers of the items that a store might refuse, the last first."""
        return [number for number in reversed(range(len(self.items))) if isinstance(self.items[number], DomainRecord)]


def passes(known: Known, skip: Skip) -> bool:
    """Whether the skip changes what ``known`` says. If not, the named record does not count already, or waits behind another one."""
    if isinstance(known, Parked):
        return skip.skipped == known.offset or _holds(known.before, skip)
    return _holds(known, skip)


def _holds(known: Entity | Absent, skip: Skip) -> bool:
    return isinstance(known, Entity) and skip.skipped <= known.offset


async def skipped_stretch(log: EventLog, place: Checkpoint, partition: int, known: Known, skip: Skip) -> Stretch:
    """The entity from the skipped record on, if it is parked there; else, its record was handled before, all of it from the log's beginning.

    ``place``: the checkpoint at the skipped record. Raises what the log's reader raises, Silent.
    """
    at = known.offset if isinstance(known, Parked) else None
    from_there = at == skip.skipped
    items = await _items(log, place if from_there else Checkpoint(), partition, skip.entity_id, skip.offset, skip)
    before = known.before if isinstance(known, Parked) else known
    shown = before if isinstance(before, Entity) else None
    return Stretch(skip.entity_id, before if from_there else Absent(), items, Anew(skip.entity_id, at, whole=not from_there), shown)


async def retried_stretch(log: EventLog, place: Checkpoint, partition: int, entity_id: EntityId, parked: Parked, until: int) -> Stretch:
    """A parked entity from its poison record up to the checkpoint. ``place``: the checkpoint at that record. Raises as ``skipped_stretch``."""
    items = await _items(log, place, partition, entity_id, until, None)
    shown = parked.before if isinstance(parked.before, Entity) else None
    return Stretch(entity_id, parked.before, items, Anew(entity_id, parked.offset, whole=False), shown)


async def _items(log: EventLog, start: Checkpoint, partition: int, entity_id: EntityId, until: int, last: Skip | None) -> list[Item]:
    """The entity's items below ``until``, and then ``last``. Holds that entity's records in memory, and one poll of the others'."""
    records: list[Classified] = []
    skips = Skips()
    silent = 0
    reader = await log.reader({partition: start})
    try:
        while reader.position(partition).offset < until:
            found = (await reader.poll(_POLL_RECORDS, _POLL_TIMEOUT_S)).get(partition, ())
            silent = 0 if found else silent + 1
            if silent > _SILENT_POLLS_MAX:
                raise Silent(f"{log.topic}-{partition} gives nothing from {reader.position(partition).offset} on")
            for item in found:
                if item.record.offset < until and item.what is RecordClass.EVENT and item.record.key == entity_id.encode():
                    records.append(item)
                    if (skip := read_skip(item)) is not None:
                        skips.add(skip)
    finally:
        await reader.close()
    if last is not None:
        skips.add(last)
    read = read_knowing(records, log.partition_of, skips)
    items: list[Item] = [item for item in read if not isinstance(item, Skipped | Fence)]
    return items if last is None else [*items, last]
