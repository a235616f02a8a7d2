"""Incidents that are linked, merged and split, and what was learned of one: what ``incident`` does not tell, with the process's answers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from opsroom_domain.changes import Change
from opsroom_domain.entities.incident import (
    INCIDENT,
    AskFollowUp,
    AskReview,
    ChangeDuty,
    ChangeServices,
    ChangeWatchers,
    CompleteMerge,
    CompleteSplit,
    Duty,
    EditPostmortem,
    Incident,
    Link,
    LinkBack,
    LinkTo,
    Merge,
    Open,
    OpenSplit,
    PickEvent,
    RefuseMerge,
    RefuseSplit,
    ReportSignal,
    Resolve,
    Review,
    ReviewPostmortem,
    SettleFollowUp,
    SettleLink,
    Severity,
    SignalStatus,
    Split,
    StartPostmortem,
    TakenWhy,
    TakeOver,
    UnpickEvent,
    Visibility,
    copies,
)
from opsroom_domain.ids import ActorId, EntityId

from .telling import ADA, BO, PROBE, START, clock

KIND = "incident"
_PROCESS = ActorId("svc_processes")
_DISK = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k5n")
_AGAIN = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k6p")
_SPLIT = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k7q")
_GONE = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k8r")
_INDEX = EntityId("tsk_01kaqf5m2s8v6t4r0q9p7n3k9s")
_ALARM = EntityId("tsk_01kaqf5m2s8v6t4r0q9p7n3kat")


def story() -> Iterator[tuple[str, EntityId, Any]]:
    """Two incidents are linked and merged, a third is split off, and the postmortem is approved."""
    common, states = clock(), dict[EntityId, Incident]()
    for entity_id, command in _steps(common, states):
        for event in INCIDENT.decide(states.get(entity_id), command):
            states[entity_id] = INCIDENT.evolve(states.get(entity_id), event)
        yield KIND, entity_id, command


def _steps(common: Any, states: dict[EntityId, Incident]) -> Iterator[tuple[EntityId, Any]]:
    yield _DISK, Open(incident_id=_DISK, title="The disk is full", labels=("db",), **common())
    yield _AGAIN, Open(incident_id=_AGAIN, title="No space left", labels=("disk",), **common())
    for number, name in enumerate(("5f1c0a9be2d34c77", "77aa0a9be2d34c01")):
        yield _AGAIN, _signal(name, START + timedelta(seconds=number), common(PROBE))
    yield _AGAIN, ChangeWatchers(add=(BO,), **common(BO))
    yield _AGAIN, ChangeServices(add=("checkout", "search"), remove=(), **common(BO))
    yield _AGAIN, ChangeServices(remove=("search",), **common(BO))
    yield _AGAIN, ChangeDuty(duty=Duty.COMMANDER, seen=None, actor=ADA, **common())
    yield _AGAIN, ChangeDuty(duty=Duty.COMMUNICATIONS, seen=None, actor=BO, **common())
    yield _AGAIN, Link(target=_DISK, relation="caused-by", **common())
    yield _DISK, LinkBack(target=_AGAIN, relation="causes", **common(_PROCESS))
    yield _AGAIN, SettleLink(target=_DISK, relation="caused-by", **common(_PROCESS))
    yield _AGAIN, Link(target=_GONE, relation="related", **common())
    yield _AGAIN, SettleLink(target=_GONE, relation="related", reason="there is no such incident", **common(_PROCESS))
    yield _AGAIN, Merge(into=_GONE, **common(BO))
    yield _AGAIN, RefuseMerge(into=_GONE, code="not-found", reason="there is no such incident", **common(_PROCESS))
    yield _AGAIN, Merge(into=_DISK, **common(BO))
    there = states[_AGAIN]
    yield (
        _DISK,
        TakeOver(
            source=_AGAIN,
            why=TakenWhy.MERGE,
            signals=copies(there),
            labels=there.labels,
            watchers=there.watchers,
            services=there.services,
            links=(LinkTo(target=_GONE, relation="related"),),
            **common(_PROCESS),
        ),
    )
    yield _AGAIN, CompleteMerge(into=_DISK, **common(_PROCESS))
    yield _DISK, Split(into=_AGAIN, title="Another disk", fingerprints=("77aa0a9be2d34c01",), **common())
    yield _DISK, RefuseSplit(into=_AGAIN, code="already-exists", reason="it exists already", **common(_PROCESS))
    yield _DISK, Split(into=_SPLIT, title="Another disk", fingerprints=("77aa0a9be2d34c01",), **common())
    signals = copies(states[_DISK], ["77aa0a9be2d34c01"])
    yield (
        _SPLIT,
        OpenSplit(
            incident_id=_SPLIT,
            source=_DISK,
            title="Another disk",
            severity=Severity.SEV2,
            labels=("db",),
            services=("checkout",),
            visibility=Visibility.NAMED,
            viewers=(ADA, BO),
            team="storage",
            signals=signals,
            **common(_PROCESS),
        ),
    )
    yield _DISK, CompleteSplit(into=_SPLIT, signals=signals, **common(_PROCESS))
    yield _DISK, Resolve(resolution="A larger disk", **common())
    yield from _postmortem(common)


def _postmortem(common: Any) -> Iterator[tuple[EntityId, Any]]:
    yield _DISK, StartPostmortem(**common())
    first = Change(field="summary", seen="", to="The disk filled up.\nNobody was warned.")
    yield _DISK, EditPostmortem(changes=(first, Change(field="causes", seen="", to="Logs were kept for ever.")), **common())
    yield _DISK, PickEvent(version=1, note="The first sign", **common())
    yield _DISK, PickEvent(version=2, **common())
    yield _DISK, UnpickEvent(version=2, **common())
    yield _DISK, AskFollowUp(task_id=_INDEX, title="Rotate the logs", **common())
    yield _DISK, SettleFollowUp(task_id=_INDEX, **common(_PROCESS))
    yield _DISK, AskFollowUp(task_id=_ALARM, title="Warn at 80 %", **common())
    yield _DISK, SettleFollowUp(task_id=_ALARM, reason="the id is taken", **common(_PROCESS))
    yield _DISK, AskReview(**common())
    yield _DISK, ReviewPostmortem(verdict=Review.CHANGES_REQUESTED, note="Say who was on call", **common(BO))
    yield _DISK, AskReview(**common())
    yield _DISK, ReviewPostmortem(verdict=Review.APPROVED, **common(BO))


def _signal(name: str, starts_at: Any, stamp: Any) -> ReportSignal:
    return ReportSignal(
        incident_id=_AGAIN,
        fingerprint=name,
        status=SignalStatus.FIRING,
        starts_at=starts_at,
        ends_at=None,
        name="DiskFull",
        summary="No space left on the device",
        severity=Severity.SEV2,
        source="alertmanager",
        source_url="http://127.0.0.1:9090/graph?g0.expr=disk",
        labels=("job:db",),
        **stamp,
    )
