"""A projector in a few lines, whose rows tests can bend: late, away, gone back, parked, of another fold or log."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Applied, Entity, fold
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import Checkpoint, RecordClass
from opsroom_common.log.state_source import FoundCommand, LoadedRow, ParkedRows, Projected, SourceUnavailable
from opsroom_domain.ids import CommandId, EntityId
from opsroom_domain.registry import fold_fingerprint


@dataclass
class Rows:
    """``project`` folds the log up to an offset. Tests bend what it then says."""

    log: MemoryEventLog
    fold: str = field(default_factory=fold_fingerprint)
    at: Checkpoint | None = None
    entities: dict[EntityId, Entity] = field(default_factory=dict)
    commands: dict[CommandId, Applied] = field(default_factory=dict)
    parked: dict[EntityId, str] = field(default_factory=dict)
    parked_at: dict[EntityId, int] = field(default_factory=dict)
    away: bool = False
    loads: int = 0
    last_time: datetime | None = None

    def project(self, until: int | None = None) -> None:
        terms = TermFilter(Checkpoint())
        self.entities, self.commands, self.last_time = {}, {}, None
        for raw in self.log.records(0)[:until]:
            item = terms.classify(raw)
            record = decode(raw) if item.what is RecordClass.EVENT else None
            if isinstance(record, DomainRecord):
                entity = self.entities[record.entity_id] = fold(self.entities.get(record.entity_id), record)
                self.commands[record.command_id] = entity.recent[-1]
                self.last_time = record.envelope.time
        self.at = terms.checkpoint

    async def checkpoint(self, partition: int) -> Projected | None:
        self._reach()
        return None if self.at is None else Projected(self.at, self.fold, self.last_time)

    async def load(self, partition: int, entity_id: EntityId) -> LoadedRow | None:
        self._reach()
        self.loads += 1
        if self.at is None:
            return None
        return LoadedRow(
            checkpoint=self.at,
            fold=self.fold,
            parked=self.parked.get(entity_id),
            entity=self.entities.get(entity_id),
            parked_at=self.parked_at.get(entity_id),
        )

    async def parked_rows(self, partition: int, limit: int) -> ParkedRows | None:
        self._reach()
        if self.at is None:
            return None
        found = {entity_id: (offset, self.parked[entity_id]) for entity_id, offset in self.parked_at.items()}
        return ParkedRows(checkpoint=self.at, fold=self.fold, entities=found)

    def park(self, entity_id: EntityId, offset: int) -> None:
        """The projector cannot handle the record there: the row stays what it was before."""
        before: Entity | None = None
        for record in (decode(raw) for raw in self.log.records(0)[:offset]):
            if isinstance(record, DomainRecord) and record.entity_id == entity_id:
                before = fold(before, record)
        if before is None:
            self.entities.pop(entity_id, None)
        else:
            self.entities[entity_id] = before
        self.parked[entity_id], self.parked_at[entity_id] = "a text is too long for a column", offset

    async def find_command(self, partition: int, entity_id: EntityId, command_id: CommandId) -> FoundCommand | None:
        self._reach()
        return (
            None
            if self.at is None
            else FoundCommand(checkpoint=self.at, parked=self.parked.get(entity_id), applied=self.commands.get(command_id))
        )

    def _reach(self) -> None:
        if self.away:
            raise SourceUnavailable("no rows now")
