"""What the rows of one projection's partition are, in a few bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from opsroom_common.postgres.pool import Session
from opsroom_common.postgres.sql import statements
from projector.projections.names import written_for

_SQL = statements("projector.projections", "sound.sql")
_KEYS_MAX = 5
_NOT_OF_THE_LOG: Mapping[str, frozenset[str]] = {"checkpoints": frozenset({"updated_at"})}
"""Columns that say when a row was written, which is no matter of the log."""


class Hash(NamedTuple):
    """How many rows there are, and what they are: equal rows in any order give an equal hash."""

    rows: int
    hash: str


def compared_columns(table: str, columns: Sequence[str]) -> Sequence[str]:
    return [column for column in columns if column not in _NOT_OF_THE_LOG.get(table, ())]


async def hashes(session: Session, name: str, partition: int, columns: Mapping[str, Sequence[str]]) -> Mapping[str, Hash]:
    """Of each table of the projection ``name``, the rows of the partition, by these columns. Raises Unavailable."""
    found: dict[str, Hash] = {}
    for table, names in columns.items():
        statement = "hash" if "partition" in names else "hash_by_entity"
        row = await session.fetch_one(_filled(statement, name, table, names), partition)
        assert row is not None
        found[table] = Hash(row["rows"], row["hash"])
    return found


async def differing(
    session: Session, one: str, other: str, partition: int, below: int, columns: Mapping[str, Sequence[str]]
) -> Sequence[str]:
    """A few rows that differ, by name: what to look at first. It may find none where rows only differ in what changes with time."""
    found: list[str] = []
    for table in ("entity_versions", "timeline"):
        names = [column for column in columns.get(table, ()) if column != "valid_to"]
        text = _filled("differing_versions", one, table, names).replace("{other}", other)
        found += [f"{table} {row['key']}" for row in await session.fetch(text, partition, below, _KEYS_MAX)]
    text = _filled("differing_entities", one, "entities", columns.get("entities", ())).replace("{other}", other)
    found += [f"entities {row['key']}" for row in await session.fetch(text, partition, _KEYS_MAX)]
    return found


def _filled(statement: str, name: str, table: str, columns: Sequence[str]) -> str:
    listed = ", ".join(f'"{column}"' for column in columns)
    return written_for(_SQL[statement], name).replace("{table}", table).replace("{columns}", listed)
