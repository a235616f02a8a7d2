"""An incident's events in words, as a person would tell them, and as a diff. The actor and the time stand beside them on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from opsroom_domain.decider import Json, TimelineEntry
from opsroom_domain.entities.incident.events import (
    Acknowledged,
    Assigned,
    Edited,
    Escalated,
    Event,
    LabelsChanged,
    Linked,
    Merged,
    Noted,
    Opened,
    Reopened,
    Resolved,
    SeverityChanged,
    SignalAttached,
    StatusChanged,
    Unlinked,
    VisibilityChanged,
    WatchersChanged,
)
from opsroom_domain.entities.incident.state import Incident
from opsroom_domain.entities.incident.words import SignalStatus, Status, Visibility
from opsroom_domain.text import fitted_line
from opsroom_domain.times import rfc3339

QUOTE_MAX = 200
"""Characters of a free text that are quoted in the words; the diff holds it whole."""
_STATUS_WORDS = {
    Status.ACKNOWLEDGED: "Set back to acknowledged",
    Status.INVESTIGATING: "Started to investigate",
    Status.MITIGATED: "Marked as mitigated",
}
_VISIBILITY_WORDS = {
    Visibility.EVERYONE: "everyone",
    Visibility.TEAM: "the team",
    Visibility.NAMED: "the people named",
}


def describe(state: Incident | None, event: Event) -> TimelineEntry:
    """Tell ``event``; ``state`` is the incident before it, None before Opened. Raises ValueError for a history that ``evolve`` refuses."""
    if isinstance(event, Opened):
        return _opened(event)
    if state is None:
        raise ValueError(f"an incident's history starts with {type(event).__name__} instead of Opened; it is broken")
    match event:
        case Acknowledged():
            return TimelineEntry("Acknowledged", _status(state, Status.ACKNOWLEDGED))
        case StatusChanged():
            return TimelineEntry(_STATUS_WORDS.get(event.status, f"Changed the status to {event.status}"), _status(state, event.status))
        case Resolved():
            words = _with_text("Resolved automatically" if event.automatic else "Resolved", event.resolution)
            return TimelineEntry(words, {**_status(state, Status.RESOLVED), "resolution": _step(state.resolution, event.resolution)})
        case Reopened():
            return TimelineEntry(_with_text("Reopened", event.reason), _status(state, Status.OPEN))
        case Merged():
            diff = {**_status(state, Status.MERGED), "merged_into": _step(None, event.into)}
            return TimelineEntry(f"Merged into {event.into} as a duplicate", diff)
        case Assigned():
            return TimelineEntry(_assigned_words(event), {"assignee": _step(event.previous, event.assignee)})
        case SeverityChanged():
            verb = "Raised" if event.severity < event.previous else "Lowered"
            words = f"{verb} the severity from {event.previous.upper()} to {event.severity.upper()}"
            return TimelineEntry(words, {"severity": _step(event.previous.value, event.severity.value)})
        case VisibilityChanged():
            words = f"Made it visible to {_VISIBILITY_WORDS[event.visibility]}"
            return TimelineEntry(words, {"visibility": _step(event.previous.value, event.visibility.value)})
        case Edited():
            return _edited(state, event)
        case Escalated():
            words = _with_text(f"Escalated to level {event.level}", event.reason)
            return TimelineEntry(words, {"escalation_level": _step(state.escalation_level, event.level)})
        case Noted() | Linked() | Unlinked() | SignalAttached() | LabelsChanged() | WatchersChanged():
            return _added_or_removed(state, event)
        case _:
            assert_never(event)


def _added_or_removed(
    state: Incident, event: Noted | Linked | Unlinked | SignalAttached | LabelsChanged | WatchersChanged
) -> TimelineEntry:
    """Events on what an incident has several of: the diff names the member, not the whole list."""
    match event:
        case Noted():
            return TimelineEntry(_with_text("Noted", event.text), {"note": _step(None, event.text)})
        case Linked():
            return TimelineEntry(f"Linked {event.target} as {event.relation}", {"link": _step(None, _link(event))})
        case Unlinked():
            return TimelineEntry(f"Removed the link to {event.target} as {event.relation}", {"link": _step(_link(event), None)})
        case SignalAttached():
            return _signalled(state, event)
        case LabelsChanged():
            words = _set_words("label", "labels", event.added, event.removed)
            return TimelineEntry(words, {"labels": _step(list(event.removed), list(event.added))})
        case WatchersChanged():
            words = _set_words("watcher", "watchers", event.added, event.removed)
            return TimelineEntry(words, {"watchers": _step(list(event.removed), list(event.added))})
        case _:
            assert_never(event)


def _opened(event: Opened) -> TimelineEntry:
    diff: dict[str, Json] = {
        "title": _step(None, event.title),
        "severity": _step(None, event.severity.value),
        "status": _step(None, Status.OPEN.value),
        "source": _step(None, event.source),
        "visibility": _step(None, event.visibility.value),
    }
    if event.description:
        diff["description"] = _step(None, event.description)
    if event.labels:
        diff["labels"] = _step([], list(event.labels))
    return TimelineEntry(f"Opened as {event.severity.upper()}: {_quote(event.title)}", diff)


def _edited(state: Incident, event: Edited) -> TimelineEntry:
    before = state.texts
    told = [f"renamed it to {_quote(change.to)}" if change.field == "title" else f"edited the {change.field}" for change in event.changes]
    words = " and ".join(told)
    return TimelineEntry(words[:1].upper() + words[1:], {change.field: _step(before[change.field], change.to) for change in event.changes})


def _signalled(state: Incident, event: SignalAttached) -> TimelineEntry:
    known = state.signals.get(event.fingerprint)
    before: Json = None if known is None else {"status": known.status.value, "starts_at": rfc3339(known.starts_at)}
    after: Json = {"name": event.name, "status": event.status.value, "starts_at": rfc3339(event.starts_at)}
    what = "fires" if event.status is SignalStatus.FIRING else "is resolved"
    words = f"Signal {_quote(event.name)} {what}"
    return TimelineEntry(
        _with_text(words, event.summary) if event.status is SignalStatus.FIRING else words,
        {"signal": {"fingerprint": event.fingerprint, "from": before, "to": after}},
    )


def _assigned_words(event: Assigned) -> str:
    if event.assignee is None:
        return f"Took it from {event.previous}"
    if event.assignee == event.by:
        return "Took it over" if event.previous is None else f"Took it over from {event.previous}"
    return f"Assigned it to {event.assignee}" if event.previous is None else f"Passed it from {event.previous} to {event.assignee}"


def _set_words(one: str, several: str, added: Sequence[str], removed: Sequence[str]) -> str:
    parts = [
        f"{verb} the {one if len(members) == 1 else several} {', '.join(members)}"
        for verb, members in (("added", added), ("removed", removed))
        if members
    ]
    words = fitted_line(" and ".join(parts), 2 * QUOTE_MAX)
    return words[:1].upper() + words[1:]


def _link(event: Linked | Unlinked) -> dict[str, Json]:
    return {"target": event.target, "relation": event.relation}


def _status(state: Incident, status: Status) -> dict[str, Json]:
    return {"status": _step(state.status.value, status.value)}


def _step(before: Json, after: Json) -> dict[str, Json]:
    return {"from": before, "to": after}


def _with_text(words: str, text: str) -> str:
    quoted = fitted_line(text, QUOTE_MAX)
    return f"{words}: {quoted}" if quoted else words


def _quote(text: str) -> str:
    return f"“{fitted_line(text, QUOTE_MAX)}”"
