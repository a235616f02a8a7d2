"""What is known of every entity, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.words import Standing, Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """Who gave a field its present value, and when: what a 409 answer says."""

    by: ActorId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTo:
    """A relation to another entity. ``standing`` says whether that one shows its half too; ``reason`` why it does not, if it refused."""

    target: EntityId
    relation: str
    standing: Standing = Standing.PENDING
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment that has not been deleted: whose, since when, and the hash of its present text. The texts live in the timeline."""

    by: ActorId
    at: datetime
    hash: str
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedState:
    """The part of an entity that all kinds have. Never changed in place: mappings and tuples are replaced whole."""

    id: EntityId
    title: str
    description: str = ""
    visibility: Visibility = Visibility.EVERYONE
    viewers: tuple[ActorId, ...] = ()
    """Sorted; who may see it while the visibility is ``named``."""
    team: str | None = None
    """The team in the organisation whose it is."""
    assignee: ActorId | None = None
    """Who is responsible."""
    labels: tuple[str, ...] = ()
    """Sorted."""
    watchers: tuple[ActorId, ...] = ()
    """Sorted."""
    links: tuple[LinkTo, ...] = ()
    """Sorted by target and relation."""
    comments: Mapping[str, Comment] = field(default_factory=dict[str, Comment])
    """By id, oldest first."""
    archived: bool = False
    """Put away: boards show it only if they are asked for what is archived."""
    field_changes: Mapping[str, FieldChange]
    """Of the fields that an edit or a change with a seen value can be about."""

    def link(self, target: EntityId, relation: str) -> LinkTo | None:
        """The link to ``target`` in this relation, or None."""
        for known in self.links:
            if known.target == target and known.relation == relation:
                return known
        return None

    @property
    def texts(self) -> dict[str, str]:
        """The fields that ``Edit`` can change, by name. Each is a field of the state; a kind may have more of them."""
        return {"title": self.title, "description": self.description}
