"""The whole story: several arcs at once, and whose turn is next. Pure: time, chance and ids are given, answers are brought to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from opsctl.demo.incidents import outage, reported_twice, small
from opsctl.demo.others import auction, chore, question
from opsctl.demo.scene import Scene
from opsctl.demo.steps import Alert, Answer, Arc, Ask, Pause, Step

_OPENING = (outage, auction, question, reported_twice, chore, small)
_LATER = (outage, small, small, small, reported_twice, question, question, question, chore, chore, chore)
ARCS_AT_ONCE = 8
"""Fewer, and the board looks empty; more, and nothing is ever finished."""
_AUCTION_EVERY = 40
"""Arcs from one auction to the next."""
_NOT_YET = "the answer belongs to no step that waits"


@dataclass(slots=True)
class _Line:
    """One arc under way. ``heard`` is what it was answered last; while it is ``out`` the next answer is awaited."""

    arc: Arc
    heard: tuple[Answer, ...] | None = None
    until: datetime | None = None
    out: bool = False

    def is_ready(self, now: datetime) -> bool:
        return not self.out and (self.until is None or self.until <= now)

    def step(self) -> Step:
        """The next one, made at the moment when it is taken: it may hold times. Raises StopIteration at the arc's end."""
        return next(self.arc) if self.heard is None else self.arc.send(self.heard)


@dataclass(frozen=True, slots=True)
class Turn:
    """A step to take now. ``line`` is for the story, to know whose answer it is."""

    step: Ask | Alert
    line: object


class Story:
    """Ask for ``turn`` when something may happen, take the step, and bring what was said to ``answered``."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._lines: list[_Line] = []
        self._begun = 0

    def turn(self) -> Turn | None:
        """What happens next, or None while everybody waits for an answer or for the time to come."""
        while self._begun < len(_OPENING) or len(self._lines) < ARCS_AT_ONCE:
            self._begin()
        while ready := [line for line in self._lines if line.is_ready(self._scene.clock.now())]:
            line = self._scene.one(ready)
            step = self._next_step(line)
            if step is not None:
                return Turn(step, line)
        return None

    def answered(self, turn: Turn, answers: tuple[Answer, ...]) -> list[str]:
        """Bring the answers, in the order of the commands; returns the codes that the story did not expect. Such an arc ends."""
        line = turn.line
        if not isinstance(line, _Line) or not line.out:
            raise ValueError(_NOT_YET)
        line.out = False
        surprises = surprises_of(turn.step, answers)
        if surprises:
            line.arc.close()
            self._lines.remove(line)
        else:
            line.heard = answers
        return surprises

    def _begin(self) -> None:
        self._lines.append(_Line(self._next_arc()(self._scene)))
        self._begun += 1

    def _next_arc(self) -> Callable[[Scene], Arc]:
        if self._begun < len(_OPENING):
            return _OPENING[self._begun]
        return auction if self._begun % _AUCTION_EVERY == 0 else self._scene.one(_LATER)

    def _next_step(self, line: _Line) -> Ask | Alert | None:
        """What the arc does now, or None if it waits for a time, or is over."""
        try:
            step = line.step()
        except StopIteration:
            self._lines.remove(line)
            return None
        if isinstance(step, Pause):
            line.heard, line.until = (), step.until
            return None
        line.until, line.out = None, True
        return step


def surprises_of(step: Ask | Alert, answers: tuple[Answer, ...]) -> list[str]:
    """Codes of refusals that do not belong to the story."""
    if isinstance(step, Alert):
        return [answer.code for answer in answers if answer.code is not None]
    pairs = zip(step.commands, answers, strict=True)
    return [answer.code for command, answer in pairs if answer.code is not None and answer.code not in command.expects]
