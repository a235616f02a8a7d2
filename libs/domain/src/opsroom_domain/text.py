"""What text may be: short enough, and made of characters that every store and screen takes."""

from __future__ import annotations

import re

from opsroom_domain.decider import Refused

_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff"
"""Postgres' jsonb takes no NUL and UTF-8 no lone surrogate; the other control characters have no meaning on a screen."""
_NOT_IN_TEXT = re.compile(f"[{_CONTROL}]")
_NOT_IN_LINE = re.compile(f"[{_CONTROL}\t\n\r\u2028\u2029]")


def check_text(field: str, text: str, length_max: int) -> None:
    """Text of several lines, or none. ``length_max`` in characters. Raises Refused ``too-long`` or ``bad-text``."""
    if len(text) > length_max:
        raise Refused("too-long", f"{field} has {len(text)} characters and may have {length_max}; shorten it")
    if _NOT_IN_TEXT.search(text):
        raise Refused("bad-text", f"{field} holds a control character; remove it")


def check_line(field: str, line: str, length_max: int) -> None:
    """One line that says something. ``length_max`` in characters. Raises Refused ``blank``, ``too-long`` or ``bad-text``."""
    if not line.strip():
        raise Refused("blank", f"{field} is empty; fill it in")
    if len(line) > length_max:
        raise Refused("too-long", f"{field} has {len(line)} characters and may have {length_max}; shorten it")
    if _NOT_IN_LINE.search(line):
        raise Refused("bad-text", f"{field} holds a line break or a control character; remove it")


def fitted_text(text: str, length_max: int) -> str:
    """Text from outside that must not be refused: what does not fit is replaced or cut, and the cut is shown."""
    return _cut(_NOT_IN_TEXT.sub("\ufffd", text), length_max)


def fitted_line(text: str, length_max: int) -> str:
    """As ``fitted_text``, on one line and without white space at the ends; may be empty."""
    return _cut(_NOT_IN_TEXT.sub("\ufffd", " ".join(text.split())), length_max)


def _cut(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else text[: length_max - 1].rstrip() + "…"
