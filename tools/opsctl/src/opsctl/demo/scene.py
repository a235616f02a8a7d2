"""What all arcs share: chance, time, new ids, and the marks of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 -- given to the story by its seed
from typing import TypeVar

from opsctl.demo.steps import Answer, Row
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.ids import Ids
from opsroom_domain.decider import Json

LABEL = "demo"
"""On everything that any run makes."""
_T = TypeVar("_T")


def run_label(run: str) -> str:
    """On everything that this run makes."""
    return f"{LABEL}:{run}"


@dataclass(slots=True)
class Scene:
    """``seconds`` is how long the story lasts: what takes time in it has to fit."""

    run: str
    seconds: float
    chance: Random
    clock: Clock
    ids: Ids
    alerts: int = field(default=0, init=False)

    @property
    def marks(self) -> tuple[str, ...]:
        """The labels of everything."""
        return (LABEL, run_label(self.run))

    @property
    def labels(self) -> list[Json]:
        """The same, for a body."""
        return list(self.marks)

    def one(self, among: Sequence[_T]) -> _T:
        return self.chance.choice(among)

    def some(self, among: Sequence[_T], count: int) -> list[_T]:
        """``count`` different ones."""
        return self.chance.sample(among, count)

    def likely(self, share: float) -> bool:
        return self.chance.random() < share

    def after(self, seconds: float) -> datetime:
        return self.clock.now() + timedelta(seconds=seconds)

    def next_alert(self) -> int:
        self.alerts += 1
        return self.alerts


def text_of(row: Row, name: str) -> str:
    """A text of the row; empty if there is none."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def change(seen: Json, to: Json, **more: Json) -> dict[str, Json]:
    """The body of a change of one value."""
    return {"seen": seen, "to": to, **more}


def latest(answer: Answer, known: Row) -> Row:
    """The newest row that somebody saw."""
    return answer.row or known
