"""What holds for every entity of every kind at any time, as the base of a state machine for each kind.

A machine inherits ``KindLife``, says its ``kind``, and has rules that call ``attempt`` or ``issue``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from given_when_then import folded
from hypothesis import note
from hypothesis.stateful import RuleBasedStateMachine, invariant

from opsroom_domain.decider import EditConflict, Kind, Refused
from opsroom_domain.ids import ActorId

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SHARED_MEMBERS = frozenset({"comment", "link", "labels", "watchers"})
"""Diffs of all kinds that name a member of what the row holds several of."""
ROW_BYTES_MAX = 1_000_000


def value_at(row: Mapping[str, Any], path: str) -> Any:
    """What the row shows at ``path``, its parts with dots between."""
    found: Any = row
    for part in path.split("."):
        found = found[part]
    return found


class KindLife(RuleBasedStateMachine):
    """One entity. Time goes on with each command."""

    kind: ClassVar[Kind[Any, Any, Any]]
    members: ClassVar[frozenset[str]] = SHARED_MEMBERS
    """Fields of diffs that are no fields of the row."""
    not_repeatable: ClassVar[tuple[type[Any], ...]] = ()
    """Commands whose exact repeat is refused or does something again; a repeat is known by its command id."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []
        self.state: Any = None
        self.now = START

    def stamp(self, by: str, seconds: float = 1.000_001) -> dict[str, Any]:
        self.now += timedelta(seconds=seconds)
        return {"at": self.now, "by": ActorId(by)}

    def row(self, state: Any) -> str:
        return "" if state is None else json.dumps(self.kind.to_json(state))

    def decide(self, command: Any) -> Sequence[Any]:
        before = self.row(self.state)
        try:
            return tuple(self.kind.decide(self.state, command))
        finally:
            assert self.row(self.state) == before, "decide changed the state in place"

    def issue(self, command: Any) -> Sequence[Any]:
        """Decide and apply. Raises what ``decide`` raises."""
        note(repr(command))
        events = self.decide(command)
        for event in events:
            assert (event.at, event.by) == (command.at, command.by)
            self.apply(event)
        if not isinstance(command, self.not_repeatable):
            assert self.decide(command) == (), "the exact repeat of a command changes nothing"
        return events

    def attempt(self, command: Any) -> Refused | None:
        """As ``issue``, but a refusal is returned."""
        try:
            self.issue(command)
        except Refused as refusal:
            if isinstance(refusal, EditConflict):
                assert all(each.current not in (each.seen, each.wanted) for each in refusal.conflicts)
            assert any(mark in refusal.message for mark in ";:"), f"says nothing to do: {refusal.message}"
            return refusal
        return None

    def apply(self, event: Any) -> None:
        before = self.row(self.state)
        entry = self.kind.describe(self.state, event)
        after = self.kind.evolve(self.state, event)
        assert self.row(self.state) == before, "evolve changed the state in place"
        old, new = json.loads(before or "{}"), self.kind.to_json(after)
        assert entry.words
        assert "\n" not in entry.words
        for field, step in entry.diff.items():
            if field not in self.members:
                told = {"from": value_at(old, field) if old else None, "to": value_at(new, field)}
                assert step == told, f"the diff of {field} is not what happened"
        for field in after.field_changes:
            path = self.path_of(field)
            if self.state is not None and value_at(old, path) != value_at(new, path):
                last = after.field_changes[field]
                assert (last.by, last.at) == (event.by, event.at), f"nobody is told who changed {field}"
        self.state = after
        self.events.append(event)

    def path_of(self, field: str) -> str:
        """Where the row shows a field whose last change is remembered."""
        return field

    @invariant()
    def holds(self) -> None:
        if self.state is None:
            return
        assert folded(self.kind, self.events) == self.state
        row = self.row(self.state)
        back = self.kind.from_json(json.loads(row))
        assert back == self.state
        assert self.row(back) == row
        assert len(row) < ROW_BYTES_MAX
        shown = self.kind.tags(self.state)
        assert all(isinstance(value, str) for value in shown.values())
        assert shown["live"] in {"true", "false"}
        columns = self.kind.columns(self.state)
        assert shown["status"] == columns.status
        assert columns.title
        for field in self.state.field_changes:
            value_at(self.kind.to_json(self.state), self.path_of(field))  # it is there
        assert all(change.at <= self.now for change in self.state.field_changes.values())
        for each in (self.state.labels, self.state.watchers, tuple((link.target, link.relation) for link in self.state.links)):
            assert each == tuple(sorted(set(each)))
