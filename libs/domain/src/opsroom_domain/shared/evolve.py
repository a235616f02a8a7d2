"""How what all kinds have becomes what the events say. Total: nothing is refused here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar, assert_never

from opsroom_domain.changes import hash_of
from opsroom_domain.copies import changed
from opsroom_domain.shared.events import (
    Archived,
    Assigned,
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    Edited,
    EventBase,
    LabelsChanged,
    Linked,
    LinkedBack,
    LinkSettled,
    Restored,
    SharedEvent,
    TeamChanged,
    Unlinked,
    VisibilityChanged,
    WatchersChanged,
)
from opsroom_domain.shared.state import Comment, FieldChange, LinkTo, SharedState
from opsroom_domain.shared.words import Standing

S = TypeVar("S", bound=SharedState)
TRACKED = ("title", "description", "assignee", "visibility", "team")
"""Fields of all kinds whose last change is remembered."""


def evolve_shared(state: S, event: SharedEvent) -> S:
    """The entity after ``event``. Raises ValueError for an edit of a field that it has not: the history is broken and the reader parks it."""
    match event:
        case Edited():
            return _edited(state, event)
        case Assigned():
            return changed(state, assignee=event.assignee, field_changes=touched(state, event, "assignee"))
        case LabelsChanged():
            return changed(state, labels=with_members(state.labels, event.added, event.removed))
        case WatchersChanged():
            return changed(state, watchers=with_members(state.watchers, event.added, event.removed))
        case Linked():
            return changed(state, links=_with_link(state, event, Standing.PENDING))
        case LinkedBack():
            return changed(state, links=_with_link(state, event, Standing.DONE))
        case LinkSettled():
            standing = Standing.REFUSED if event.reason else Standing.DONE
            return changed(state, links=_with_link(state, event, standing, event.reason))
        case Unlinked():
            return changed(state, links=_other_links(state, event))
        case CommentAdded():
            comment = Comment(by=event.by, at=event.at, hash=hash_of(event.text))
            return changed(state, comments={**state.comments, event.comment_id: comment})
        case CommentEdited():
            before = state.comments[event.comment_id]
            comment = Comment(by=before.by, at=before.at, hash=hash_of(event.text), edited_at=event.at)
            return changed(state, comments={**state.comments, event.comment_id: comment})
        case CommentDeleted():
            return changed(state, comments={name: known for name, known in state.comments.items() if name != event.comment_id})
        case TeamChanged():
            return changed(state, team=event.team, field_changes=touched(state, event, "team"))
        case VisibilityChanged():
            changes = touched(state, event, "visibility")
            return changed(state, visibility=event.visibility, viewers=tuple(sorted(event.viewers)), field_changes=changes)
        case Archived():
            return changed(state, archived=True)
        case Restored():
            return changed(state, archived=False)
        case _:
            assert_never(event)


def first_changes(event: EventBase, fields: Iterable[str]) -> dict[str, FieldChange]:
    """What a new entity says of its fields: all were given by who made it."""
    return dict.fromkeys(fields, FieldChange(by=event.by, at=event.at))


def touched(state: SharedState, event: EventBase, *fields: str) -> Mapping[str, FieldChange]:
    """The field changes after ``event`` gave these fields their values."""
    return {**state.field_changes, **dict.fromkeys(fields, FieldChange(by=event.by, at=event.at))}


M = TypeVar("M", bound=str)


def with_members(current: Iterable[M], added: Iterable[M], removed: Iterable[M]) -> tuple[M, ...]:
    """A set as a sorted tuple after an addition and a removal."""
    return tuple(sorted({*current, *added} - {*removed}))


_AboutLink = Linked | LinkedBack | LinkSettled | Unlinked


def _with_link(state: SharedState, event: _AboutLink, standing: Standing, reason: str = "") -> tuple[LinkTo, ...]:
    link = LinkTo(target=event.target, relation=event.relation, standing=standing, reason=reason)
    return tuple(sorted((*_other_links(state, event), link), key=lambda to: (to.target, to.relation)))


def _other_links(state: SharedState, event: _AboutLink) -> tuple[LinkTo, ...]:
    return tuple(link for link in state.links if (link.target, link.relation) != (event.target, event.relation))


def _edited(state: S, event: Edited) -> S:
    texts = state.texts
    for change in event.changes:
        if change.field not in texts:
            raise ValueError(f"{state.id}: the field {change.field} cannot be edited; its history is broken or newer than this program")
        texts[change.field] = change.to
    return changed(state, **texts, field_changes=touched(state, event, *(change.field for change in event.changes)))
