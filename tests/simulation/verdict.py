"""What a run found."""

from __future__ import annotations


class Broken(Exception):
    """A promise is broken. ``invariant`` is its short name."""

    def __init__(self, invariant: str, text: str) -> None:
        super().__init__(f"{invariant}: {text}")
        self.invariant = invariant
