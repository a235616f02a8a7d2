"""What the golden histories tell: one module a kind, each with the lives of a few entities in which every event happens at least once.

``STORIES`` maps a history's name to its commands. A history that exists is never made anew, so a story is changed only under a new name.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias

from opsroom_domain.ids import EntityId

from . import archive, auction, dependencies, incident, incident_moves, links, organisation, policy, task, ticket, view
from .skips import skips

Told: TypeAlias = tuple[str, EntityId, Any]
"""The kind, the entity, the command."""
STORIES: Mapping[str, Callable[[], Iterator[Told]]] = {
    "history-v2": incident.story,
    "history-skips-v1": skips,
    "history-v3": incident_moves.story,
    "task-v1": task.story,
    "dependencies-v1": dependencies.story,
    "ticket-v1": ticket.story,
    "policy-v1": policy.story,
    "auction-v1": auction.story,
    "organisation-v1": organisation.story,
    "links-v1": partial(links.story, task.story, ticket.story, auction.story),
    "links-v2": partial(links.story, policy.story, organisation.story),
    "archive-v2": partial(archive.story, policy.story, organisation.story),
    "archive-v1": partial(archive.story, incident.story, task.story, ticket.story, auction.story),
    "view-v1": view.story,
}
