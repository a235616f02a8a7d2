"""The change feed's table in Postgres: what was published, in order, without a gap."""

from __future__ import annotations

from opsroom_common.feed.port import FeedEntry, FeedSlice, Position
from opsroom_common.postgres.pool import Pool, Row
from opsroom_common.postgres.sql import statements

_SQL = statements("opsroom_common.postgres", "feed_table.sql")


class PostgresFeedTable:
    """``FeedTable`` on the primary: standbys cannot read UNLOGGED tables. Raises ``postgres.errors.Unavailable`` when Postgres is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def head(self) -> Position | None:
        row = await self._pool.fetch_one(_SQL["head"])
        return None if row is None else Position(row["epoch"], row["n"])

    async def read(self, after: int, limit: int) -> FeedSlice | None:
        rows = await self._pool.fetch(_SQL["read_after"], after, limit)
        if not rows:
            return None
        first = rows[0]
        return FeedSlice(
            head=Position(first["epoch"], first["head_n"]),
            floor=first["floor"],
            entries=[_entry(row) for row in rows if row["n"] is not None],
        )


def _entry(row: Row) -> FeedEntry:
    return FeedEntry(
        position=Position(row["epoch"], row["n"]),
        kind=row["kind"],
        entity_id=row["entity_id"],
        version=row["version"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        actor=row["actor"],
        event_types=tuple(row["event_types"]),
        was=row["was"],
        now=row["now"],
        row=row["row"].encode(),
        times={"event": row["event_at"].timestamp(), "projected": row["projected_at"].timestamp()},
    )
