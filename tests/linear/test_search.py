"""The search says what trying every order says, on registers small enough for that, and fast enough on long histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .search import NEVER, GaveUp, violation


@dataclass(frozen=True, slots=True)
class Write:
    invoked: float
    returned: float
    value: int

    def after(self, state: int) -> int | None:
        del state
        return self.value


@dataclass(frozen=True, slots=True)
class Read:
    invoked: float
    returned: float
    value: int

    def after(self, state: int) -> int | None:
        return state if state == self.value else None


def by_trying_all(operations: Sequence[Write | Read]) -> bool:
    """Every order of every choice of the unanswered ones."""
    answered = [each for each in operations if each.returned != NEVER]
    unanswered = [each for each in operations if each.returned == NEVER]
    chosen = [[each for i, each in enumerate(unanswered) if bits >> i & 1] for bits in range(2 ** len(unanswered))]
    return any(explains(order) for some in chosen for order in permutations([*answered, *some]))


def explains(order: Sequence[Write | Read]) -> bool:
    state: int | None = 0
    for place, each in enumerate(order):
        if any(later.returned < each.invoked for later in order[place + 1 :]):
            return False
        assert state is not None
        state = each.after(state)
        if state is None:
            return False
    return True


times = st.integers(0, 8)


@st.composite
def operations(draw: st.DrawFn) -> Write | Read:
    kind = draw(st.sampled_from([Write, Read]))
    invoked = draw(times)
    # A read without an answer says nothing.
    returned = NEVER if kind is Write and draw(st.booleans()) else invoked + draw(st.integers(1, 6))
    return kind(invoked, returned, draw(st.integers(0, 2)))


@given(st.lists(operations(), max_size=6))
def test_it_says_what_trying_every_order_says(history: list[Write | Read]) -> None:
    assert (violation(history, 0) is None) == by_trying_all(history)


def test_a_read_that_is_older_than_a_finished_write_is_found_and_named() -> None:
    found = violation([Write(0, 1, 1), Read(2, 3, 0)], 0)
    assert found is not None
    assert (found.placed, found.state) == (1, 1)
    assert found.stuck == (Read(2, 3, 0),)


def test_a_write_without_an_answer_may_land_late_or_never() -> None:
    late = Write(0, NEVER, 1)
    assert violation([late, Read(5, 6, 0)], 0) is None
    assert violation([late, Read(5, 6, 0), Read(7, 8, 1)], 0) is None
    assert violation([late, Read(5, 6, 1), Read(7, 8, 0)], 0) is not None


def test_a_long_history_takes_about_one_step_an_operation() -> None:
    history: list[Write | Read] = []
    for i in range(2_000):
        history += [Write(4 * i, 4 * i + 3, i), Read(4 * i + 1, 4 * i + 4, i)]
    assert violation(history, 0, steps_max=20_000) is None


def test_it_gives_up_instead_of_searching_for_ever() -> None:
    many = [Write(0, 100, i) for i in range(20)]
    with pytest.raises(GaveUp):
        violation([*many, Read(101, 102, 99)], 0, steps_max=10_000)
