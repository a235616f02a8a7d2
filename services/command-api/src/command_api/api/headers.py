"""What the headers of a command say: its id, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.datastructures import Headers

from opsroom_common.http.problems import Problem, problem
from opsroom_common.log.entity import mint_ms
from opsroom_common.runtime.ids import is_uuid7, unix_ms
from opsroom_domain.ids import CommandId

IDEMPOTENCY_KEY = "idempotency-key"
CORRELATION = "x-correlation-id"
CAUSATION = "x-causation-id"
REASON = "x-reason"
PROPOSAL = "x-proposal-id"
FUTURE_MAX = timedelta(minutes=5)
"""How far a command id may be ahead of our clock: dedupe compares mint times (R6), and one from far ahead would outlive it."""
_OPAQUE_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$")
_CODE = re.compile(r"^[a-z][a-z0-9_.-]{0,63}$")
_HOW = (
    "send Idempotency-Key (id in a batch): a UUIDv7 in canonical form, new for each command and the same for its retries (libraries: uuid7)"
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command comes from, as opaque ids and codes; all optional."""

    correlation_id: str | None
    causation_id: str | None
    reason: str | None
    proposal_id: str | None


def plain(headers: Headers) -> dict[str, str]:
    """Names in lower case, decoded once: Starlette searches the list anew for each look-up. Of a repeated header the first counts."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(headers.raw)}


def command_id(headers: Mapping[str, str], now: datetime) -> CommandId:
    """The command's id. Raises Problem 400 that says how to make one."""
    key = headers.get(IDEMPOTENCY_KEY)
    if key is None:
        raise _wrong("idempotency-key-missing", "A command needs an id", _HOW)
    return checked_id(key, now)


def checked_id(key: str, now: datetime) -> CommandId:
    """``key`` as a command's id. Raises Problem 400 for what is no UUIDv7, or one from the future."""
    if not is_uuid7(key):
        raise _wrong("idempotency-key-invalid", "The command's id is not a UUIDv7", _HOW)
    if mint_ms(key) > unix_ms(now + FUTURE_MAX):
        raise _wrong(
            "idempotency-key-from-future",
            "The command's id is from the future",
            f"its time is more than {FUTURE_MAX.seconds // 60} minutes ahead of the server's; set the clock of the machine that mints it",
        )
    return CommandId(key)


def origin(headers: Mapping[str, str]) -> Origin:
    """The optional headers. Raises Problem 400 for one that is not an opaque id or a code: they are kept for ever, in clear."""
    return Origin(
        _fitting(headers, CORRELATION, _OPAQUE_ID, "an opaque id"),
        _fitting(headers, CAUSATION, _OPAQUE_ID, "an opaque id"),
        _fitting(headers, REASON, _CODE, "a code like duplicate or false-alarm; the words belong in the body"),
        _fitting(headers, PROPOSAL, _OPAQUE_ID, "an opaque id"),
    )


def _fitting(headers: Mapping[str, str], name: str, form: re.Pattern[str], meaning: str) -> str | None:
    value = headers.get(name)
    if value is None or form.match(value):
        return value
    raise _wrong("invalid-header", "A header does not fit", f"{name} must be {meaning}, without spaces; correct it or leave it out")


def _wrong(code: str, title: str, detail: str) -> Problem:
    return problem(400, code, title, detail)
