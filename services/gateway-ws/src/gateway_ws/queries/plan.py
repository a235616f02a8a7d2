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
WALK_ALWAYS: Final = 0.05
"""A share of matches that is found on the way within about twenty pages of rows."""
TEXTS_MAX: Final = 7_000
"""Texts with the words that are gathered; where there are more, a walk meets them soon enough."""
_WINDOW_GROWS: Final = 8
_WINDOWS_MAX: Final = 3
_WINDOW_MIN: Final = 2_000


@dataclass(frozen=True, slots=True)
class Walk:
    """Along the order, until the page is full."""


@dataclass(frozen=True, slots=True)
class Gather:
    """All that match, then in order; with ``steps``, those among so many next rows of the order. ``by_text``: found by their words."""

    by_text: bool = False
    steps: int | None = None


Plan: TypeAlias = Walk | Gather


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """``matching``: about how many rows pass the filter, whatever their words, of ``total``. ``texts``: how many have the words, TEXTS_MAX + 1 at most."""

    total: int
    matching: int
    texts: int | None = None


def plans(sizes: Sizes, limit: int) -> tuple[Plan, ...]:
    """What to try, one after the other, until a page of ``limit`` is full; the last one is always right."""
    if sizes.texts is not None:
        if sizes.matching <= min(GATHER_ALWAYS, sizes.texts):
            return (Gather(),)
        return (Gather(by_text=True),) if sizes.texts <= TEXTS_MAX else (Walk(),)
    if sizes.matching <= GATHER_ALWAYS:
        return (Gather(),)
    if sizes.matching >= WALK_ALWAYS * sizes.total:
        return (Walk(),)
    first = max(_WINDOW_MIN, 2 * limit * sizes.total // sizes.matching)
    return (*[Gather(steps=first * _WINDOW_GROWS**number) for number in range(_WINDOWS_MAX)], Gather())
