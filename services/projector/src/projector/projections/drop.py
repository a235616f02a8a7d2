"""Drops a projection that nobody needs any more. Never the live one."""

from __future__ import annotations

from opsroom_common.postgres.pool import Pool
from projector.projections import control
from projector.projections.claim import claimed
from projector.projections.control import Refused, State
from projector.projections.names import number_of


async def drop(pool: Pool, name: str) -> None:
    """Drop the schema and forget the projection. Raises Refused if it is live, or if a process works on it; Unavailable."""
    number_of(name)
    async with claimed(pool, name), pool.transaction() as transaction:
        found = next((each for each in await control.locked(transaction) if each.name == name), None)
        if found is None:
            raise Refused(f"there is no projection {name}; `opsctl projections list` shows those that there are")
        if found.state is State.LIVE:
            raise Refused(f"{name} is live: readers see it. Switch to another one first")
        await transaction.execute("SET LOCAL lock_timeout = '5s'")
        await control.forget(transaction, name)
        # Without CASCADE: if anything outside still shows these tables, nothing is dropped.
        tables = ", ".join(f'{name}."{table}"' for table in await control.tables_of(transaction, name))
        if tables:
            await transaction.execute(f"DROP TABLE {tables}")
        await transaction.execute(f"DROP SCHEMA IF EXISTS {name}")
