"""What an engine asks before it fences a partition, and whom it tells when it serves one and when it has let it go."""

from __future__ import annotations

from typing import Protocol


class Tenure(Protocol):
    """Says whether a partition is this replica's to fence. Never trusted: the log judges who wrote (R1)."""

    async def may_fence(self, partition: int) -> bool:
        """Whether to fence now; waits a bounded moment for a predecessor that still drains. False: not ours now, ask again later (R2)."""
        ...

    def served(self, partition: int, term: str) -> None:
        """The term has begun: commands for the partition may come here. Returns at once."""
        ...

    def ended(self, partition: int) -> None:
        """The term has ended, however: nothing is claimed any more. Returns at once."""
        ...

    def released(self, partition: int, term: str) -> None:
        """After ``ended``: it was a clean hand-over, everything decided in the term is answered. Returns at once."""
        ...


class Alone:
    """One replica that may fence whatever it is told to own, and has nobody to tell."""

    async def may_fence(self, partition: int) -> bool:
        del partition
        return True

    def served(self, partition: int, term: str) -> None:
        del partition, term

    def ended(self, partition: int) -> None:
        del partition

    def released(self, partition: int, term: str) -> None:
        del partition, term
