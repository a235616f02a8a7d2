"""What a request for activity asks for: names to event types, and the cursor of a page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

import orjson

from gateway_ws.past.models import ActivityParameters
from gateway_ws.past.store import FIRST, LAST, ActivityAsked, Place
from opsroom_common.http.problems import Problem, problem
from opsroom_domain.registry import KINDS

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_MAX: Final = 1 << 53
_PARTITIONS_MAX: Final = 1 << 31
_OFFSET_MAX: Final = 1 << 63


def asked_for(asked: ActivityParameters) -> ActivityAsked:
    """The question to the rows. Raises Problem 400 for a type that does not exist, a range that is empty, a cursor of another question."""
    if asked.from_ is not None and asked.to is not None and asked.from_ >= asked.to:
        raise problem(400, "empty-range", "The range is empty", "from must be earlier than to; correct one of them")
    question = ActivityAsked(
        start=asked.from_ or FIRST,
        end=asked.to or LAST,
        limit=asked.limit,
        actors=sorted(set(asked.actor)) or None,
        types=_types(asked.type, asked.kind),
        entities=sorted(set(asked.entity)) or None,
    )
    if asked.cursor is None:
        return question
    return replace(question, after=decode(asked.cursor, question))


def encode(place: Place, question: ActivityAsked) -> str:
    """The cursor of the page that ends at ``place``."""
    microseconds = (place.at - _EPOCH) // timedelta(microseconds=1)
    raw = orjson.dumps([microseconds, place.partition, place.offset, _made_for(question)])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text: str, question: ActivityAsked) -> Place:
    """Raises Problem 400 for what ``encode`` did not make, or made for another question."""
    try:
        raw: object = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise _bad("it is not a cursor of this API") from error
    match raw:
        case [int(microseconds), int(partition), int(offset), str(made_for)] if (
            0 <= microseconds < _MICROSECONDS_MAX and 0 <= partition < _PARTITIONS_MAX and 0 <= offset < _OFFSET_MAX
        ):
            if made_for != _made_for(question):
                raise _bad("it belongs to other filters")
            return Place(_EPOCH + timedelta(microseconds=microseconds), partition, offset)
        case _:
            raise _bad("it is not a cursor of this API")


def _types(names: Sequence[str], kinds: Sequence[str]) -> list[str] | None:
    """The event types that ``names`` (whole, or their last parts) mean within ``kinds``; None: all."""
    if not names and not kinds:
        return None
    every = {f"opsroom.{kind.name}.{event}": kind.name for kind in KINDS.values() for event in kind.events}
    for name in names:
        if not any(_means(name, known) for known in every):
            raise problem(
                400,
                "unknown-event-type",
                "There is no such event type",
                f"type {name!r} is none; send a whole one such as {min(every)!r} or its last part",
            )
    return sorted(
        known for known, kind in every.items() if (not kinds or kind in kinds) and (not names or any(_means(name, known) for name in names))
    )


def _means(name: str, known: str) -> bool:
    return name in (known, known.rpartition(".")[2])


def _made_for(question: ActivityAsked) -> str:
    """Equal for equal questions, whatever the order of the parameters was."""
    parts = [question.start, question.end, question.actors, question.types, question.entities]
    return sha256(orjson.dumps(parts)).hexdigest()[:16]


def _bad(why: str) -> Problem:
    return problem(400, "bad-cursor", "The cursor does not fit", f"{why}; leave cursor out to start at the first page")
