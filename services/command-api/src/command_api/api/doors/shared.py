"""The doors that every kind has."""

from __future__ import annotations

from typing import Any

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, patch, post
from opsroom_common.runtime.ids import type_id
from opsroom_domain.changes import Change
from opsroom_domain.ids import CommandId, EntityId
from opsroom_domain.registry import KINDS
from opsroom_domain.shared import commands as c

COMMENT_PREFIX = "cmt"


def comment_id_of(command_id: CommandId) -> str:
    """A comment takes its id from the command that adds it, so that a repeated command adds no second comment."""
    return type_id(COMMENT_PREFIX, command_id)


def _edit(a: Asked, x: b.EditBody) -> c.Edit:
    return c.Edit(**a.common, changes=tuple(Change(field=name, seen=e.seen, to=e.to) for name, e in x.changes.items()))


def _visibility(a: Asked, x: b.VisibilityBody) -> c.ChangeVisibility:
    return c.ChangeVisibility(**a.common, seen=x.seen, visibility=x.to, viewers=b.actors(x.viewers))


def _comment(a: Asked, x: b.CommentBody) -> c.AddComment:
    return c.AddComment(**a.common, comment_id=comment_id_of(a.command_id), text=x.text)


def shared_doors(kind: str) -> tuple[Door[Any], ...]:
    """Those of the shared commands that ``kind`` takes."""
    doors = (*_fields(kind), *_members(kind), *_comments(kind))
    return tuple(door for door in doors if door.name in KINDS[kind].commands)


def _fields(kind: str) -> tuple[Door[Any], ...]:
    return (
        patch(kind, "edit", b.EditBody, _edit, "Edit fields, each with the value that was seen"),
        post(
            kind,
            "assign",
            "assign",
            b.AssignBody,
            lambda a, x: c.Assign(**a.common, seen=b.actor(x.seen), assignee=b.actor(x.to)),
            "Give it to somebody, or to nobody",
        ),
        post(
            kind,
            "change_team",
            "team",
            b.TeamBody,
            lambda a, x: c.ChangeTeam(**a.common, seen=x.seen, team=x.to),
            "Give it to a team, or to none",
        ),
        post(kind, "change_visibility", "visibility", b.VisibilityBody, _visibility, "Change who may see it"),
        post(kind, "archive", "archive", b.ArchiveBody, lambda a, _: c.Archive(**a.common), "Put it away; boards do not show it any more"),
        post(kind, "restore", "restore", b.RestoreBody, lambda a, _: c.Restore(**a.common), "Bring back what was archived"),
    )


def _members(kind: str) -> tuple[Door[Any], ...]:
    return (
        post(
            kind,
            "change_labels",
            "labels",
            b.LabelsBody,
            lambda a, x: c.ChangeLabels(**a.common, add=x.add, remove=x.remove),
            "Add and remove labels",
        ),
        post(
            kind,
            "change_watchers",
            "watchers",
            b.WatchersBody,
            lambda a, x: c.ChangeWatchers(**a.common, add=b.actors(x.add), remove=b.actors(x.remove)),
            "Add and remove watchers",
        ),
        post(
            kind,
            "link",
            "links",
            b.LinkBody,
            lambda a, x: c.Link(**a.common, target=EntityId(x.target), relation=x.relation),
            "Link it to another entity",
        ),
        post(
            kind,
            "unlink",
            "unlink",
            b.LinkBody,
            lambda a, x: c.Unlink(**a.common, target=EntityId(x.target), relation=x.relation),
            "Remove a link",
        ),
    )


def _comments(kind: str) -> tuple[Door[Any], ...]:
    return (
        post(kind, "add_comment", "comments", b.CommentBody, _comment, "Comment on it"),
        post(
            kind,
            "edit_comment",
            "comments/edit",
            b.CommentEditBody,
            lambda a, x: c.EditComment(**a.common, comment_id=x.comment_id, seen=x.seen, text=x.to),
            "Change a comment of one's own",
        ),
        post(
            kind,
            "delete_comment",
            "comments/delete",
            b.CommentDeleteBody,
            lambda a, x: c.DeleteComment(**a.common, comment_id=x.comment_id),
            "Take a comment of one's own back",
        ),
    )
