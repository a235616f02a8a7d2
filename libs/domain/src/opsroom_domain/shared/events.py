"""What can happen to an entity of any kind. A record in the log is one of these for ever: change them only as the Avro rules allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.changes import Change
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBase:
    """Common to all: ``at`` (the record's ce_time, stamped by the partition's owner) and ``by`` (ce_actor); not in the Avro value."""

    at: datetime
    by: ActorId


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(EventBase):
    """``changes`` name per field the old and the new value."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned(EventBase):
    previous: ActorId | None
    assignee: ActorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsChanged(EventBase):
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchersChanged(EventBase):
    added: tuple[ActorId, ...]
    removed: tuple[ActorId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked(EventBase):
    target: EntityId
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked(EventBase):
    target: EntityId
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedBack(EventBase):
    """The other half of a link that ``target`` has: ``relation`` is what this entity is to it."""

    target: EntityId
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettled(EventBase):
    """``target`` has the other half now, or refused it for ``reason``, if that is not empty."""

    target: EntityId
    relation: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentAdded(EventBase):
    """``mentions``: the people whom the text names with ``@usr_…``, in the order of the text."""

    comment_id: str
    text: str
    mentions: tuple[ActorId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentEdited(EventBase):
    """``seen``: the text before, or its hash if it is long. ``mentions``: of the new text."""

    comment_id: str
    seen: str
    text: str
    mentions: tuple[ActorId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentDeleted(EventBase):
    comment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamChanged(EventBase):
    previous: str | None
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibilityChanged(EventBase):
    """``viewers``: the people who may see it, if ``visibility`` is ``named``; sorted."""

    previous: Visibility
    visibility: Visibility
    viewers: tuple[ActorId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived(EventBase):
    """It was put away; the log and its timeline keep all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(EventBase):
    """It was brought back."""


SharedEvent: TypeAlias = (
    Edited
    | Assigned
    | LabelsChanged
    | WatchersChanged
    | Linked
    | Unlinked
    | LinkedBack
    | LinkSettled
    | CommentAdded
    | CommentEdited
    | CommentDeleted
    | TeamChanged
    | VisibilityChanged
    | Archived
    | Restored
)

EVENTS: Mapping[str, type[SharedEvent]] = {
    "edited": Edited,
    "assigned": Assigned,
    "labels_changed": LabelsChanged,
    "watchers_changed": WatchersChanged,
    "linked": Linked,
    "unlinked": Unlinked,
    "linked_back": LinkedBack,
    "link_settled": LinkSettled,
    "comment_added": CommentAdded,
    "comment_edited": CommentEdited,
    "comment_deleted": CommentDeleted,
    "team_changed": TeamChanged,
    "visibility_changed": VisibilityChanged,
    "archived": Archived,
    "restored": Restored,
}
"""Last part of ``ce_type`` -> class."""
