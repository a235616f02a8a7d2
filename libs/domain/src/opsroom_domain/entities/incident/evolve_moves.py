"""How an incident becomes what events about signals, merges and splits say."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from opsroom_domain.copies import changed
from opsroom_domain.entities.incident.events import (
    MergeCompleted,
    Merged,
    MergeRefused,
    SignalAttached,
    SignalCopy,
    SplitCompleted,
    SplitRefused,
    SplitStarted,
    TookOver,
)
from opsroom_domain.entities.incident.state import Incident, MergeInto, Signal, SplitOff, TakenFrom
from opsroom_domain.entities.incident.words import SignalStatus, Status
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.evolve import touched, with_members
from opsroom_domain.shared.words import Standing

Moving: TypeAlias = Merged | MergeCompleted | MergeRefused | TookOver | SplitStarted | SplitCompleted | SplitRefused


def signal_attached(state: Incident, event: SignalAttached) -> Incident:
    """The signal as last reported. An incident that is being merged remembers what was heard (see ``MergeInto.heard``)."""
    signals = {**state.signals, event.fingerprint: _signal(event)}
    if state.merge is None or not state.merging:
        return changed(state, signals=signals)
    heard = event.status if state.merge.heard is not SignalStatus.FIRING else SignalStatus.FIRING
    return changed(state, signals=signals, merge=changed(state.merge, heard=heard))


def evolve_moves(state: Incident, event: Moving) -> Incident:
    """The incident after ``event``."""
    match event:
        case Merged():
            merge = MergeInto(into=event.into, standing=Standing.PENDING, before=state.status)
            changes = touched(state, event, "status")
            return changed(state, status=Status.MERGED, merged_into=event.into, merge=merge, field_changes=changes)
        case MergeCompleted():
            return changed(state, merge=changed(_merge(state), standing=Standing.DONE, heard=None))
        case MergeRefused():
            merge = changed(_merge(state), standing=Standing.REFUSED, reason=event.reason, heard=None)
            changes = touched(state, event, "status")
            return changed(state, status=merge.before, merged_into=None, merge=merge, field_changes=changes)
        case TookOver():
            return _took_over(state, event)
        case SplitStarted():
            split = SplitOff(title=event.title, standing=Standing.PENDING, fingerprints=event.fingerprints)
            return changed(state, splits={**_without(state, event.into), event.into: split})
        case SplitCompleted():
            gone = dict.fromkeys(event.fingerprints, event.into)
            signals = {name: signal for name, signal in state.signals.items() if name not in gone}
            split = changed(state.splits[event.into], standing=Standing.DONE, fingerprints=())
            return changed(state, signals=signals, moved={**state.moved, **gone}, splits={**state.splits, event.into: split})
        case SplitRefused():
            split = changed(state.splits[event.into], standing=Standing.REFUSED, fingerprints=(), reason=event.reason)
            return changed(state, splits={**state.splits, event.into: split})
        case _:
            assert_never(event)


def _took_over(state: Incident, event: TookOver) -> Incident:
    known = state.taken_from.get(event.source)
    left = len(event.left) + (0 if known is None else known.left)
    taken = TakenFrom(why=event.why, at=event.at, left=left) if known is None else changed(known, why=event.why, left=left)
    signals = {each.fingerprint: _signal(each) for each in event.signals}
    return changed(
        state,
        taken_from={**state.taken_from, event.source: taken},
        signals={**state.signals, **signals},
        moved={name: there for name, there in state.moved.items() if name not in signals},
        labels=with_members(state.labels, event.labels, ()),
        watchers=with_members(state.watchers, event.watchers, ()),
        services=with_members(state.services, event.services, ()),
    )


def _merge(state: Incident) -> MergeInto:
    if state.merge is None:
        raise ValueError(f"{state.id} was never merged, and a merge is settled; its history is broken")
    return state.merge


def _without(state: Incident, into: EntityId) -> dict[EntityId, SplitOff]:
    return {name: split for name, split in state.splits.items() if name != into}


def _signal(event: SignalAttached | SignalCopy) -> Signal:
    return Signal(
        status=event.status,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        name=event.name,
        summary=event.summary,
        source_url=event.source_url,
    )
