"""One entity folded from the log alone, up to now, a version or a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from opsctl.reading import Reading, Stretch
from opsctl.screen import one_line
from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.contracts.errors import Undecodable
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.port import Checkpoint, Classified, EventLog, RecordClass
from opsroom_common.log.skips import Skips, fitting, pass_over, read_skip, take_skip
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
    known: Skips = field(default_factory=Skips)
    """What persons have decided: the records that these name do not count (R10)."""
    passed: int = 0
    """Versions that were passed before the first event."""

    def take(self, classified: Classified) -> None:
        """Any record of the partition; others' are passed. Raises nothing for a bad one."""
        record = classified.record
        if self.complete or classified.what is not RecordClass.EVENT or record.key != self.entity_id.encode():
            return
        skip = read_skip(classified)
        if skip is not None:
            if self.broken is None and self.entity is not None and not self._after(skip.envelope.time):
                self.entity = take_skip(self.entity, skip)
            return
        if self.broken is not None:
            self.behind += 1
            return
        if self._pass(classified):
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
            self.entity = fold(self.entity, decoded, self.passed)
            self.last = decoded
        except Exception as error:  # noqa: BLE001 - whatever a fold raises is this record's fault, and the news
            self.broken = Broken(record.offset, one_line(f"{type(error).__name__}: {error}"))

    def _pass(self, classified: Classified) -> bool:
        """Whether the record does not count."""
        version = self.passed if self.entity is None else self.entity.version
        skip = fitting(self.known.naming(classified.record), version)
        if skip is None:
            return False
        if isinstance(self.until, int) and skip.version > self.until:
            self.complete = True
        elif self.entity is None:
            self.passed = skip.version
        else:
            self.entity = pass_over(self.entity, skip)
        return True

    def _after(self, time: datetime) -> bool:
        return isinstance(self.until, datetime) and time > self.until

    def _beyond(self, record: DomainRecord) -> bool:
        match self.until:
            case None:
                return False
            case int():
                return record.version > self.until
            case datetime():
                return record.envelope.time > self.until


async def fold_from_log(log: EventLog, entity_id: EntityId, end: int, until: int | datetime | None = None) -> EntityFold:
    """Read the entity's partition from its beginning, below ``end``; twice if records of it were skipped. Raises AnotherLog, Unavailable."""
    skips = Skips()
    folded = await _folded(log, EntityFold(entity_id, until), end, skips)
    return folded if not len(skips) else await _folded(log, EntityFold(entity_id, until, known=skips), end, Skips())


async def _folded(log: EventLog, folded: EntityFold, end: int, skips: Skips) -> EntityFold:
    key = folded.entity_id.encode()
    reading = Reading(log, [Stretch(log.partition_of(folded.entity_id), Checkpoint(), 0, end)])
    try:
        async for classified in reading.past():
            folded.take(classified)
            if classified.record.key == key and (skip := read_skip(classified)) is not None:
                skips.add(skip)
    finally:
        await reading.close()
    return folded
