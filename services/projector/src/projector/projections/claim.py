"""One process at a time builds, compares or follows a projection: a lock of Postgres, which goes with the process that holds it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from opsroom_common.postgres.errors import Unavailable
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.sql import statements
from projector.projections.control import Refused

_SQL = statements("projector.projections", "claim.sql")


@asynccontextmanager
async def claimed(pool: Pool, name: str) -> AsyncGenerator[None]:
    """Hold the projection ``name`` for the block. Raises Refused if another process does, Unavailable.

    It spares work and keeps a comparison still; what keeps the rows right is that every commit compares its checkpoint.
    """
    async with pool.connection() as connection:
        row = await connection.fetch_one(_SQL["claim"], name)
        if row is None or not row["ours"]:
            found = await connection.fetch_one(_SQL["claimed_by"], name)
            who = (
                "another process" if found is None else f"process {found['pid']} of Postgres, connected since {found['since']:%H:%M:%S} UTC"
            )
            raise Refused(f"{who} works on {name}: let it end, or stop it, and try again")
        try:
            yield
        finally:
            # A connection that is gone has given it back already.
            with suppress(Unavailable):
                await connection.execute(_SQL["give_back"], name)
