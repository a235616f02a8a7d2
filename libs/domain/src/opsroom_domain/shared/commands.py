"""What can be asked of an entity of any kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.changes import Change
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandBase:
    """Common to all. ``at`` is stamped by the engine just before deciding."""

    at: datetime
    by: ActorId


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(CommandBase):
    """Change texts, each judged by the value that the editor saw."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(CommandBase):
    seen: ActorId | None
    assignee: ActorId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLabels(CommandBase):
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWatchers(CommandBase):
    add: tuple[ActorId, ...] = ()
    remove: tuple[ActorId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(CommandBase):
    target: EntityId
    relation: str = "related"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlink(CommandBase):
    target: EntityId
    relation: str = "related"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBack(CommandBase):
    """Of a process: ``target`` has linked this entity, and here is the other half."""

    target: EntityId
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlinkBack(CommandBase):
    """Of a process: ``target`` has removed its half."""

    target: EntityId
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleLink(CommandBase):
    """Of a process: ``target`` has its half, or refused it for ``reason``, if that is not empty."""

    target: EntityId
    relation: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddComment(CommandBase):
    """``comment_id`` is derived from the command's id, so that a repeated command adds no second comment."""

    comment_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EditComment(CommandBase):
    """``seen``: the text that the editor saw, or its ``sha256:`` hash."""

    comment_id: str
    seen: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteComment(CommandBase):
    comment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTeam(CommandBase):
    """Whose it is: the team's id in the organisation, or none."""

    seen: str | None
    team: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeVisibility(CommandBase):
    """``viewers`` are the people who may see it if ``visibility`` is ``named``."""

    seen: Visibility
    visibility: Visibility
    viewers: tuple[ActorId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive(CommandBase):
    """Put it away: boards show it only if they are asked for what is archived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore(CommandBase):
    """Bring it back."""


SharedCommand: TypeAlias = (
    Edit
    | Assign
    | ChangeLabels
    | ChangeWatchers
    | Link
    | Unlink
    | LinkBack
    | UnlinkBack
    | SettleLink
    | AddComment
    | EditComment
    | DeleteComment
    | ChangeTeam
    | ChangeVisibility
    | Archive
    | Restore
)

COMMANDS: Mapping[str, type[SharedCommand]] = {
    "edit": Edit,
    "assign": Assign,
    "change_labels": ChangeLabels,
    "change_watchers": ChangeWatchers,
    "link": Link,
    "unlink": Unlink,
    "link_back": LinkBack,
    "unlink_back": UnlinkBack,
    "settle_link": SettleLink,
    "add_comment": AddComment,
    "edit_comment": EditComment,
    "delete_comment": DeleteComment,
    "change_team": ChangeTeam,
    "change_visibility": ChangeVisibility,
    "archive": Archive,
    "restore": Restore,
}
"""Name in logs, metrics and permissions -> class."""
