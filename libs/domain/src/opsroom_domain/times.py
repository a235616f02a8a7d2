"""How a time is written in rows and diffs: RFC 3339, UTC, microseconds, ``Z``; equal instants give equal text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

REMEMBERED_MAX = 65_536
"""Instants whose text is kept; about 12 MB when it is full. Then all are forgotten, which costs less than to know the oldest."""
_TWO_DIGITS: Final = tuple(f"{number:02}" for number in range(60))


def rfc3339(at: datetime) -> str:
    """Write an instant. Raises ValueError for a time without a zone, which is no instant.

    A row names the same few instants again and again, so the last ones are kept; equal instants are equal text, whatever their zone.
    """
    return _texts[at]


def from_rfc3339(text: str) -> datetime:
    """Read what ``rfc3339`` wrote, as UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def instant(text: str) -> datetime:
    """As ``from_rfc3339``, for a text that surely is of the form that ``rfc3339`` writes: it is remembered as the instant's text.

    Raises ValueError for a text that names no moment.
    """
    at = datetime.fromisoformat(text)
    _texts.remember(at, text)
    return at


class _Texts(dict[datetime, str]):
    def __missing__(self, at: datetime) -> str:
        if at.tzinfo is None:
            raise ValueError(f"{at.isoformat()} has no time zone; give it one (UTC)")
        return self.remember(at, _written(at.astimezone(UTC)))

    def remember(self, at: datetime, text: str) -> str:
        if len(self) >= REMEMBERED_MAX:
            self.clear()
        self[at] = text
        return text


def _written(at: datetime) -> str:
    # Half the time of isoformat(timespec="microseconds").
    two = _TWO_DIGITS
    return f"{at.year:04}-{two[at.month]}-{two[at.day]}T{two[at.hour]}:{two[at.minute]}:{two[at.second]}.{at.microsecond:06}Z"


_texts = _Texts()
