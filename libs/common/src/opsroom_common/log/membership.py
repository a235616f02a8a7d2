"""Who shares the partitions out among replicas: a group. Its word is a hint and no more: the log judges who wrote (R1, R2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

OnShare = Callable[[frozenset[int]], None]
"""Takes this member's partitions, each time the group has shared them out."""


class Membership(Protocol):
    """One member of the group."""

    async def run(self, on_share: OnShare) -> None:
        """Be a member until cancelled, then leave, so that the others need not wait for a session time-out.

        While the broker is away the last share stands, and the member joins again by itself. Leaving is bounded in time.
        """
        ...

    async def confirms(self, partition: int) -> bool:
        """Ask the group now whether this member owns the partition. False if it does not, or if nobody answers in time."""
        ...
