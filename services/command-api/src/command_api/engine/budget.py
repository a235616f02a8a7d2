"""How many bytes of entities this replica may hold: one limit, shared by its partitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

_SLACK = 16
"""Shrinking goes this part of the limit below it, so that it is rare and takes many at once."""


class Holder(Protocol):
    """Somebody who holds entities and can let some go."""

    @property
    def size(self) -> int:
        """Bytes held now, as reported to ``Budget.changed``."""
        ...

    def let_go(self, wanted: int) -> int:
        """Free at least ``wanted`` bytes if that can be done; return how many were."""
        ...


class Budget:
    """Counts what all holders have, and makes the largest of them let go when it is more than ``bytes_max``.

    Busy partitions so get more than quiet ones, and none can starve another. What is in use stays, so that the limit can be passed by what
    waits for an acknowledgement or for its load; both have limits of their own (``Limits.waiting_max``). For one event loop.
    """

    def __init__(self, bytes_max: int, evicted: Callable[[int, bool], None]) -> None:
        self._bytes_max = bytes_max
        self._holders: list[Holder] = []
        self.held = 0
        """Bytes, estimated."""
        self.evicted = evicted
        """Told of each eviction: how many entities, and whether the projector's rows had them."""

    def join(self, holder: Holder) -> None:
        """Count this holder from now on; it reports what it takes itself."""
        self._holders.append(holder)

    def leave(self, holder: Holder) -> None:
        """The holder is gone, with all that it held. May be repeated."""
        if holder in self._holders:
            self._holders.remove(holder)
            self.held -= holder.size

    def changed(self, by: int) -> None:
        """A holder holds ``by`` bytes more, or fewer."""
        self.held += by

    def shrink(self) -> None:
        """Bring the replica back below its limit, as far as what is in use allows."""
        if self.held <= self._bytes_max:
            return
        excess = self.held - self._bytes_max + self._bytes_max // _SLACK
        for holder in sorted(self._holders, key=lambda each: each.size, reverse=True):
            excess -= holder.let_go(excess)
            if excess <= 0:
                return
