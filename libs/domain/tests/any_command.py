"""Any command that somebody might send to an incident: sensible ones, stale ones and bad ones.

A strategy gives a function of the incident and the stamp, so that it is built once and not in each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeAlias, TypeVar

from examples import INC, OTHER, THIRD, Stamp
from hypothesis import strategies as st

from opsroom_domain.changes import Change, as_seen, hash_of
from opsroom_domain.entities.incident import (
    Acknowledge,
    AddComment,
    AddNote,
    Archive,
    AskFollowUp,
    AskReview,
    Assign,
    ChangeDuty,
    ChangeLabels,
    ChangeServices,
    ChangeSeverity,
    ChangeStatus,
    ChangeTeam,
    ChangeVisibility,
    ChangeWatchers,
    Command,
    CompleteSplit,
    DeleteComment,
    Duty,
    Edit,
    EditComment,
    EditPostmortem,
    Escalate,
    Incident,
    Link,
    LinkBack,
    LinkTo,
    Merge,
    Open,
    PickEvent,
    RefuseSplit,
    Relation,
    Reopen,
    ReportSignal,
    Resolve,
    Restore,
    Review,
    ReviewPostmortem,
    SettleFollowUp,
    SettleLink,
    Severity,
    SignalCopy,
    SignalStatus,
    Split,
    StartPostmortem,
    Status,
    TakenWhy,
    TakeOver,
    Unlink,
    UnlinkBack,
    UnpickEvent,
    Visibility,
    copies,
)
from opsroom_domain.ids import ActorId, EntityId

T = TypeVar("T")
Make: TypeAlias = Callable[[Incident, Stamp], Command]

PEOPLE = st.sampled_from([ActorId(f"usr_{name}") for name in ("alice", "bob", "carol")])
_SHORT = ["A", "B", "C", "Ünïcødé 🚨", "sha256:" + "0" * 64, "l" * 200]
_LONG = ["", "two\nlines", "long " * 60]
GOOD_LINES = st.sampled_from(_SHORT)
LINES = st.sampled_from([*_SHORT, "", "two\nlines", "l" * 201])
GOOD_TEXTS = st.sampled_from([*_SHORT, *_LONG])
TEXTS = st.sampled_from([*_SHORT, *_LONG, "nul\x00"])
GOOD: Mapping[str, st.SearchStrategy[str]] = {"title": GOOD_LINES, "description": GOOD_TEXTS}
"""Texts that each editable field takes."""

_SEVERITIES = st.sampled_from(Severity)
_STATUSES = st.sampled_from(Status)
_VISIBILITIES = st.sampled_from(Visibility)
_SOMEBODY = st.none() | PEOPLE
_LABELS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "env=prod", " "]), max_size=2).map(tuple)
_WATCHERS = st.lists(PEOPLE, max_size=1).map(tuple)
_ENTITIES = st.sampled_from([OTHER, THIRD, INC])
_RELATIONS = st.sampled_from(["related", "caused-by", "blocks", "Bad Relation"])
_MINUTES = st.integers(0, 4)
_COMMENT_IDS = st.sampled_from(["c1", "c2"])
_TEAMS = st.sampled_from([None, "payments", "search"])
_SEEN = st.booleans()
"""Whether the sender saw the current value, or whatever else was drawn."""
_LOOKS: list[Callable[[str], str]] = [lambda now: now, as_seen, hash_of, lambda _: "something else"]
"""How an editor may name what was seen."""


@st.composite
def signals(draw: st.DrawFn) -> Callable[[Incident, Stamp], ReportSignal]:
    """A report of one of three signals, in one of a few episodes."""
    fingerprint = draw(st.sampled_from(["f1", "f2", "f3"]))
    status, starts, ends = draw(st.sampled_from(SignalStatus)), draw(_MINUTES), draw(st.none() | _MINUTES)
    return lambda state, who: ReportSignal(
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
    )


@st.composite
def _edits(draw: st.DrawFn) -> Make:
    wanted = {"title": draw(st.none() | LINES), "description": draw(st.none() | TEXTS)}
    look = draw(st.sampled_from(_LOOKS))
    return lambda state, who: Edit(
        **who, changes=tuple(Change(field=field, seen=look(state.texts[field]), to=to) for field, to in wanted.items() if to is not None)
    )


def _seen(state: Incident, name: str, saw: bool) -> str:
    known = state.comments.get(name)
    return known.hash if known is not None and saw else "something else"


def _made(make: Make) -> Make:
    return make


_ON_WORK: st.SearchStrategy[Make] = st.one_of(
    st.just(_made(lambda _, who: Acknowledge(**who))),
    st.builds(
        lambda saw, other, to: _made(lambda state, who: ChangeStatus(**who, seen=state.status if saw else other, status=to)),
        _SEEN,
        _STATUSES,
        _STATUSES,
    ),
    TEXTS.map(lambda reason: _made(lambda _, who: Escalate(**who, reason=reason))),
    GOOD_TEXTS.map(lambda resolution: _made(lambda _, who: Resolve(**who, resolution=resolution))),
    GOOD_TEXTS.map(lambda reason: _made(lambda _, who: Reopen(**who, reason=reason))),
    st.just(_made(lambda _, who: Open(**who, incident_id=INC, title="again"))),
)
_ON_FIELDS: st.SearchStrategy[Make] = st.one_of(
    st.builds(
        lambda saw, other, to: _made(lambda state, who: Assign(**who, seen=state.assignee if saw else other, assignee=to)),
        _SEEN,
        _SOMEBODY,
        _SOMEBODY,
    ),
    st.builds(
        lambda saw, other, to: _made(lambda state, who: ChangeSeverity(**who, seen=state.severity if saw else other, severity=to)),
        _SEEN,
        _SEVERITIES,
        _SEVERITIES,
    ),
    st.builds(
        lambda saw, other, to: _made(lambda state, who: ChangeVisibility(**who, seen=state.visibility if saw else other, visibility=to)),
        _SEEN,
        _VISIBILITIES,
        _VISIBILITIES,
    ),
    st.builds(
        lambda saw, other, to: _made(lambda state, who: ChangeTeam(**who, seen=state.team if saw else other, team=to)),
        _SEEN,
        _TEAMS,
        _TEAMS,
    ),
    _edits(),
)
_ON_MEMBERS: st.SearchStrategy[Make] = st.one_of(
    st.builds(lambda note, text: _made(lambda _, who: AddNote(**who, note_id=note, text=text)), st.sampled_from(["n1", "n2", "n3"]), TEXTS),
    st.builds(lambda to, relation: _made(lambda _, who: Link(**who, target=to, relation=relation)), _ENTITIES, _RELATIONS),
    st.builds(lambda to, relation: _made(lambda _, who: Unlink(**who, target=to, relation=relation)), _ENTITIES, _RELATIONS),
    st.builds(lambda name, text: _made(lambda _, who: AddComment(**who, comment_id=name, text=text)), _COMMENT_IDS, TEXTS),
    st.builds(
        lambda name, saw, text: _made(lambda state, who: EditComment(**who, comment_id=name, seen=_seen(state, name, saw), text=text)),
        _COMMENT_IDS,
        _SEEN,
        TEXTS,
    ),
    st.builds(lambda name: _made(lambda _, who: DeleteComment(**who, comment_id=name)), _COMMENT_IDS),
    st.sampled_from([_made(lambda _, who: Archive(**who)), _made(lambda _, who: Restore(**who))]),
    st.builds(lambda add, remove: _made(lambda _, who: ChangeLabels(**who, add=add, remove=remove)), _LABELS, _LABELS),
    st.builds(lambda add, remove: _made(lambda _, who: ChangeWatchers(**who, add=add, remove=remove)), _WATCHERS, _WATCHERS),
)
_OTHERS = st.sampled_from([OTHER, THIRD])
_TASKS = st.sampled_from([EntityId(f"tsk_01k000000000000000000000{n}a") for n in range(2)])
_REASONS = st.sampled_from(["", "it does not exist", "two\nlines"])
_FINGERPRINTS = st.lists(st.sampled_from(["f1", "f2", "f3"]), max_size=2).map(tuple)


@st.composite
def _taking(draw: st.DrawFn) -> Make:
    """What another incident may hand over."""
    source, why, labels, watchers = draw(_OTHERS), draw(st.sampled_from(TakenWhy)), draw(_LABELS), draw(_WATCHERS)
    told = draw(st.lists(st.tuples(st.sampled_from(["f1", "f2", "f4"]), st.sampled_from(SignalStatus), _MINUTES), max_size=2))
    to, relation = draw(_ENTITIES), draw(st.sampled_from(Relation))
    return lambda state, who: TakeOver(
        **who,
        source=source,
        why=why,
        signals=tuple(
            SignalCopy(
                fingerprint=name,
                status=status,
                starts_at=state.opened_at + timedelta(minutes=starts),
                ends_at=None,
                name="HighLatency",
                summary="p99 is 3 s",
                source_url="",
            )
            for name, (status, starts) in {name: (status, starts) for name, status, starts in told}.items()
        ),
        labels=labels,
        watchers=watchers,
        links=(LinkTo(target=to, relation=relation),),
    )


_OF_PROCESSES: st.SearchStrategy[Make] = st.one_of(
    _taking(),
    st.builds(lambda into, to: _made(lambda _, who: Split(**who, into=into, title="Split", fingerprints=to)), _OTHERS, _FINGERPRINTS),
    st.builds(
        lambda into: _made(
            lambda state, who: CompleteSplit(
                **who, into=into, signals=copies(state, state.splits[into].fingerprints if into in state.splits else ())
            )
        ),
        _OTHERS,
    ),
    st.builds(lambda into: _made(lambda _, who: RefuseSplit(**who, into=into, code="x", reason="no")), _OTHERS),
    st.builds(lambda to, relation: _made(lambda _, who: LinkBack(**who, target=to, relation=relation)), _ENTITIES, _RELATIONS),
    st.builds(lambda to, relation: _made(lambda _, who: UnlinkBack(**who, target=to, relation=relation)), _ENTITIES, _RELATIONS),
    st.builds(
        lambda to, relation, reason: _made(lambda _, who: SettleLink(**who, target=to, relation=relation, reason=reason)),
        _ENTITIES,
        _RELATIONS,
        _REASONS,
    ),
)
_ON_POSTMORTEM: st.SearchStrategy[Make] = st.one_of(
    st.just(_made(lambda _, who: StartPostmortem(**who, template="short"))),
    st.builds(
        lambda saw, text: _made(
            lambda state, who: EditPostmortem(
                **who,
                changes=(
                    Change(
                        field="summary",
                        seen=state.postmortem.sections["summary"] if saw and state.postmortem is not None else "something else",
                        to=text,
                    ),
                ),
            )
        ),
        _SEEN,
        TEXTS,
    ),
    st.builds(lambda at, text: _made(lambda _, who: PickEvent(**who, version=at, note=text)), st.integers(0, 60), LINES),
    st.builds(lambda at: _made(lambda _, who: UnpickEvent(**who, version=at)), st.integers(0, 60)),
    st.builds(lambda task: _made(lambda _, who: AskFollowUp(**who, task_id=task, title="Add an index")), _TASKS),
    st.builds(lambda task, reason: _made(lambda _, who: SettleFollowUp(**who, task_id=task, reason=reason)), _TASKS, _REASONS),
    st.just(_made(lambda _, who: AskReview(**who))),
    st.builds(lambda verdict: _made(lambda _, who: ReviewPostmortem(**who, verdict=verdict, note="why")), st.sampled_from(Review)),
    st.builds(lambda add, remove: _made(lambda _, who: ChangeServices(**who, add=add, remove=remove)), _LABELS, _LABELS),
    st.builds(
        lambda duty, saw, other, to: _made(
            lambda state, who: ChangeDuty(**who, duty=duty, seen=getattr(state, duty.value) if saw else other, actor=to)
        ),
        st.sampled_from(Duty),
        _SEEN,
        _SOMEBODY,
        _SOMEBODY,
    ),
)
ANY_COMMAND: st.SearchStrategy[Make] = _ON_WORK | _ON_FIELDS | _ON_MEMBERS | _OF_PROCESSES | _ON_POSTMORTEM | signals()
"""A command on an incident that exists; merging apart, because it ends everything."""
MERGING: st.SearchStrategy[Callable[[Incident, Stamp], Merge]] = _ENTITIES.map(lambda into: lambda _, who: Merge(**who, into=into))
