"""Page cursors: opaque to the client, and bound to the filters and the order that they were made with."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, cast

import orjson

from gateway_ws.queries.asked import After, Key, Page
from gateway_ws.queries.fields import Sort, SortKey
from opsroom_common.http.problems import Problem, problem

CURSOR_CHARS_MAX: Final = 2_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_MAX: Final = 1 << 53
_INT_MAX: Final = 2**31 - 1
_ID: Final = re.compile(r"[\x20-\x7e]{1,100}")
_NOT_OURS: Final = "it is not a cursor of this API"


def encode(after: After, page: Page) -> str:
    """``page`` is the one that ``after`` ends."""
    key = (after.key - _EPOCH) // timedelta(microseconds=1) if isinstance(after.key, datetime) else after.key
    return base64.urlsafe_b64encode(orjson.dumps([key, after.entity_id, _made_for(page)])).decode().rstrip("=")


def decode(text: str, page: Page) -> After:
    """The last row of the page before. Raises Problem 400 for what ``encode`` did not make, or made for other filters or another order."""
    try:
        raw: Any = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise _bad(_NOT_OURS) from error
    match raw:
        case [_, str(entity_id), str(made_for)] if _ID.fullmatch(entity_id):
            if made_for != _made_for(page):
                raise _bad("it belongs to other filters or to another order")
            return After(_key(cast("list[object]", raw)[0], page.sort), entity_id)
        case _:
            raise _bad(_NOT_OURS)


def _key(raw: object, sort: Sort) -> Key:
    """The key as this order has it."""
    match sort.key, raw:
        case SortKey.UPDATED | SortKey.CREATED | SortKey.DUE, int(microseconds) if 0 <= microseconds < _MICROSECONDS_MAX:
            return _EPOCH + timedelta(microseconds=microseconds)
        case SortKey.RANK, int(rank) if abs(rank) <= _INT_MAX:
            return rank
        case SortKey.TITLE, str(title) if "\0" not in title:
            return title
        case SortKey.RANK | SortKey.DUE, None:
            return None
        case _:
            raise _bad(_NOT_OURS)


def _made_for(page: Page) -> str:
    """16 hex digits, equal for equal filters and order, whatever the order of the parameters was. No secret, and no protection: a cursor shows nothing
    that its maker could not ask for.
    """
    wanted = page.wanted
    parts = [
        wanted.kind,
        sorted(wanted.statuses),
        sorted([sorted(clause.terms), sorted(clause.assignees), clause.or_nobody] for clause in wanted.one_of),
        sorted(wanted.all_of),
        sorted([between.moment, str(between.start), str(between.end)] for between in wanted.between),
        wanted.with_archived,
        wanted.search,
        page.sort.parameter,
        page.as_of,
    ]
    return sha256(orjson.dumps(parts)).hexdigest()[:16]


def _bad(why: str) -> Problem:
    return problem(400, "bad-cursor", "The cursor does not fit", f"{why}; leave cursor out to start at the first page")
