"""How a time is written in rows and diffs: RFC 3339, UTC, microseconds, ``Z``; equal instants give equal text."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=16_384)
def rfc3339(at: datetime) -> str:
    """Write an instant. Raises ValueError for a time without a zone, which is no instant.

    A row names the same few instants again and again, so the last ones are kept; equal instants are equal text, whatever their zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; give it one (UTC)")
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_rfc3339(text: str) -> datetime:
    """Read what ``rfc3339`` wrote, as UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)
