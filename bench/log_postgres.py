"""An alternative to our log: a table in Postgres, whose primary key is the compare-and-set. For measuring only.

A batch is one statement with ``synchronous_commit = on``. Whoever inserts an offset second is refused, and nothing of that batch is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import asyncpg
import orjson

from opsroom_common.contracts.topics import partition_of
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.port import AppendUnknown, Checkpoint, Classified, LogRecord, RawRecord, SessionLost
from opsroom_common.postgres.errors import Unavailable
from opsroom_common.postgres.pool import Pool, Row
from opsroom_common.postgres.sql import statements

SQL = statements("bench", "log_postgres.sql")
POLL_S = 0.005


class PostgresLog:
    """``EventLog`` as a table. ``pool`` is the caller's to close."""

    topic = "bench_log"
    partitions = 1

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def install(self) -> None:
        """Make the table."""
        await self.pool.execute(SQL["install"])

    def partition_of(self, entity_id: str) -> int:
        return partition_of(entity_id, self.partitions)

    async def session(self) -> PostgresSession:
        return PostgresSession(self.pool, {p: await self.end_offset(p) for p in range(self.partitions)})

    async def reader(self, starts: Mapping[int, Checkpoint]) -> PostgresReader:
        return PostgresReader(self.pool, starts)

    async def end_offset(self, partition: int) -> int:
        row = await self.pool.fetch_one(SQL["end"], partition)
        assert row is not None
        return row["next"]


class PostgresSession:
    """Writes at the offsets that it expects to be free; refused, it is over."""

    def __init__(self, pool: Pool, ends: dict[int, int]) -> None:
        self._pool = pool
        self._next = ends
        self._over = False

    @property
    def alive(self) -> bool:
        return not self._over

    async def append(self, partition: int, records: Sequence[RawRecord]) -> int:
        if self._over:
            raise SessionLost("this session is over")
        base = self._next[partition]
        keys, values, times = [r.key for r in records], [r.value for r in records], [r.timestamp_ms for r in records]
        headers = [orjson.dumps([[name, value.decode()] for name, value in r.headers]) for r in records]
        try:
            await self._pool.execute(SQL["append"], partition, base, keys, values, headers, times)
        except asyncpg.UniqueViolationError as error:
            self._over = True
            raise SessionLost(f"somebody else has written {partition}:{base}; nothing of this batch was") from error
        except Unavailable as error:
            self._over = True
            raise AppendUnknown(str(error)) from error
        self._next[partition] = base + len(records)
        return base

    async def close(self) -> None:
        self._over = True


class PostgresReader:
    """Reads from checkpoints, in order."""

    def __init__(self, pool: Pool, starts: Mapping[int, Checkpoint]) -> None:
        self._pool = pool
        self._filters = {partition: TermFilter(start) for partition, start in starts.items()}

    async def poll(self, max_records: int, timeout_s: float) -> Mapping[int, Sequence[Classified]]:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            found: dict[int, Sequence[Classified]] = {}
            for partition, terms in self._filters.items():
                rows = await self._pool.fetch(SQL["read"], partition, terms.checkpoint.offset, max_records)
                if rows:
                    found[partition] = [terms.classify(_record(row, partition)) for row in rows]
            if found or asyncio.get_running_loop().time() >= deadline:
                return found
            await asyncio.sleep(POLL_S)

    def position(self, partition: int) -> Checkpoint:
        return self._filters[partition].checkpoint

    async def close(self) -> None:
        return


def _record(row: Row, partition: int) -> LogRecord:
    headers = tuple((name, value.encode()) for name, value in orjson.loads(row["headers"]))
    return LogRecord("bench_log", partition, row["offset"], row["at"], row["key"], row["value"], headers)
