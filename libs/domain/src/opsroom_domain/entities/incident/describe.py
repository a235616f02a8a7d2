"""An incident's events in words, as a person would tell them, and as a diff. The actor and the time stand beside them on the screen."""

from __future__ import annotations

from opsroom_domain.decider import Json, TimelineEntry
from opsroom_domain.entities.incident.describe_parts import describe_part
from opsroom_domain.entities.incident.events import (
    Acknowledged,
    DutyChanged,
    Escalated,
    Event,
    EventPicked,
    EventUnpicked,
    FollowUpAsked,
    FollowUpSettled,
    MergeCompleted,
    Merged,
    MergeRefused,
    Noted,
    Opened,
    PostmortemEdited,
    PostmortemStarted,
    Reopened,
    Resolved,
    ReviewAsked,
    Reviewed,
    ServicesChanged,
    SeverityChanged,
    SignalAttached,
    SplitCompleted,
    SplitRefused,
    SplitStarted,
    StatusChanged,
    TookOver,
)
from opsroom_domain.entities.incident.state import Incident
from opsroom_domain.entities.incident.words import SignalStatus, Status
from opsroom_domain.shared.describe import describe_shared, quote, step, with_text
from opsroom_domain.times import rfc3339

_STATUS_WORDS = {
    Status.ACKNOWLEDGED: "Set back to acknowledged",
    Status.INVESTIGATING: "Started to investigate",
    Status.MITIGATED: "Marked as mitigated",
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
            words = with_text("Resolved automatically" if event.automatic else "Resolved", event.resolution)
            return TimelineEntry(words, {**_status(state, Status.RESOLVED), "resolution": step(state.resolution, event.resolution)})
        case Reopened():
            return TimelineEntry(with_text("Reopened", event.reason), _status(state, Status.OPEN))
        case Merged():
            diff: dict[str, Json] = {**_status(state, Status.MERGED), "merged_into": step(None, event.into)}
            return TimelineEntry(f"Merged into {event.into} as a duplicate", diff)
        case SeverityChanged():
            verb = "Raised" if event.severity < event.previous else "Lowered"
            words = f"{verb} the severity from {event.previous.upper()} to {event.severity.upper()}"
            return TimelineEntry(words, {"severity": step(event.previous.value, event.severity.value)})
        case Escalated():
            words = with_text(f"Escalated to level {event.level}", event.reason)
            return TimelineEntry(words, {"escalation_level": step(state.escalation_level, event.level)})
        case Noted():
            return TimelineEntry(with_text("Noted", event.text), {"note": step(None, event.text)})
        case SignalAttached():
            return _signalled(state, event)
        case (
            MergeCompleted()
            | MergeRefused()
            | SplitStarted()
            | SplitCompleted()
            | SplitRefused()
            | TookOver()
            | ServicesChanged()
            | DutyChanged()
            | PostmortemStarted()
            | PostmortemEdited()
            | EventPicked()
            | EventUnpicked()
            | FollowUpAsked()
            | FollowUpSettled()
            | ReviewAsked()
            | Reviewed()
        ):
            return describe_part(state, event)
        case _:
            return describe_shared(state, event)


def _opened(event: Opened) -> TimelineEntry:
    diff: dict[str, Json] = {
        "title": step(None, event.title),
        "severity": step(None, event.severity.value),
        "status": step(None, Status.OPEN.value),
        "source": step(None, event.source),
        "visibility": step(None, event.visibility.value),
    }
    if event.description:
        diff["description"] = step(None, event.description)
    if event.team is not None:
        diff["team"] = step(None, event.team)
    if event.labels:
        diff["labels"] = step([], list(event.labels))
    return TimelineEntry(f"Opened as {event.severity.upper()}: {quote(event.title)}", diff)


def _signalled(state: Incident, event: SignalAttached) -> TimelineEntry:
    known = state.signals.get(event.fingerprint)
    before: Json = None if known is None else {"status": known.status.value, "starts_at": rfc3339(known.starts_at)}
    after: Json = {"name": event.name, "status": event.status.value, "starts_at": rfc3339(event.starts_at)}
    what = "fires" if event.status is SignalStatus.FIRING else "is resolved"
    words = f"Signal {quote(event.name)} {what}"
    return TimelineEntry(
        with_text(words, event.summary) if event.status is SignalStatus.FIRING else words,
        {"signal": {"fingerprint": event.fingerprint, "from": before, "to": after}},
    )


def _status(state: Incident, status: Status) -> dict[str, Json]:
    return {"status": step(state.status.value, status.value)}
