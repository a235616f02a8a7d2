"""Postgres' binary COPY format (documentation of COPY, "Binary Format"): a row is the number of its fields, then each field's length and bytes.

It is what the server reads with the least work: no escapes, no texts of numbers and times. Each function here gives one field, length included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from struct import Struct

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Before the first row: no flags, no extension."""
TRAILER = b"\xff\xff"
"""After the last row."""
NULL = b"\xff\xff\xff\xff"

_TEXT_OID = 25
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_length = Struct("!i").pack
_counted = Struct("!h").pack
_int4 = Struct("!ii").pack
_int8 = Struct("!iq").pack
_array_head = Struct("!iiiii").pack
_SHORT = tuple(_length(size) for size in range(512))


def whole(rows: Iterable[bytes]) -> bytes:
    """Everything that one COPY sends. Empty if there are no rows."""
    body = b"".join(rows)
    return SIGNATURE + body + TRAILER if body else b""


def fields(count: int) -> bytes:
    """The beginning of a row of ``count`` fields."""
    return _counted(count)


def text(value: str | None) -> bytes:
    """A field of type ``text``."""
    if value is None:
        return NULL
    raw = value.encode()
    size = len(raw)
    return (_SHORT[size] if size < len(_SHORT) else _length(size)) + raw


def jsonb(value: bytes) -> bytes:
    """A field of type ``jsonb``, from JSON in UTF-8."""
    return _length(len(value) + 1) + b"\x01" + value


def int4(value: int | None) -> bytes:
    """A field of type ``int``. Raises struct.error beyond 32 bits."""
    return NULL if value is None else _int4(4, value)


def int8(value: int | None) -> bytes:
    """A field of type ``bigint``. Raises struct.error beyond 64 bits."""
    return NULL if value is None else _int8(8, value)


def microseconds(at: datetime) -> int:
    """An instant as Postgres counts it."""
    since = at - _POSTGRES_EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def timestamptz(value: datetime | None) -> bytes:
    """A field of type ``timestamptz``."""
    return NULL if value is None else _int8(8, microseconds(value))


def text_array(values: Sequence[str]) -> bytes:
    """A field of type ``text[]``, without nulls."""
    head = _array_head(1, 0, _TEXT_OID, len(values), 1) if values else _array_head(0, 0, _TEXT_OID, 0, 0)[:12]
    body = head + b"".join(text(value) for value in values)
    return _length(len(body)) + body
