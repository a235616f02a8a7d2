"""What can happen to a saved view. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from opsroom_domain.entities.view.definition import Definition, Scope
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.events import Archived, EventBase, Restored


@dataclass(frozen=True, slots=True, kw_only=True)
class Created(EventBase):
    """``by`` owns it. ``of`` is the kind whose list it shows; ``team`` is there exactly if the scope is ``team``."""

    view_id: EntityId
    of: str
    scope: Scope
    team: str | None
    definition: Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(EventBase):
    """``definition`` is the whole of it after the change; ``parts`` names what is new in it."""

    parts: tuple[str, ...]
    definition: Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared(EventBase):
    """It is a team's now, or its owner's alone."""

    previous: Scope
    scope: Scope
    team: str | None


Event: TypeAlias = Created | Changed | Shared | Archived | Restored
EVENTS: Mapping[str, type[Event]] = {
    "created": Created,
    "changed": Changed,
    "shared": Shared,
    "archived": Archived,
    "restored": Restored,
}
"""Last part of ``ce_type`` -> class."""
