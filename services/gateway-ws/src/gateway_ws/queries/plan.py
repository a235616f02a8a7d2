"""How a page of a list is found: along the order, or by the filter. The reasons and the figures are in docs/adr/0031-two-ways-to-a-page.md.

Walking costs as many rows as lie between the matches, gathering as many rows as match; within a window of the order gathering costs only the matches
in it, because Postgres lays the bitmap of the filter over that of the order. The planner's own choice would believe that matches lie evenly, and walk
the whole board if they do not: here every way but the last is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

GATHER_ALWAYS: Final = 1_500
"""Matches that are gathered at once: it takes a few milliseconds."""
WALK_FIRST: Final = 0.05
"""A share of matches that a walk is likely to meet within twenty pages of rows."""
TEXTS_MAX: Final = 7_000
"""Texts with the words that are gathered; where there are more, a walk is likely to meet them."""
TEXT_STEPS: Final = 400
"""Rows whose texts are looked at before anything is counted: a common word is met among them."""
_TEXT_STEPS_MAX: Final = 20_000
_STEPS_MAX: Final = 10_000
_LUCK: Final = 5
"""A walk goes so many times farther than matches that lie evenly would need."""
_WINDOW_GROWS: Final = 8
_WINDOWS_MAX: Final = 2
_WINDOW_MIN: Final = 2_000


@dataclass(frozen=True, slots=True)
class Walk:
    """Along the order, until the page is full; with ``steps``, past so many rows at most."""

    steps: int | None = None


@dataclass(frozen=True, slots=True)
class Gather:
    """All that match, then in order; with ``steps``, those among so many next rows of the order. ``by_text``: found by their words."""

    by_text: bool = False
    steps: int | None = None


Plan: TypeAlias = Walk | Gather


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """About how many rows pass the filter, whatever their words, of ``total``; a walk meets only ``along`` of these, by its index."""

    total: int
    along: int
    matching: int


def is_bounded(plan: Plan) -> bool:
    """Whether it may miss matches that lie farther on, and so is right only if the page is full."""
    return plan.steps is not None


def plans(sizes: Sizes, limit: int) -> tuple[Plan, ...]:
    """What to try, one after the other, until a page of ``limit`` is full; the last one is always right."""
    if sizes.matching <= GATHER_ALWAYS:
        return (Gather(),)
    windows = _windows(max(_WINDOW_MIN, 2 * limit * sizes.total // sizes.matching))
    if sizes.matching < WALK_FIRST * sizes.along:
        return (*windows, Gather())
    if sizes.matching >= WALK_FIRST * sizes.total:
        # What a walk does not meet lies far behind.
        windows = _windows(_STEPS_MAX)
    return (Walk(min(_STEPS_MAX, _LUCK * limit * sizes.along // sizes.matching)), *windows, Gather())


def plans_with_words(sizes: Sizes, texts: int) -> tuple[Plan, ...]:
    """The same for a filter with words, which ``texts`` entities have (TEXTS_MAX + 1: or more), after a walk of ``TEXT_STEPS``."""
    if sizes.matching <= min(GATHER_ALWAYS, texts):
        return (Gather(),)
    return (Gather(by_text=True),) if texts <= TEXTS_MAX else (Walk(_TEXT_STEPS_MAX), Gather(by_text=True))


def _windows(first: int) -> tuple[Plan, ...]:
    return tuple(Gather(steps=first * _WINDOW_GROWS**number) for number in range(_WINDOWS_MAX))
