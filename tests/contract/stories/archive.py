"""An entity of each kind that can be put away, put away and brought back."""

from collections.abc import Callable, Iterator
from typing import Any

from opsroom_domain.entities.incident import Archive, Restore
from opsroom_domain.ids import EntityId

from .telling import BO, clock


def story(*beginnings: Callable[[], Iterator[tuple[str, EntityId, Any]]]) -> Iterator[tuple[str, EntityId, Any]]:
    """``beginnings``: stories whose first command makes an entity."""
    common = clock()
    common()
    for tell in beginnings:
        kind, entity_id, made = next(tell())
        yield kind, entity_id, made
        yield kind, entity_id, Archive(**common(BO))
        yield kind, entity_id, Restore(**common(BO))
