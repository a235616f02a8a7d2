"""Whatever people, programs and signals do to an incident, in any order: what holds after each step."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from any_command import ANY_COMMAND, GOOD, GOOD_LINES, MERGING, PEOPLE, Make, signals
from examples import INC, Stamp
from given_when_then import folded
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from opsroom_domain.changes import Change, as_seen, changes_between, turned_round
from opsroom_domain.decider import EditConflict, Refused
from opsroom_domain.entities.incident import (
    INCIDENT,
    Command,
    CompleteMerge,
    CompleteSplit,
    Edit,
    Escalate,
    Event,
    Incident,
    Merge,
    Open,
    RefuseMerge,
    RefuseSplit,
    Reopen,
    ReportSignal,
    SettleFollowUp,
    SettleLink,
    Severity,
    Standing,
    Status,
    UnlinkBack,
)
from opsroom_domain.ids import ActorId

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
MEMBERS = {
    "note",
    "comment",
    "link",
    "signal",
    "signals",
    "labels",
    "watchers",
    "services",
    "merging",
    "taken",
    "split",
    "pick",
    "follow_up",
    "review",
    "postmortem.summary",
}
"""Diffs that name a member of what the row holds several of."""
EDITABLE = st.sampled_from(["title", "description"])
MERGED_AFTER = 20
"""Events: so that most lives are long."""
_ENDING = CompleteSplit | RefuseSplit | SettleFollowUp | SettleLink | UnlinkBack
MakeSignal = Callable[[Incident, Stamp], ReportSignal]
MakeMerge = Callable[[Incident, Stamp], Merge]


def copied(state: Incident | None) -> Incident | None:
    """Everything in an incident that Python would let one change in place is copied."""
    return (
        None
        if state is None
        else replace(
            state, signals=dict(state.signals), moved=dict(state.moved), splits=dict(state.splits), field_changes=dict(state.field_changes)
        )
    )


class IncidentLife(RuleBasedStateMachine):
    """One incident. Time goes on with each command."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.state: Incident | None = None
        self.now = START

    @property
    def incident(self) -> Incident:
        assert self.state is not None
        return self.state

    @property
    def merged(self) -> bool:
        return self.state is not None and self.state.merged_into is not None

    def stamp(self, by: ActorId) -> Stamp:
        self.now += timedelta(microseconds=1_000_001)
        return {"at": self.now, "by": by}

    def decide(self, command: Command, state: Incident | None) -> Sequence[Event]:
        before = copied(state)
        try:
            return tuple(INCIDENT.decide(state, command))
        finally:
            assert state == before, "decide changed the state in place"

    def issue(self, command: Command) -> Sequence[Event]:
        """Decide and apply. Raises what ``decide`` raises."""
        note(repr(command))
        events = self.decide(command, self.state)
        for event in events:
            assert (event.at, event.by) == (command.at, command.by)
            self.apply(event)
        if not isinstance(command, Open | Escalate | Reopen):
            assert self.decide(command, self.state) == (), "the exact repeat of a command changes nothing"
        return events

    def attempt(self, command: Command) -> Refused | None:
        """As ``issue``, but a refusal is returned."""
        try:
            self.issue(command)
        except Refused as refusal:
            return refusal
        return None

    def apply(self, event: Event) -> None:
        before = copied(self.state)
        entry = INCIDENT.describe(self.state, event)
        after = INCIDENT.evolve(self.state, event)
        assert self.state == before, "evolve changed the state in place"
        old, new = {} if before is None else INCIDENT.to_json(before), INCIDENT.to_json(after)
        assert entry.words
        assert "\n" not in entry.words
        for field, step in entry.diff.items():
            if field not in MEMBERS:
                assert step == {"from": old.get(field), "to": new[field]}, f"the diff of {field} is not what happened"
        self.state = after
        self.events.append(event)

    @initialize(title=GOOD_LINES, severity=st.sampled_from(Severity), by=PEOPLE)
    def open(self, title: str, severity: Severity, by: ActorId) -> None:
        self.issue(Open(**self.stamp(by), incident_id=INC, title=title, severity=severity, labels=("env=prod",)))

    @rule(makes=st.lists(ANY_COMMAND, min_size=5, max_size=15), by=PEOPLE)
    def people_do_what_they_do(self, makes: list[Make], by: ActorId) -> None:
        for make in makes:
            before, command = len(self.events), make(self.incident, self.stamp(by))
            refusal = self.attempt(command)
            if self.merged:
                # What ends a process is taken, and what signals say while the merge is pending; a repeat of what is known gives nothing.
                assert len(self.events) == before or self.incident.merging or isinstance(command, _ENDING)
            elif isinstance(refusal, EditConflict):
                assert all(each.current not in (each.seen, each.wanted) for each in refusal.conflicts)
            self.check()

    @rule(makes=st.lists(signals(), min_size=1, max_size=4), by=PEOPLE)
    @precondition(lambda self: not self.merged)
    def reports_give_the_same_in_any_order_and_again(self, makes: list[MakeSignal], by: ActorId) -> None:
        commands = [make(self.incident, self.stamp(by)) for make in makes]
        commands = [command for command in commands if command.fingerprint not in self.incident.moved]
        other_order = self.incident
        for command in reversed(commands):
            other_order = folded(INCIDENT, self.decide(command, other_order), other_order)
        for command in commands:
            self.issue(command)
        assert other_order is not None
        known = {name: (each.starts_at, each.status) for name, each in self.incident.signals.items()}
        assert known == {name: (each.starts_at, each.status) for name, each in other_order.signals.items()}
        assert all(self.decide(command, self.incident) == () for command in commands), "a late report of what is known changes nothing"

    @rule(make=MERGING, by=PEOPLE)
    @precondition(lambda self: len(self.events) > MERGED_AFTER)
    def it_is_merged(self, make: MakeMerge, by: ActorId) -> None:
        target = self.incident.merged_into
        splitting = self.incident.splitting
        command = make(self.incident, self.stamp(by))
        refusal = self.attempt(command)
        if splitting:
            assert refusal is not None
        elif target is None:
            assert (refusal is None) is (command.into != INC)
        else:
            assert (refusal is None) is (command.into == target)

    @rule(by=PEOPLE, done=st.booleans())
    @precondition(lambda self: self.merged)
    def the_merge_is_settled(self, by: ActorId, done: bool) -> None:
        assert self.incident.merge is not None
        into, before = self.incident.merge.into, self.incident.merge.before
        pending = self.incident.merging
        if done:
            self.issue(CompleteMerge(**self.stamp(by), into=into))
            assert self.merged
        else:
            events = self.issue(RefuseMerge(**self.stamp(by), into=into, code="merged", reason="it is merged itself"))
            assert pending is bool(events)
            assert not pending or self.incident.merged_into is None
            assert len(events) != 1 or self.incident.status is before

    @rule(data=st.data(), by=PEOPLE, field=EDITABLE, times=st.integers(1, 4))
    @precondition(lambda self: not self.merged)
    def a_chain_of_own_edits_never_conflicts(self, data: st.DataObject, by: ActorId, field: str, times: int) -> None:
        seen = self.incident.texts[field]
        for _ in range(times):
            to = data.draw(GOOD[field])
            self.issue(Edit(**self.stamp(by), changes=(Change(field=field, seen=as_seen(seen), to=to),)))
            seen = to
        assert self.incident.texts[field] == seen

    @rule(data=st.data(), by=PEOPLE)
    @precondition(lambda self: not self.merged)
    def an_edit_turned_round_undoes_it(self, data: st.DataObject, by: ActorId) -> None:
        before = self.incident.texts
        wanted = {field: data.draw(texts) for field, texts in GOOD.items()}
        changes = changes_between(before, wanted)
        self.issue(Edit(**self.stamp(by), changes=changes))
        assert self.incident.texts == wanted
        self.issue(Edit(**self.stamp(by), changes=turned_round(changes, before)))
        assert self.incident.texts == before

    @rule(data=st.data(), first=PEOPLE, second=PEOPLE)
    @precondition(lambda self: not self.merged)
    def edits_of_different_fields_merge_in_any_order(self, data: st.DataObject, first: ActorId, second: ActorId) -> None:
        base = self.incident.texts
        edits = [
            Edit(**self.stamp(by), changes=(Change(field=field, seen=as_seen(base[field]), to=data.draw(GOOD[field])),))
            for by, field in ((first, "title"), (second, "description"))
        ]
        other_order = self.incident
        for edit in reversed(edits):
            other_order = folded(INCIDENT, self.decide(edit, other_order), other_order)
        for edit in edits:
            self.issue(edit)
        assert other_order is not None
        assert other_order.texts == self.incident.texts

    @rule(data=st.data(), by=PEOPLE, field=EDITABLE)
    @precondition(lambda self: not self.merged)
    def of_two_edits_of_one_value_the_second_is_told(self, data: st.DataObject, by: ActorId, field: str) -> None:
        base = self.incident.texts[field]
        mine, theirs = (data.draw(GOOD[field]) for _ in range(2))
        self.issue(Edit(**self.stamp(by), changes=(Change(field=field, seen=as_seen(base), to=theirs),)))
        command = Edit(**self.stamp(by), changes=(Change(field=field, seen=as_seen(base), to=mine),))
        if theirs in {base, mine}:
            self.issue(command)
            assert self.incident.texts[field] == mine
            return
        refusal = self.attempt(command)
        assert isinstance(refusal, EditConflict), "an edit was lost"
        assert [(each.current, each.wanted) for each in refusal.conflicts] == [(theirs, mine)]

    @invariant()
    def check(self) -> None:
        """What holds for every incident at any time."""
        if self.state is None:
            return
        replayed(self.events, self.state)
        row_leads_back(self.state)
        parts_agree_with_the_status(self.state)
        lists_are_sorted_sets(self.state)
        who_changed_what_is_known(self.state, self.now)
        tags_are_flat(self.state)
        parts_are_bounded_and_in_one_place(self.state)
        assert self.state.event_count == len(self.events)


