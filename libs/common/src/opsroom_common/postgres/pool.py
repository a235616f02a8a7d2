"""A bounded pool of connections to Postgres. It connects when it is first used, and again after the server was away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any, TypeAlias, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import orjson

from opsroom_common.postgres.errors import translated

Row: TypeAlias = Mapping[str, Any]
"""One row of an answer by column name. ``timestamptz`` is an aware UTC datetime, ``jsonb`` is decoded JSON."""

_CONNECT_TIMEOUT_S = 5.0
_ACQUIRE_TIMEOUT_S = 5.0


# A plan that is made while a table is empty would read it from end to end for ever, and one that is made anew each time costs more than it runs.
_BY_KEY = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}


class Session:
    """One connection, or the pool's next free one: runs one statement, which is its own transaction, in one round trip."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        """All rows. Raises Unavailable, Rejected."""
        with translated():
            return cast("Sequence[Row]", await self._runner.fetch(statement, *values))

    async def fetch_one(self, statement: str, *values: object) -> Row | None:
        """The first row, or None. The statement runs to its end whatever it returns. Raises Unavailable, Rejected."""
        rows = await self.fetch(statement, *values)
        return rows[0] if rows else None

    async def stream(self, statement: str, *values: object, rows: int) -> AsyncIterator[Sequence[Row]]:
        """All rows, at most ``rows`` at a time: as many as are asked for leave the server. In a transaction only. Raises Unavailable, Rejected."""
        with translated():
            cursor = await self._runner.cursor(statement, *values)
        while True:
            with translated():
                part = cast("Sequence[Row]", await cursor.fetch(rows))
            if not part:
                return
            yield part

    async def execute(self, statement: str, *values: object) -> None:
        """Run a statement, or without values a whole script. Raises Unavailable, Rejected."""
        with translated():
            await self._runner.execute(statement, *values)

    async def copy(self, schema: str, table: str, columns: Sequence[str], rows: bytes) -> None:
        """Append rows with one COPY, all or none; ``rows`` as ``copy_format.whole`` gives them. Raises Unavailable, Rejected."""
        with translated():
            await self._runner.copy_to_table(table, schema_name=schema, columns=list(columns), source=BytesIO(rows), format="binary")


class Pool(Session):
    """At most ``max_size`` connections; a caller waits at most 5 s for one, and a statement runs at most ``statement_timeout_s``.

    ``synchronous_commit=False`` is right where a lost commit is read again from the log, and wrong wherever a commit precedes an effect outside.
    """

    def __init__(self, pool: Any) -> None:
        super().__init__(pool)
        self._pool = pool

    @classmethod
    async def open(
        cls,
        dsn: str,
        *,
        name: str,
        max_size: int = 8,
        statement_timeout_s: float = 15.0,
        idle_timeout_s: float = 2.0,
        synchronous_commit: bool = True,
        plan_each: bool = False,
        by_key: bool = False,
    ) -> Pool:
        """Make the pool. It does not connect, so that it succeeds while the server is away. ``name`` is what the server shows of it.

        A transaction that is idle for ``idle_timeout_s`` is ended by the server. With ``plan_each`` a statement is planned anew for its values each
        time, which costs some tenths of a millisecond and is right where the values decide which plan is quick; and no table is read whole where an
        index serves. With ``by_key`` it is planned once, for keys and not for whole tables, and never again: right for a writer's few statements,
        which find their rows by keys. Not both.
        """
        with translated():
            pool = await asyncpg.create_pool(  # pyright: ignore[reportUnknownMemberType]
                dsn,
                min_size=0,
                max_size=max_size,
                max_inactive_connection_lifetime=300.0,
                connection_class=_Connection,
                init=_prepare,
                timeout=_CONNECT_TIMEOUT_S,
                # Above the server's own, so that the server says first what was wrong.
                command_timeout=statement_timeout_s + 2.0,
                server_settings={
                    "application_name": name,
                    "synchronous_commit": "on" if synchronous_commit else "off",
                    "statement_timeout": str(int(statement_timeout_s * 1000)),
                    # A paused process in a transaction would hold the feed's head for all others.
                    "idle_in_transaction_session_timeout": str(int(idle_timeout_s * 1000)),
                    "plan_cache_mode": "force_custom_plan" if plan_each else "auto",
                    "enable_seqscan": "off" if plan_each else "on",
                    # A bitmap of a third of a million rows is exact in it; a coarse one would read every row of its pages.
                    "work_mem": "32MB" if plan_each else "4MB",
                    "jit": "off",
                    "timezone": "UTC",
                    **(_BY_KEY if by_key else {}),
                },
            )
        return cls(pool)

    @asynccontextmanager
    async def transaction(self, *, isolation: str = "read_committed", readonly: bool = False) -> AsyncGenerator[Session]:
        """Several statements in one transaction; ``idle_timeout_s`` without a statement end it. Raises Unavailable, Rejected."""
        with translated():
            async with (
                self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_S) as connection,
                connection.transaction(isolation=isolation, readonly=readonly),
            ):
                yield Session(connection)

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Session]:
        """One connection, kept for the whole block: for what belongs to a connection, as an advisory lock does. Raises Unavailable."""
        with translated():
            async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_S) as connection:
                yield Session(connection)

    async def close(self) -> None:
        """Close all connections; those in use are cut off. Does not wait for their statements."""
        self._pool.terminate()


class _Connection(asyncpg.Connection):
    """Sessions keep no state between statements here, so a release needs no reset: that saves a round trip each."""

    def get_reset_query(self) -> str:
        return ""


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_dumps, decoder=orjson.loads)


def _dumps(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
