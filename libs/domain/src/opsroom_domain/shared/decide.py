"""What the commands that all kinds have do: one pure function for each. The business rules are the docstrings.

A command that asks for what is already so gives no events. Nothing is changed in place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, assert_never

from opsroom_domain.changes import as_seen, due, hash_of, must_change
from opsroom_domain.decider import EditConflict, FieldConflict, Refused
from opsroom_domain.ids import ActorId, EntityId, prefix_of
from opsroom_domain.shared.commands import (
    AddComment,
    Archive,
    Assign,
    ChangeLabels,
    ChangeTeam,
    ChangeVisibility,
    ChangeWatchers,
    DeleteComment,
    Edit,
    EditComment,
    Link,
    LinkBack,
    Restore,
    SettleLink,
    SharedCommand,
    Unlink,
    UnlinkBack,
)
from opsroom_domain.shared.events import (
    Archived,
    Assigned,
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    Edited,
    LabelsChanged,
    Restored,
    SharedEvent,
    TeamChanged,
    VisibilityChanged,
    WatchersChanged,
)
from opsroom_domain.shared.limits import (
    COMMENT_MAX,
    COMMENTS_MAX,
    DESCRIPTION_MAX,
    ID_MAX,
    LABEL_MAX,
    LABELS_MAX,
    MENTIONS_MAX,
    TITLE_MAX,
    VIEWERS_MAX,
    WATCHERS_MAX,
)
from opsroom_domain.shared.links import link, link_back, settle_link, unlink, unlink_back
from opsroom_domain.shared.state import Comment, SharedState
from opsroom_domain.shared.words import Visibility
from opsroom_domain.text import check_line, check_text

_MENTION = re.compile(r"(?<![\w@])@((?:usr|svc)_[A-Za-z0-9_-]{1,64})")


@dataclass(frozen=True, slots=True)
class TextField:
    """What a text field of a kind may hold. ``length_max`` in characters; ``line``: one line that says something."""

    length_max: int
    line: bool = False


TITLE_AND_DESCRIPTION: Mapping[str, TextField] = {"title": TextField(TITLE_MAX, line=True), "description": TextField(DESCRIPTION_MAX)}


def decide_shared(
    state: SharedState, command: SharedCommand, texts: Mapping[str, TextField] = TITLE_AND_DESCRIPTION
) -> Sequence[SharedEvent]:
    """The events that ``command`` gives, perhaps none. ``texts``: the fields that ``Edit`` can change. Raises Refused or EditConflict."""
    match command:
        case Edit():
            return edit(state, command, texts)
        case Assign():
            return assign(state, command)
        case ChangeLabels():
            return change_labels(state, command)
        case ChangeWatchers():
            return change_watchers(state, command)
        case Link():
            return link(state, command)
        case Unlink():
            return unlink(state, command)
        case LinkBack():
            return link_back(state, command)
        case UnlinkBack():
            return unlink_back(state, command)
        case SettleLink():
            return settle_link(state, command)
        case AddComment():
            return add_comment(state, command)
        case EditComment():
            return edit_comment(state, command)
        case DeleteComment():
            return delete_comment(state, command)
        case ChangeTeam():
            return change_team(state, command)
        case ChangeVisibility():
            return change_visibility(state, command)
        case Archive():
            return archive(state, command)
        case Restore():
            return restore(state, command)
        case _:
            assert_never(command)


def check_new(entity_id: EntityId, prefix: str, *, title: str, description: str, labels: Sequence[str], what: str) -> tuple[str, ...]:
    """What holds for every new entity; returns its labels, sorted and once each. ``what``: ``a task``. Raises Refused."""
    if prefix_of(entity_id) != prefix:
        raise Refused("bad-id", f"{what}'s id looks like {prefix}_01k…; mint a new one")
    check_line("title", title, TITLE_MAX)
    check_text("description", description, DESCRIPTION_MAX)
    members = sorted(set(labels))
    check_members("labels", members, LABEL_MAX, LABELS_MAX)
    return tuple(members)


def edit(state: SharedState, command: Edit, texts: Mapping[str, TextField]) -> Sequence[Edited]:
    """Change texts, each judged by the value that the editor saw; all of them or, on a conflict, none."""
    fields = [change.field for change in command.changes]
    if len(set(fields)) != len(fields):
        raise Refused("field-twice", "a field is named twice in one edit; send one change for each field")
    for change in command.changes:
        text = texts.get(change.field)
        if text is None:
            names = " and ".join(texts)
            raise Refused("unknown-field", f"only {names} can be edited; other fields have commands of their own")
        (check_line if text.line else check_text)(change.field, change.to, text.length_max)
    changes = due(command.changes, state.texts)
    return (Edited(at=command.at, by=command.by, changes=changes),) if changes else ()


def assign(state: SharedState, command: Assign) -> Sequence[Assigned]:
    """Give it to someone, or to nobody."""
    if command.assignee is not None:
        check_line("assignee", command.assignee, ID_MAX)
    if not must_change("assignee", seen=command.seen, current=state.assignee, wanted=command.assignee):
        return ()
    return (Assigned(at=command.at, by=command.by, previous=state.assignee, assignee=command.assignee),)


def change_labels(state: SharedState, command: ChangeLabels) -> Sequence[LabelsChanged]:
    """Labels are a set: adding what is there and removing what is not changes nothing, so that two editors never conflict."""
    check_members("labels", command.add, LABEL_MAX, LABELS_MAX)
    added, removed = set_change("labels", state.labels, command.add, command.remove, LABELS_MAX)
    return (LabelsChanged(at=command.at, by=command.by, added=added, removed=removed),) if added or removed else ()


def change_watchers(state: SharedState, command: ChangeWatchers) -> Sequence[WatchersChanged]:
    """Watchers are a set, like labels."""
    check_members("watchers", command.add, ID_MAX, WATCHERS_MAX)
    added, removed = set_change("watchers", state.watchers, command.add, command.remove, WATCHERS_MAX)
    return (WatchersChanged(at=command.at, by=command.by, added=added, removed=removed),) if added or removed else ()


def add_comment(state: SharedState, command: AddComment) -> Sequence[CommentAdded]:
    """Say something. The same comment again changes nothing."""
    check_line("comment_id", command.comment_id, ID_MAX)
    _check_comment(command.text)
    known = state.comments.get(command.comment_id)
    if known is not None:
        if known.hash == hash_of(command.text):
            return ()
        raise Refused("comment-id-taken", "another comment has this id; take a new one")
    if len(state.comments) >= COMMENTS_MAX:
        raise Refused("too-many", f"{state.id} has {COMMENTS_MAX} comments already; delete one, or go on in a linked entity")
    return (CommentAdded(at=command.at, by=command.by, comment_id=command.comment_id, text=command.text, mentions=mentions(command.text)),)


def edit_comment(state: SharedState, command: EditComment) -> Sequence[CommentEdited]:
    """Only whoever wrote it may change it, and only from the text that was seen."""
    comment = _own_comment(state, command)
    _check_comment(command.text)
    if comment.hash == hash_of(command.text):
        return ()
    if comment.hash not in (command.seen, hash_of(command.seen)):
        raise EditConflict([FieldConflict(f"comment {command.comment_id}", command.seen, comment.hash, command.text)])
    seen = as_seen(command.seen)
    text, named = command.text, mentions(command.text)
    return (CommentEdited(at=command.at, by=command.by, comment_id=command.comment_id, seen=seen, text=text, mentions=named),)


def delete_comment(state: SharedState, command: DeleteComment) -> Sequence[CommentDeleted]:
    """Only whoever wrote it may take it back. The log keeps it. One that is not there is no error."""
    if command.comment_id not in state.comments:
        return ()
    _own_comment(state, command)
    return (CommentDeleted(at=command.at, by=command.by, comment_id=command.comment_id),)


def change_team(state: SharedState, command: ChangeTeam) -> Sequence[TeamChanged]:
    """Whose it is. That the team exists is the organisation's to say, and not checked here."""
    if command.team is not None:
        check_line("team", command.team, ID_MAX)
    if not must_change("team", seen=command.seen, current=state.team, wanted=command.team):
        return ()
    return (TeamChanged(at=command.at, by=command.by, previous=state.team, team=command.team),)


