"""Short codes: what people call an entity by, ``INC-`` and the last characters of its id. Where they are ambiguous, longer ones tell apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway_ws.metrics import GatewayMetrics
from gateway_ws.queries import statement as sql
from gateway_ws.queries.statement import Statement
from gateway_ws.queries.visible import visible
from gateway_ws.reading import reading
from opsroom_common.auth.identity import Identity
from opsroom_common.http.problems import Problem, problem
from opsroom_common.postgres.pool import Pool
from opsroom_domain.ids import SHORT_CODE_CHARS, short_code
from opsroom_domain.registry import kind_of_prefix

CANDIDATES_MAX: Final = 20
CODE_CHARS_MAX: Final = 40
_ID_CHARS: Final = 26
_CODE: Final = re.compile(r"(?P<prefix>[A-Za-z]{2,8})[-_](?P<tail>[0-9A-Za-z]+)")
_READ_AS: Final = str.maketrans({"i": "1", "l": "1", "o": "0"})
"""As Crockford's base32 reads what people mistype."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code that makes sense: the kind, and what its ids end with."""

    kind: str
    tail: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entity that a code may mean."""

    entity_id: str
    kind: str
    title: str


def parse(text: str) -> Code:
    """Read a code, in capitals or not. Raises Problem 400 for what is none."""
    match = _CODE.fullmatch(text)
    kind = None if match is None else kind_of_prefix(match["prefix"].lower())
    if match is None or kind is None:
        raise _bad(f"{text[:CODE_CHARS_MAX]!r} is no code; it looks like INC-7XD4K2QM")
    tail = match["tail"].lower().translate(_READ_AS)
    if not SHORT_CODE_CHARS <= len(tail) <= _ID_CHARS:
        raise _bad(f"a code has {SHORT_CODE_CHARS} to {_ID_CHARS} characters behind the dash; this one has {len(tail)}")
    if "u" in tail:
        raise _bad("no code has a U; perhaps it is a V")
    return Code(kind.name, tail)


def longer_codes(ids: Sequence[str]) -> list[str]:
    """The shortest codes of equal length that tell ``ids`` apart."""
    chars = SHORT_CODE_CHARS
    while chars < _ID_CHARS and len({short_code(entity_id, chars) for entity_id in ids}) < len(ids):
        chars += 1
    return [short_code(entity_id, chars) for entity_id in ids]


class Codes:
    """Finds entities by their codes. Raises ReadUnavailable while Postgres is away."""

    def __init__(self, pool: Pool, metrics: GatewayMetrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def find(self, code: Code, viewer: Identity) -> list[Candidate]:
        """The entities that it may mean, ``CANDIDATES_MAX`` + 1 at most."""
        statement = Statement()
        text = sql.by_code(statement, code.kind, code.tail, CANDIDATES_MAX + 1, visible(statement, viewer))
        with self._metrics.query_seconds.labels(query="by_code").time(), reading():
            rows = await self._pool.fetch(text, *statement.values)
        return [Candidate(row["id"], row["kind"], row["title"]) for row in rows]


def _bad(why: str) -> Problem:
    return problem(400, "invalid-request", "This is no code", why)
