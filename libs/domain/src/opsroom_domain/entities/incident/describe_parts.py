"""Merges, splits, duties and the postmortem in words and as diffs."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from opsroom_domain.changes import as_seen
from opsroom_domain.decider import Json, TimelineEntry
from opsroom_domain.entities.incident.events import (
    DutyChanged,
    EventPicked,
    EventUnpicked,
    FollowUpAsked,
    FollowUpSettled,
    MergeCompleted,
    MergeRefused,
    PostmortemEdited,
    PostmortemEvent,
    PostmortemStarted,
    ReviewAsked,
    Reviewed,
    ServicesChanged,
    SplitCompleted,
    SplitRefused,
    SplitStarted,
    TookOver,
)
from opsroom_domain.entities.incident.state import Incident, Postmortem
from opsroom_domain.entities.incident.words import Duty, Review, Status, TakenWhy
from opsroom_domain.shared.describe import QUOTE_MAX, quote, set_words, step, with_text
from opsroom_domain.shared.words import Standing
from opsroom_domain.text import fitted_line

Part: TypeAlias = (
    MergeCompleted
    | MergeRefused
    | SplitStarted
    | SplitCompleted
    | SplitRefused
    | TookOver
    | ServicesChanged
    | DutyChanged
    | PostmortemEvent
)
_DUTIES = {Duty.COMMANDER: "incident commander", Duty.COMMUNICATIONS: "communications lead"}


def describe_part(state: Incident, event: Part) -> TimelineEntry:
    """Tell ``event``; ``state`` is the incident before it."""
    match event:
        case MergeCompleted():
            return TimelineEntry(f"{event.into} took everything over: the merge is done", {"merging": _standing(Standing.DONE, event.into)})
        case MergeRefused():
            return _merge_refused(state, event)
        case SplitStarted():
            words = f"Splits {_signals(len(event.fingerprints))} off to {event.into}: {quote(event.title)}"
            diff: dict[str, Json] = {"split": {"into": event.into, **step(None, Standing.PENDING.value)}}
            return TimelineEntry(words, diff)
        case SplitCompleted():
            words = f"{event.into} has {_signals(len(event.fingerprints))}: the split is done"
            return TimelineEntry(words, {"split": _standing(Standing.DONE, event.into), "signals": step(list(event.fingerprints), [])})
        case SplitRefused():
            words = with_text(f"The split to {event.into} was refused", event.reason)
            return TimelineEntry(words, {"split": _standing(Standing.REFUSED, event.into)})
        case TookOver():
            return _took_over(event)
        case ServicesChanged():
            words = set_words("affected service", "affected services", event.added, event.removed)
            return TimelineEntry(words, {"services": step(list(event.removed), list(event.added))})
        case DutyChanged():
            return _duty(event)
        case _:
            return _postmortem(state.postmortem, event)


def _merge_refused(state: Incident, event: MergeRefused) -> TimelineEntry:
    before = state.status if state.merge is None else state.merge.before
    diff: dict[str, Json] = {
        "status": step(Status.MERGED.value, before.value),
        "merged_into": step(event.into, None),
        "merging": _standing(Standing.REFUSED, event.into),
    }
    return TimelineEntry(with_text(f"{event.into} refused the merge", event.reason), diff)


def _took_over(event: TookOver) -> TimelineEntry:
    parts = [
        f"{len(things)} {one if len(things) == 1 else one + 's'}"
        for one, things in (("signal", event.signals), ("label", event.labels), ("watcher", event.watchers), ("service", event.services))
        if things
    ]
    what = ", ".join(parts) or "nothing new"
    words = f"Took {what} over from {event.source}" if event.why is TakenWhy.MERGE else f"Split off {event.source} with {what}"
    if event.left:
        words = f"{words}; no room for {', '.join(event.left)}"
    taken: dict[str, Json] = {
        "source": event.source,
        "signals": [signal.fingerprint for signal in event.signals],
        "labels": list(event.labels),
        "watchers": list(event.watchers),
        "services": list(event.services),
        "left": list(event.left),
    }
    return TimelineEntry(fitted_line(words, 2 * QUOTE_MAX), {"taken": step(None, taken)})


def _duty(event: DutyChanged) -> TimelineEntry:
    name = _DUTIES[event.duty]
    if event.actor is None:
        words = f"{event.previous} is no longer {name}"
    else:
        words = f"Made {event.actor} {name}" + ("" if event.previous is None else f" instead of {event.previous}")
    return TimelineEntry(words, {event.duty.value: step(event.previous, event.actor)})


def _postmortem(known: Postmortem | None, event: PostmortemEvent) -> TimelineEntry:
    if isinstance(event, PostmortemStarted):
        return TimelineEntry("Started the postmortem", {"review": step(None, Review.DRAFT.value)})
    if known is None:
        raise ValueError(f"{type(event).__name__} is about a postmortem that was never started; the history is broken")
    match event:
        case PostmortemEdited():
            names = ", ".join(change.field for change in event.changes)
            diff: dict[str, Json] = {
                f"postmortem.{change.field}": step(as_seen(known.sections[change.field]), change.to) for change in event.changes
            }
            return TimelineEntry(f"Wrote in the postmortem: {names}", diff)
        case EventPicked():
            before = known.picks.get(event.version)
            pick: Json = {"version": event.version, **step(None if before is None else before.note, event.note)}
            return TimelineEntry(with_text(f"Picked event {event.version} for the postmortem", event.note), {"pick": pick})
        case EventUnpicked():
            gone: Json = {"version": event.version, **step(known.picks[event.version].note, None)}
            return TimelineEntry(f"Left event {event.version} out of the postmortem", {"pick": gone})
        case FollowUpAsked():
            words = f"Asked for the follow-up {quote(event.title)}"
            return TimelineEntry(words, {"follow_up": {"task_id": event.task_id, **step(None, Standing.PENDING.value)}})
        case FollowUpSettled():
            standing = Standing.REFUSED if event.reason else Standing.DONE
            words = f"The follow-up is {event.task_id}" if not event.reason else f"The follow-up {event.task_id} could not be made"
            diff = {"follow_up": {"task_id": event.task_id, **step(Standing.PENDING.value, standing.value)}}
            return TimelineEntry(with_text(words, event.reason), diff)
        case ReviewAsked():
            return TimelineEntry("Asked for a review of the postmortem", {"review": step(known.review.value, Review.IN_REVIEW.value)})
        case Reviewed():
            words = "Approved the postmortem" if event.verdict is Review.APPROVED else "Asked for changes in the postmortem"
            return TimelineEntry(with_text(words, event.note), {"review": step(known.review.value, event.verdict.value)})
        case _:
            assert_never(event)


def _standing(standing: Standing, into: str) -> Json:
    return {"into": into, **step(Standing.PENDING.value, standing.value)}


def _signals(count: int) -> str:
    return "1 signal" if count == 1 else f"{count} signals"
