"""What the projector knows of entities between batches: the newest ``limit`` that it touched, as their rows say."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_common.log.entity import Entity
from opsroom_domain.ids import EntityId


@dataclass(frozen=True, slots=True)
class Absent:
    """An entity without a row. ``passed``: its versions whose records do not count (R10); its first event must be the next one."""

    passed: int = 0


@dataclass(frozen=True, slots=True)
class Parked:
    """An entity that is set aside since the record at ``offset``; later records of it only count."""

    offset: int
    reason: str
    at: datetime
    before: Entity | Absent
    """What its rows say: the entity before that record."""


Known: TypeAlias = Entity | Parked | Absent


class KnownEntities:
    """A bounded cache, least recently used out first. It holds only what a committed statement or a load said."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[EntityId, Known] = OrderedDict()

    def take(self, ids: Iterable[EntityId]) -> dict[EntityId, Known]:
        """Those of ``ids`` that are known."""
        found: dict[EntityId, Known] = {}
        for entity_id in ids:
            known = self._known.get(entity_id)
            if known is not None:
                self._known.move_to_end(entity_id)
                found[entity_id] = known
        return found

    def put(self, known: Mapping[EntityId, Known]) -> None:
        """Remember what has just been committed."""
        for entity_id, value in known.items():
            self._known[entity_id] = value
            self._known.move_to_end(entity_id)
        while len(self._known) > self._limit:
            self._known.popitem(last=False)
