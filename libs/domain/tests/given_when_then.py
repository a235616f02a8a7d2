"""A small language for rules: given what has happened, when a command comes, then these events follow, or this refusal.

Every sentence also checks what holds for all of them: ``decide`` changed nothing in place, ``evolve`` and ``describe`` know every new event,
and the row leads back to the state.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Generic, TypeVar

from opsroom_domain.decider import EditConflict, FieldConflict, Kind, Refused

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


def folded(kind: Kind[S, C, E], events: Sequence[E], state: S | None = None) -> S | None:
    for event in events:
        state = kind.evolve(state, event)
    return state


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S, C, E]):
    """What came of the command: events, or a refusal."""

    kind: Kind[S, C, E]
    before: S | None
    events: tuple[E, ...]
    refusal: Refused | None

    def then(self, *expected: E) -> S:
        """Exactly these events follow; returns the state after them."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert self.events == expected
        after = folded(self.kind, self.events, self.before)
        assert after is not None
        return after

    def then_nothing(self) -> None:
        """The command is fine and changes nothing."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert self.events == ()

    def then_refused(self, code: str, *words: str, of: type[Refused] = Refused) -> None:
        """Refused with this code and a message that holds the words and says what to do (a second half)."""
        assert self.refusal is not None, f"not refused, but {self.events}"
        assert type(self.refusal) is of
        assert self.refusal.code == code
        assert [word for word in words if word not in self.refusal.message] == []
        assert any(mark in self.refusal.message for mark in (";", ":")), f"says nothing to do: {self.refusal.message}"

    def then_conflict(self, *conflicts: FieldConflict) -> None:
        """Refused as a lost update, with both values of each field."""
        assert isinstance(self.refusal, EditConflict), f"no conflict, but {self.events} {self.refusal}"
        assert self.refusal.conflicts == conflicts


@dataclass(frozen=True, slots=True)
class Given(Generic[S, C, E]):
    """What has happened so far."""

    kind: Kind[S, C, E]
    history: tuple[E, ...]

    def when(self, command: C) -> Outcome[S, C, E]:
        kind = self.kind
        state = folded(kind, self.history)
        before = deepcopy(state)
        try:
            events = tuple(kind.decide(state, command))
        except Refused as refusal:
            assert state == before, "a refused command changed the state in place"
            return Outcome(kind, state, (), refusal)
        assert state == before, "decide changed the state in place"
        after = state
        for event in events:
            assert kind.describe(after, event).words
            json.dumps(dict(kind.describe(after, event).diff))
            after = kind.evolve(after, event)
        assert state == before, "evolve changed the state in place"
        if after is not None:
            assert kind.from_json(json.loads(json.dumps(kind.to_json(after)))) == after
        return Outcome(kind, state, events, None)
