"""One entity folded from the log alone, up to now, a version or a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from opsctl.reading import Reading, Stretch
from opsctl.screen import one_line
from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.contracts.errors import Undecodable
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.port import Checkpoint, Classified, EventLog, RecordClass
from opsroom_domain.ids import EntityId


@dataclass(frozen=True, slots=True)
class Broken:
    """The record at which the entity's fold stops: every reader sets the entity aside there (parks it)."""

    offset: int
    reason: str


@dataclass(slots=True)
class EntityFold:
    """Folds the valid records of one entity, in log order. ``until``: the last version or moment that counts; None: all."""

    entity_id: EntityId
    until: int | datetime | None = None
    entity: Entity | None = None
    last: DomainRecord | None = None
    """The record that made ``entity``."""
    broken: Broken | None = None
    behind: int = 0
    """Records of this entity after the broken one."""
    complete: bool = False
    """A record beyond ``until`` was seen: nothing more can count."""

    def take(self, classified: Classified) -> None:
        """Any record of the partition; others' are passed. Raises nothing for a bad one."""
        record = classified.record
        if self.complete or classified.what is not RecordClass.EVENT or record.key != self.entity_id.encode():
            return
        if self.broken is not None:
            self.behind += 1
            return
        try:
            decoded = decode(record)
        except Undecodable as error:
            self.broken = Broken(record.offset, one_line(error.reason))
            return
        if not isinstance(decoded, DomainRecord):
            return
        if self._beyond(decoded):
            self.complete = True
            return
        try:
            self.entity = fold(self.entity, decoded)
            self.last = decoded
        except Exception as error:  # noqa: BLE001 - whatever a fold raises is this record's fault, and the news
            self.broken = Broken(record.offset, one_line(f"{type(error).__name__}: {error}"))

    def _beyond(self, record: DomainRecord) -> bool:
        match self.until:
            case None:
                return False
            case int():
                return record.version > self.until
            case datetime():
                return record.envelope.time > self.until


async def fold_from_log(log: EventLog, entity_id: EntityId, end: int, until: int | datetime | None = None) -> EntityFold:
    """Read the entity's partition from its beginning, below ``end``. Raises AnotherLog, Unavailable."""
    folded = EntityFold(entity_id, until)
    reading = Reading(log, [Stretch(log.partition_of(entity_id), Checkpoint(), 0, end)])
    try:
        async for classified in reading.past():
            folded.take(classified)
            if folded.complete:
                break
    finally:
        await reading.close()
    return folded
