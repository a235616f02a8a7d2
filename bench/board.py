"""A large board for measuring and for looking at plans: made by Postgres itself, so that a million rows take a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from gateway_ws.queries.fields import Form, SortKey, listing
from opsroom_common.postgres.sql import statements
from opsroom_domain.registry import KINDS
from opsroom_domain.samples import samples

_SQL = statements("bench", "board.sql")
_SCHEMA = Path(__file__).parents[1] / "services/projector/src/projector/sql/schema.sql"
_OWN = frozenset({"status", "visibility"})
"""Choices that the statement makes by rules of its own."""


async def fill(dsn: str, rows: Mapping[str, int]) -> None:
    """Make the tables, and in them ``rows`` entities of each kind, with their texts and a timeline of one event. The indexes come last."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_SCHEMA.read_text())
        await connection.execute("SET synchronous_commit = off; SET jit = off")
        indexes = [row["indexdef"] for row in await connection.fetch(_SQL["indexes"])]
        await connection.execute(_SQL["drop_indexes"])
        await connection.execute(_SQL["dice"])
        await asyncio.gather(*[_fill(dsn, kind, count) for kind, count in rows.items()])
        await asyncio.gather(*[_index(dsn, indexes[half::2]) for half in (0, 1)])
        await connection.execute(_SQL["feed"])
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _index(dsn: str, indexes: Sequence[str]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET maintenance_work_mem = '512MB'")
        for index in indexes:
            await connection.execute(index, timeout=600)
    finally:
        await connection.close()


async def _fill(dsn: str, name: str, count: int) -> None:
    """In two halves at once: one server process makes no more than one core does."""
    middle = count // 2
    await asyncio.gather(*[_part(dsn, name, count, first, last) for first, last in ((1, middle), (middle + 1, count))])
    connections = [await asyncpg.connect(dsn) for _ in ("texts", "timeline")]
    try:
        for connection in connections:
            await connection.execute("SET synchronous_commit = off; SET jit = off")
        await asyncio.gather(
            connections[0].execute(_SQL["texts"], name, timeout=600), connections[1].execute(_SQL["timeline"], name, timeout=600)
        )
    finally:
        for connection in connections:
            await connection.close()


async def _part(dsn: str, name: str, count: int, first: int, last: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET synchronous_commit = off; SET jit = off")
        await connection.execute(_SQL["entities"], *_values(name, count), first, last, timeout=600)
    finally:
        await connection.close()


def _values(name: str, count: int) -> tuple[Any, ...]:
    kind = KINDS[name]
    how = listing(kind)
    choices = [field for field in how.fields.values() if field.form is Form.CHOICE and field.tag not in _OWN]
    statuses = (how.fields["status"].choices if "status" in how.fields else ()) or ("active", "archived")
    state = kind.to_json(samples(kind)[0])
    return (
        name,
        kind.prefix,
        count,
        orjson.dumps(state).decode(),
        list(statuses),
        SortKey.RANK in how.sort_keys,
        how.has_due,
        [field.tag for field in choices],
        [orjson.dumps(field.choices).decode() for field in choices],
    )
