"""Page cursors: opaque to the client, and bound to the filters that they were made with."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from opsroom_common.http.problems import Problem, problem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_MAX = 1 << 53


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page; the next page starts after it."""

    updated_at: datetime
    entity_id: str


def encode(cursor: Cursor, filters: str) -> str:
    """``filters`` is any text that is equal for equal filters."""
    microseconds = (cursor.updated_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(orjson.dumps([microseconds, cursor.entity_id, filters])).decode().rstrip("=")


def decode(text: str, filters: str) -> Cursor:
    """Raises Problem 400 for what ``encode`` did not make, or made for other filters."""
    try:
        raw: object = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _bad("it is not a cursor of this API") from error
    match raw:
        case [int(microseconds), str(entity_id), str(made_for)] if 0 <= microseconds < _MICROSECONDS_MAX and "\0" not in entity_id:
            if made_for != filters:
                raise _bad("it belongs to other filters")
            return Cursor(_EPOCH + timedelta(microseconds=microseconds), entity_id)
        case _:
            raise _bad("it is not a cursor of this API")


def _bad(why: str) -> Problem:
    return problem(400, "bad-cursor", "The cursor does not fit", f"{why}; leave cursor out to start at the first page")
