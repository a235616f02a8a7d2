"""Times as an operator types them: RFC 3339, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from opsctl.exits import Exit, Stop

_AGO = re.compile(r"([0-9]{1,9})(s|m|h|d|w)")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def parse_moment(text: str, now: datetime) -> datetime:
    """An instant, in UTC: ``2026-11-23T09:00:00Z``, ``15m`` (before ``now``), or ``now``. Raises Stop."""
    if text == "now":
        return now
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNIT[ago[2]]: int(ago[1])})
        if _RFC_3339.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Stop(
        Exit.USAGE, f"{text!r} is no time: write it like 2026-11-23T09:00:00Z (with Z or an offset), or how long ago: 30s, 15m, 2h, 7d"
    )


def parse_version_or_moment(text: str, now: datetime) -> int | datetime:
    """A version (``7`` or ``v7``) or an instant. Raises Stop."""
    version = re.fullmatch(r"v?([0-9]{1,9})", text)
    if version is None:
        return parse_moment(text, now)
    if int(version[1]) < 1:
        raise Stop(Exit.USAGE, "versions begin at 1")
    return int(version[1])


def shown(at: datetime) -> str:
    """An instant for people: UTC, milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
