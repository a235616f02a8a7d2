"""What the golden histories tell: one module a kind, each with the lives of a few entities in which every event happens at least once.

``STORIES`` maps a history's name to its commands. A history that exists is never made anew, so a story is changed only under a new name.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from opsroom_domain.ids import EntityId

from . import auction, dependencies, incident, task, ticket

Told: TypeAlias = tuple[str, EntityId, Any]
"""The kind, the entity, the command."""
STORIES: Mapping[str, Callable[[], Iterator[Told]]] = {
    "history-v2": incident.story,
    "task-v1": task.story,
    "dependencies-v1": dependencies.story,
    "ticket-v1": ticket.story,
    "auction-v1": auction.story,
}
