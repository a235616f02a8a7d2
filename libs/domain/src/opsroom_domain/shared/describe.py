"""The events that all kinds have in words, as a person would tell them, and as a diff. The actor and the time stand beside them on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from opsroom_domain.decider import Json, TimelineEntry
from opsroom_domain.shared.events import (
    Archived,
    Assigned,
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    Edited,
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
from opsroom_domain.shared.state import SharedState
from opsroom_domain.shared.words import Standing, Visibility
from opsroom_domain.text import fitted_line

QUOTE_MAX = 200
"""Characters of a free text that are quoted in the words; the diff holds it whole."""
_VISIBILITY_WORDS = {
    Visibility.EVERYONE: "everyone",
    Visibility.TEAM: "the team",
    Visibility.NAMED: "the people named",
}


def describe_shared(state: SharedState, event: SharedEvent) -> TimelineEntry:
    """Tell ``event``; ``state`` is the entity before it."""
    match event:
        case Edited():
            return _edited(state, event)
        case Assigned():
            return TimelineEntry(_assigned_words(event), {"assignee": step(event.previous, event.assignee)})
        case LabelsChanged():
            words = set_words("label", "labels", event.added, event.removed)
            return TimelineEntry(words, {"labels": step(list(event.removed), list(event.added))})
        case WatchersChanged():
            words = set_words("watcher", "watchers", event.added, event.removed)
            return TimelineEntry(words, {"watchers": step(list(event.removed), list(event.added))})
        case Linked():
            return TimelineEntry(f"Linked {event.target} as {event.relation}", {"link": step(None, _link(event))})
        case Unlinked():
            return TimelineEntry(f"Removed the link to {event.target} as {event.relation}", {"link": step(_link(event), None)})
        case LinkedBack():
            return TimelineEntry(f"{event.target} was linked: {event.relation}", {"link": step(None, _link(event))})
        case LinkSettled():
            return _settled(state, event)
        case CommentAdded():
            diff: dict[str, Json] = {"comment": {"id": event.comment_id, **step(None, event.text)}}
            return TimelineEntry(f"Commented: {fitted_line(event.text, QUOTE_MAX)}", diff)
        case CommentEdited():
            diff = {"comment": {"id": event.comment_id, **step(event.seen, event.text)}}
            return TimelineEntry(f"Edited the comment: {fitted_line(event.text, QUOTE_MAX)}", diff)
        case CommentDeleted():
            known = state.comments[event.comment_id]
            return TimelineEntry("Deleted the comment", {"comment": {"id": event.comment_id, **step(known.hash, None)}})
        case TeamChanged():
            words = f"Gave it to the team {event.team}" if event.team is not None else f"Took it from the team {event.previous}"
            return TimelineEntry(words, {"team": step(event.previous, event.team)})
        case VisibilityChanged():
            return _visibility(state, event)
        case Archived():
            return TimelineEntry("Archived it", {"archived": step(state.archived, True)})
        case Restored():
            return TimelineEntry("Restored it", {"archived": step(state.archived, False)})
        case _:
            assert_never(event)


def step(before: Json, after: Json) -> dict[str, Json]:
    """One field's change, as every diff writes it."""
    return {"from": before, "to": after}


def with_text(words: str, text: str) -> str:
    """``words``, and the free text behind them if there is one."""
    quoted = fitted_line(text, QUOTE_MAX)
    return f"{words}: {quoted}" if quoted else words


def quote(text: str) -> str:
    """A free text in quotation marks, on one line, cut if it is long."""
    return f"“{fitted_line(text, QUOTE_MAX)}”"


def _edited(state: SharedState, event: Edited) -> TimelineEntry:
    before = state.texts
    told = [f"renamed it to {quote(change.to)}" if change.field == "title" else f"edited the {change.field}" for change in event.changes]
    words = " and ".join(told)
    return TimelineEntry(words[:1].upper() + words[1:], {change.field: step(before[change.field], change.to) for change in event.changes})


def _visibility(state: SharedState, event: VisibilityChanged) -> TimelineEntry:
    diff: dict[str, Json] = {"visibility": step(event.previous.value, event.visibility.value)}
    if event.viewers or state.viewers:
        diff["viewers"] = step(list(state.viewers), list(event.viewers))
    return TimelineEntry(f"Made it visible to {_VISIBILITY_WORDS[event.visibility]}", diff)


def _assigned_words(event: Assigned) -> str:
    if event.assignee is None:
        return f"Took it from {event.previous}"
    if event.assignee == event.by:
        return "Took it over" if event.previous is None else f"Took it over from {event.previous}"
    return f"Assigned it to {event.assignee}" if event.previous is None else f"Passed it from {event.previous} to {event.assignee}"


def set_words(one: str, several: str, added: Sequence[str], removed: Sequence[str]) -> str:
    """What was added to a set and removed from it; the first word in capitals."""
    parts = [
        f"{verb} the {one if len(members) == 1 else several} {', '.join(members)}"
        for verb, members in (("added", added), ("removed", removed))
        if members
    ]
    words = fitted_line(" and ".join(parts), 2 * QUOTE_MAX)
    return words[:1].upper() + words[1:]


def _settled(state: SharedState, event: LinkSettled) -> TimelineEntry:
    known = state.link(event.target, event.relation)
    before = None if known is None else known.standing.value
    after = Standing.REFUSED if event.reason else Standing.DONE
    words = f"{event.target} refused the link" if event.reason else f"{event.target} shows the link too"
    return TimelineEntry(with_text(words, event.reason), {"link": {**_link(event), **step(before, after.value)}})


def _link(event: Linked | LinkedBack | LinkSettled | Unlinked) -> dict[str, Json]:
    return {"target": event.target, "relation": event.relation}