def replayed(events: Sequence[Event], state: Incident) -> None:
    assert folded(INCIDENT, events) == state


def row_leads_back(state: Incident) -> None:
    row = INCIDENT.to_json(state)
    back = INCIDENT.from_json(json.loads(json.dumps(row)))
    assert back == state
    assert json.dumps(INCIDENT.to_json(back)) == json.dumps(row)


def parts_agree_with_the_status(now: Incident) -> None:
    assert now.live is (now.status not in {Status.RESOLVED, Status.MERGED})
    assert (now.status is Status.MERGED) is (now.merged_into is not None)
    assert (now.resolved_at is None) is (now.resolved_by is None)
    assert (now.resolved_at is None) is (now.resolution is None)
    if now.status is not Status.MERGED:
        assert (now.status is Status.RESOLVED) is (now.resolved_at is not None)
    assert now.resolved_at is not None or not now.resolved_automatically
    assert (now.acknowledged_at is None) is (now.acknowledged_by is None)
    if now.live:
        assert (now.status is Status.OPEN) is (now.acknowledged_at is None)


def lists_are_sorted_sets(now: Incident) -> None:
    for members in (now.labels, now.watchers, tuple((link.target, link.relation) for link in now.links)):
        assert members == tuple(sorted(set(members)))


def who_changed_what_is_known(state: Incident, now: datetime) -> None:
    always = {"title", "description", "severity", "status", "assignee", "visibility", "team", "commander", "communications"}
    assert set(state.field_changes) - {"postmortem.summary"} == always
    assert {each.name for each in fields(Incident)} >= always
    assert all(change.at <= now for change in state.field_changes.values())


def parts_are_bounded_and_in_one_place(now: Incident) -> None:
    assert not set(now.moved) & set(now.signals), "a signal left and is here"
    leaving = [name for split in now.splits.values() for name in split.fingerprints]
    assert len(leaving) == len(set(leaving))
    assert set(leaving) <= set(now.signals), "a signal that leaves is not here"
    assert now.merged_into is None or now.merge is not None
    assert not (now.merging and now.splitting)
    for link in now.links:
        assert (link.standing is Standing.REFUSED) is bool(link.reason)


def tags_are_flat(state: Incident) -> None:
    shown = INCIDENT.tags(state)
    assert all(isinstance(value, str) for value in shown.values())
    assert (shown["live"] == "true") is state.live
    assert shown["status"] == state.status


IncidentLife.TestCase.settings = settings(
    max_examples=60, stateful_step_count=20, deadline=None, print_blob=True, report_multiple_bugs=False
)
# A life that breaks a promise is made as short as possible before it is shown, which may take hypothesis five minutes.
TestIncidentLife = pytest.mark.timeout(400)(IncidentLife.TestCase)
