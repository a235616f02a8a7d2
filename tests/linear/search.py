"""Is a recorded history of one object linearisable?

Each operation seems to happen at one moment between its call and its answer; the question is whether there is an order of such moments in which every
answer is true. The search is Wing and Gong's with Lowe's memory of what was tried ("Testing for linearizability", 2017). An operation
without an answer may happen at any later moment, or never.

Porcupine (a Go module) searches in the same way. It is not used: the model would have to be written in a second language, and a Python program would have
to be built around it; the search itself is the short part.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

NEVER = math.inf
"""When an operation returned of which no answer is known."""
STEPS_MAX = 2_000_000

S = TypeVar("S", bound=Hashable)


class Operation(Protocol[S]):
    """One call on the object. Times are of one monotonic clock."""

    @property
    def invoked(self) -> float: ...

    @property
    def returned(self) -> float: ...

    def after(self, state: S) -> S | None:
        """The state after it, if it may happen in ``state`` and the answer that was given would be true then; else None."""
        ...


class GaveUp(Exception):
    """The search took too many steps: neither yes nor no. A caller must count that as a failure."""


@dataclass(frozen=True, slots=True)
class Violation(Generic[S]):
    """No order explains the history. The furthest that the search came: how many operations it placed, where, and what fits nowhere there."""

    placed: int
    operations: int
    state: S
    stuck: tuple[Operation[S], ...]

    def __str__(self) -> str:
        stuck = "\n  ".join(str(each) for each in self.stuck)
        return f"{self.placed} of {self.operations} operations can be explained; then the state is {self.state}, and none of these fits:\n  {stuck}"


def violation(operations: Sequence[Operation[S]], initial: S, steps_max: int = STEPS_MAX) -> Violation[S] | None:
    """None if the history is linearisable. Raises GaveUp."""
    return _Search(operations, initial, steps_max).run()


@dataclass(slots=True)
class _Frame(Generic[S]):
    """One step of the present path: the state there, which operations are placed, and which may still be tried next."""

    state: S
    placed: int
    """A bit for each operation."""
    first: int
    """All answered operations before this index are placed."""
    depth: int
    next: Iterator[int]


class _Search(Generic[S]):
    def __init__(self, operations: Sequence[Operation[S]], initial: S, steps_max: int) -> None:
        answered = sorted((each for each in operations if each.returned != NEVER), key=lambda each: each.invoked)
        unanswered = sorted((each for each in operations if each.returned == NEVER), key=lambda each: each.invoked)
        # Answered ones first: they must all be placed, and their answers rule most orders out at once.
        self._all = [*answered, *unanswered]
        self._answered = len(answered)
        self._initial = initial
        self._steps_left = steps_max

    def run(self) -> Violation[S] | None:
        seen: set[tuple[int, S]] = set()
        path = [self._frame(self._initial, 0, 0, 0)]
        deepest = path[0]
        while path:
            frame = path[-1]
            if frame.first == self._answered:
                return None
            if frame.depth > deepest.depth:
                deepest = frame
            step = self._step(frame, seen)
            if step is None:
                path.pop()
            else:
                path.append(step)
        return Violation(
            deepest.depth, len(self._all), deepest.state, tuple(self._all[i] for i in self._candidates(deepest.placed, deepest.first))
        )

    def _step(self, frame: _Frame[S], seen: set[tuple[int, S]]) -> _Frame[S] | None:
        """Place the next operation that fits and leads to somewhere new; None when all were tried."""
        for index in frame.next:
            self._steps_left -= 1
            if self._steps_left < 0:
                raise GaveUp(f"no order found, and not every one tried; {len(self._all)} operations")
            state = self._all[index].after(frame.state)
            if state is None:
                continue
            placed = frame.placed | 1 << index
            if (placed, state) in seen:
                continue
            seen.add((placed, state))
            return self._frame(state, placed, frame.first, frame.depth + 1)
        return None

    def _frame(self, state: S, placed: int, first: int, depth: int) -> _Frame[S]:
        while first < self._answered and placed >> first & 1:
            first += 1
        return _Frame(state, placed, first, depth, iter(self._candidates(placed, first)))

    def _candidates(self, placed: int, first: int) -> list[int]:
        """What may come next: whatever was called before the first answer among those that are still to be placed."""
        found: list[int] = []
        until = NEVER
        for index in range(first, self._answered):
            if placed >> index & 1:
                continue
            operation = self._all[index]
            if operation.invoked > until:
                break
            until = min(until, operation.returned)
            found.append(index)
        found = [index for index in found if self._all[index].invoked <= until]
        # The earliest answer first: that is most often the order in which it happened.
        found.sort(key=lambda index: self._all[index].returned)
        for index in range(self._answered, len(self._all)):
            if self._all[index].invoked > until:
                break
            if not placed >> index & 1:
                found.append(index)
        return found
