"""Any command that somebody might send to an incident: sensible ones, stale ones and bad ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from examples import INC, OTHER, THIRD, Stamp
from hypothesis import strategies as st

from opsroom_domain.changes import Change, as_seen, hash_of
from opsroom_domain.entities.incident import (
    Acknowledge,
    AddNote,
    Assign,
    ChangeLabels,
    ChangeSeverity,
    ChangeStatus,
    ChangeVisibility,
    ChangeWatchers,
    Command,
    Edit,
    Escalate,
    Incident,
    Link,
    Merge,
    Open,
    Reopen,
    ReportSignal,
    Resolve,
    Severity,
    SignalStatus,
    Status,
    Unlink,
    Visibility,
)
from opsroom_domain.ids import ActorId

T = TypeVar("T")

PEOPLE = st.sampled_from([ActorId(f"usr_{name}") for name in ("alice", "bob", "carol")])
GOOD_LINES = st.sampled_from(["A", "B", "C", "Ünïcødé 🚨", "sha256:" + "0" * 64, "l" * 200])
LINES = GOOD_LINES | st.sampled_from(["", "two\nlines", "l" * 201])
GOOD_TEXTS = GOOD_LINES | st.sampled_from(["", "two\nlines", "long " * 60])
TEXTS = GOOD_TEXTS | st.sampled_from(["nul\x00"])
GOOD: Mapping[str, st.SearchStrategy[str]] = {"title": GOOD_LINES, "description": GOOD_TEXTS}
"""Texts that each editable field takes."""

_SEVERITIES = st.sampled_from(Severity)
_STATUSES = st.sampled_from(Status)
_VISIBILITIES = st.sampled_from(Visibility)
_SOMEBODY = st.none() | PEOPLE
_LABELS = st.lists(st.sampled_from(["a", "b", "c", "env=prod"]) | st.sampled_from(["d", " "]), max_size=3).map(tuple)
_WATCHERS = st.lists(PEOPLE, max_size=2).map(tuple)
_ENTITIES = st.sampled_from([INC, OTHER, THIRD])
_RELATIONS = st.sampled_from(["related", "caused-by", "Bad Relation"])
_MINUTES = st.integers(0, 4)
_LOOKS: list[Callable[[str], str]] = [lambda now: now, as_seen, hash_of, lambda _: "something else"]
"""How an editor may name what was seen."""


def _seen(current: T, other: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    return st.just(current) | other


def any_command(state: Incident, who: Stamp) -> st.SearchStrategy[Command]:
    """A command on ``state``, which exists."""
    return st.one_of(_on_work(state, who), _on_fields(state, who), _on_members(who), signals(state, who))


def merging(who: Stamp) -> st.SearchStrategy[Merge]:
    return st.builds(lambda into: Merge(**who, into=into), _ENTITIES)


def signals(state: Incident, who: Stamp) -> st.SearchStrategy[ReportSignal]:
    return st.builds(
        lambda fingerprint, status, starts, ends: ReportSignal(
            **who,
            incident_id=INC,
            fingerprint=fingerprint,
            status=status,
            starts_at=state.opened_at + timedelta(minutes=starts),
            ends_at=None if ends is None else state.opened_at + timedelta(minutes=ends),
            name="HighLatency",
            summary="p99 is 3 s",
            severity=Severity.SEV2,
            source="alertmanager",
            source_url="http://prometheus/graph",
        ),
        st.sampled_from(["f1", "f2", "f3"]),
        st.sampled_from(SignalStatus),
        _MINUTES,
        st.none() | _MINUTES,
    )


def _on_work(state: Incident, who: Stamp) -> st.SearchStrategy[Command]:
    return st.one_of(
        st.just(Acknowledge(**who)),
        st.builds(lambda seen, to: ChangeStatus(**who, seen=seen, status=to), _seen(state.status, _STATUSES), _STATUSES),
        st.builds(lambda reason: Escalate(**who, reason=reason), TEXTS),
        st.builds(lambda resolution: Resolve(**who, resolution=resolution), TEXTS),
        st.builds(lambda reason: Reopen(**who, reason=reason), TEXTS),
        st.just(Open(**who, incident_id=INC, title="again")),
    )


def _on_fields(state: Incident, who: Stamp) -> st.SearchStrategy[Command]:
    return st.one_of(
        st.builds(lambda seen, to: Assign(**who, seen=seen, assignee=to), _seen(state.assignee, _SOMEBODY), _SOMEBODY),
        st.builds(lambda seen, to: ChangeSeverity(**who, seen=seen, severity=to), _seen(state.severity, _SEVERITIES), _SEVERITIES),
        st.builds(
            lambda seen, to: ChangeVisibility(**who, seen=seen, visibility=to), _seen(state.visibility, _VISIBILITIES), _VISIBILITIES
        ),
        st.builds(
            lambda title, description: Edit(**who, changes=(*title, *description)), _change(state, "title"), _change(state, "description")
        ),
    )


def _change(state: Incident, field: str) -> st.SearchStrategy[tuple[Change, ...]]:
    wanted = LINES if field == "title" else TEXTS
    change = st.builds(lambda look, to: (Change(field=field, seen=look(state.texts[field]), to=to),), st.sampled_from(_LOOKS), wanted)
    return st.just(()) | change


def _on_members(who: Stamp) -> st.SearchStrategy[Command]:
    return st.one_of(
        st.builds(lambda note, text: AddNote(**who, note_id=note, text=text), st.sampled_from(["n1", "n2", "n3"]), TEXTS),
        st.builds(lambda target, relation: Link(**who, target=target, relation=relation), _ENTITIES, _RELATIONS),
        st.builds(lambda target, relation: Unlink(**who, target=target, relation=relation), _ENTITIES, _RELATIONS),
        st.builds(lambda add, remove: ChangeLabels(**who, add=add, remove=remove), _LABELS, _LABELS),
        st.builds(lambda add, remove: ChangeWatchers(**who, add=add, remove=remove), _WATCHERS, _WATCHERS),
    )
