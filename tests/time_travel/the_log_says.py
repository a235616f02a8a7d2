"""The board as of any moment as the log says it: folded from the beginning by the domain alone, with nothing of the read side."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.contracts.errors import Undecodable
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import Checkpoint, RecordClass
from opsroom_common.rows import row, terms_of
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS


@dataclass
class Told:
    """Every valid event up to a moment, folded: the versions of each entity, oldest first."""

    versions: dict[EntityId, list[Entity]] = field(default_factory=dict[EntityId, list[Entity]])
    events: list[DomainRecord] = field(default_factory=list[DomainRecord])
    parked: set[str] = field(default_factory=set[str])

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """The board, newest change first."""
        entities = [versions[-1] for versions in self.versions.values() if versions[-1].kind == kind]
        return [orjson.loads(orjson.dumps(row(entity))) for entity in sorted(entities, key=lambda e: (e.updated_at, e.id), reverse=True)]

    def terms(self, entity_id: str) -> Sequence[str]:
        """What the entity is filtered by."""
        entity = self.versions[EntityId(entity_id)][-1]
        return terms_of(KINDS[entity.kind].tags(entity.state))


def told_until(log: MemoryEventLog, moment: datetime | None = None) -> Told:
    """Fold the log up to the events of ``moment``, these included; None: all of it. What cannot be folded sets its entity aside."""
    told = Told()
    for partition in range(log.partitions):
        terms = TermFilter(Checkpoint())
        for raw in log.records(partition):
            if terms.classify(raw).what is not RecordClass.EVENT:
                continue
            try:
                record = decode(raw)
            except Undecodable as error:
                with suppress(Exception):
                    told.parked.add(str(error.entity_id))
                continue
            if isinstance(record, DomainRecord) and (moment is None or record.envelope.time <= moment):
                _take(told, record)
    return told


def _take(told: Told, record: DomainRecord) -> None:
    if record.entity_id in told.parked:
        return
    versions = told.versions.get(record.entity_id, [])
    try:
        after = fold(versions[-1] if versions else None, record)
    except Exception:  # noqa: BLE001 -- whatever a fold raises sets its entity aside
        told.parked.add(record.entity_id)
        return
    told.versions[record.entity_id] = [*versions, after]
    told.events.append(record)