def change_visibility(state: SharedState, command: ChangeVisibility) -> Sequence[VisibilityChanged]:
    """Who may see it. Only ``named`` names people; with nobody named it is the admins' alone."""
    viewers = tuple(sorted(set(command.viewers)))
    check_members("viewers", viewers, ID_MAX, VIEWERS_MAX)
    if command.visibility is not Visibility.NAMED and viewers:
        raise Refused("viewers-without-named", "viewers count only with the visibility named; leave them out, or choose named")
    changes = must_change("visibility", seen=command.seen, current=state.visibility, wanted=command.visibility)
    if not changes and viewers == state.viewers:
        return ()
    return (VisibilityChanged(at=command.at, by=command.by, previous=state.visibility, visibility=command.visibility, viewers=viewers),)


def archive(state: SharedState, command: Archive) -> Sequence[Archived]:
    """Put it away, whatever its status. What is archived already stays so."""
    return () if state.archived else (Archived(at=command.at, by=command.by),)


def restore(state: SharedState, command: Restore) -> Sequence[Restored]:
    """Bring it back as it was."""
    return (Restored(at=command.at, by=command.by),) if state.archived else ()


def mentions(text: str) -> tuple[ActorId, ...]:
    """The people whom a text names, once each, in its order; at most ``MENTIONS_MAX``."""
    return tuple(dict.fromkeys(ActorId(name) for name in _MENTION.findall(text)))[:MENTIONS_MAX]


def check_members(field: str, members: Sequence[str], length_max: int, count_max: int) -> None:
    """A list of short lines. Raises Refused."""
    if len(members) > count_max:
        raise Refused("too-many", f"{len(members)} {field} at once, and there may be {count_max}; send fewer")
    for member in members:
        check_line(field, member, length_max)
        if member != member.strip():
            raise Refused("bad-text", f"one of the {field} starts or ends with white space; remove it")


_Member = TypeVar("_Member", bound=str)


def set_change(
    field: str, current: Sequence[_Member], add: Sequence[_Member], remove: Sequence[_Member], count_max: int
) -> tuple[tuple[_Member, ...], tuple[_Member, ...]]:
    """What is really added and removed, sorted. Raises Refused ``both`` or ``too-many``."""
    if set(add) & set(remove):
        raise Refused("both", f"one of the {field} is to be added and removed at once; choose one")
    added, removed = set(add) - set(current), set(remove) & set(current)
    if added and len(current) + len(added) - len(removed) > count_max:
        raise Refused("too-many", f"there may be {count_max} {field}; remove some first")
    return tuple(sorted(added)), tuple(sorted(removed))


def _own_comment(state: SharedState, command: EditComment | DeleteComment) -> Comment:
    comment = state.comments.get(command.comment_id)
    if comment is None:
        raise Refused("no-such-comment", f"{state.id} has no comment {command.comment_id[:ID_MAX]}; it may have been deleted")
    if comment.by != command.by:
        raise Refused("not-yours", f"the comment is {comment.by}'s; only they can change it: add one of your own")
    return comment


def _check_comment(text: str) -> None:
    check_text("text", text, COMMENT_MAX)
    if not text.strip():
        raise Refused("blank", "the comment is empty; write something")
