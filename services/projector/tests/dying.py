"""A pool whose process dies at its n-th word to Postgres: before it is said, or after it was done."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from opsroom_common.postgres.pool import Pool, Row, Session


class Killed(BaseException):
    """Like SIGKILL: nothing of ours catches it."""


class Life:
    """``said`` counts the words; at ``dies_at`` it ends."""

    def __init__(self, dies_at: int | None) -> None:
        self.said = 0
        self._dies_at = dies_at

    def step(self) -> None:
        self.said += 1
        if self.said == self._dies_at:
            raise Killed


class _DyingSession(Session):
    def __init__(self, inner: Session, life: Life) -> None:
        super().__init__(None)
        self._inner = inner
        self._life = life

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        self._life.step()
        rows = await self._inner.fetch(statement, *values)
        self._life.step()
        return rows

    async def execute(self, statement: str, *values: object) -> None:
        self._life.step()
        await self._inner.execute(statement, *values)
        self._life.step()

    async def copy(self, schema: str, table: str, columns: Sequence[str], rows: bytes) -> None:
        self._life.step()
        await self._inner.copy(schema, table, columns, rows)
        self._life.step()


class DyingPool(Pool):
    def __init__(self, pool: Pool, dies_at: int | None = None) -> None:
        super().__init__(pool._pool)
        self._inner = pool
        self.life = Life(dies_at)
        self._session = _DyingSession(pool, self.life)

    async def fetch(self, statement: str, *values: object) -> Sequence[Row]:
        return await self._session.fetch(statement, *values)

    async def execute(self, statement: str, *values: object) -> None:
        await self._session.execute(statement, *values)

    @asynccontextmanager
    async def transaction(self, *, isolation: str = "read_committed", readonly: bool = False) -> AsyncGenerator[Session]:
        async with self._inner.transaction(isolation=isolation, readonly=readonly) as session:
            yield _DyingSession(session, self.life)
        # Committed, and nobody was told.
        self.life.step()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Session]:
        async with self._inner.connection() as session:
            yield session
