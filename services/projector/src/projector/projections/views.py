"""The views that readers name: one of each table of the live projection, under the same name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsroom_common.postgres.pool import Session
from opsroom_common.postgres.sql import statements
from projector.projections.names import written_for

_SQL = statements("projector.projections", "views.sql")


async def show(session: Session, name: str) -> None:
    """Let the views show the projection ``name``. Waits for whoever reads a view now; all who come meanwhile wait for this transaction's end.

    A view is replaced where its columns only grow, so that what was granted on it stays; else it is dropped and made again.
    """
    tables = await _columns(session, name)
    views = await _columns(session, "read")
    ddl = [f'DROP VIEW read."{gone}"' for gone in sorted(views.keys() - tables.keys())]
    for table, columns in sorted(tables.items()):
        shown: Mapping[str, str] = views.get(table, {})
        if any(columns.get(column) != kind for column, kind in shown.items()):
            ddl.append(f'DROP VIEW read."{table}"')
            shown = {}
        # Those that the view has come first, in its order: a view can only grow at its end.
        ordered = [*shown, *(column for column in columns if column not in shown)]
        ddl.append(
            written_for(_SQL["view"], name).replace("{table}", table).replace("{columns}", ", ".join(f'"{each}"' for each in ordered))
        )
    # One statement, so that one time limit holds for all the locks together.
    await session.execute("CREATE SCHEMA IF NOT EXISTS read")
    await session.execute("DO $views$ BEGIN " + "".join(f"{each}; " for each in ddl) + "END $views$")


async def _columns(session: Session, schema: str) -> Mapping[str, Mapping[str, str]]:
    """The columns of each table or view of the schema, in their order, with their types."""
    found: dict[str, dict[str, str]] = {}
    for row in await session.fetch(_SQL["columns"], schema):
        found.setdefault(row["relation"], {})[row["name"]] = row["type"]
    return found


async def shared_columns(session: Session, one: str, other: str) -> Mapping[str, tuple[Sequence[str], Sequence[str]]]:
    """For each table of either schema: the columns that both have with the same type, and those that differ, both sorted."""
    first, second = await _columns(session, one), await _columns(session, other)
    found: dict[str, tuple[Sequence[str], Sequence[str]]] = {}
    for table in sorted(first.keys() | second.keys()):
        left, right = set(first.get(table, {}).items()), set(second.get(table, {}).items())
        found[table] = (sorted(name for name, _ in left & right), sorted({name for name, _ in left ^ right}))
    return found
