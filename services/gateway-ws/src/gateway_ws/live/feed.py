"""The change feed as subscriptions need it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Feed(Protocol):
    """Brings the ring up to the feed's head, and says when it last was there."""

    @property
    def verified_at(self) -> datetime:
        """When the ring's head was last seen to be the feed's head. Marks carry it: it is how old a quiet screen is."""
        ...

    async def catch_up(self) -> None:
        """Read the table until the ring has everything that was committed before the call. Raises ReadUnavailable."""
        ...
