"""The index on a real Postgres: answers only once the rows hold everything that was in the log when the partitions were assigned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.resources import files

import pytest

from command_api.signals.correlate import Candidate
from command_api.signals.incident_index import IndexUnavailable, PostgresIncidentIndex
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import RawRecord
from opsroom_common.postgres.pool import Pool
from opsroom_domain.ids import EntityId
from opsroom_domain.times import rfc3339

from .webhooks import at

pytestmark = pytest.mark.server


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    found = await Pool.open(postgres_dsn, name="test")
    # The read model as the projector makes it.
    await found.execute(files("projector").joinpath("sql/schema.sql").read_text(encoding="utf-8"))
    yield found
    await found.close()


async def row(pool: Pool, name: str, fingerprint: str, start: float, *, live: bool) -> None:
    await pool.execute(
        """INSERT INTO read_v1.entities (id, kind, version, partition, "offset", state, memory, tags, created_at, updated_at, title, status, keys)
           VALUES ($1, 'incident', 1, 0, 0, $2, '{}', $3, now(), now(), 'a title', 'open', $4)""",
        name,
        {"signals": {fingerprint: {"starts_at": rfc3339(at(start))}, "other": {"starts_at": rfc3339(at(99))}}},
        {"live": "true" if live else "false", "merged_into": ""},
        [fingerprint, "other"],
    )


async def reach(pool: Pool, partition: int, offset: int) -> None:
    await pool.execute(
        """INSERT INTO read_v1.checkpoints (topic, partition, "offset", fold) VALUES ('ops.events', $1, $2, 'f')
           ON CONFLICT (topic, partition) DO UPDATE SET "offset" = excluded."offset" """,
        partition,
        offset,
    )


async def test_the_incident_with_the_newest_episode_is_found(pool: Pool) -> None:
    index = PostgresIncidentIndex(pool, MemoryEventLog(2))
    assert await index.latest("f1") is None
    await row(pool, "inc_a", "f1", 5, live=False)
    await row(pool, "inc_b", "f1", 15, live=True)
    await row(pool, "inc_c", "f1", 10, live=False)
    await row(pool, "inc_d", "f2", 50, live=True)
    assert await index.latest("f1") == Candidate(EntityId("inc_b"), at(15), live=True)
    assert await index.latest("f3") is None


async def test_it_waits_until_the_rows_hold_what_the_log_held_at_the_assignment(pool: Pool) -> None:
    log = MemoryEventLog(2)
    record = RawRecord(b"k", b"v", (), 1)
    log.land(0, [record] * 3)
    log.land(1, [record])
    index = PostgresIncidentIndex(pool, log)
    with pytest.raises(IndexUnavailable, match="4 records behind"):
        await index.latest("f1")
    log.land(0, [record] * 100)  # later records are this consumer's own affair
    await reach(pool, 0, 3)
    with pytest.raises(IndexUnavailable, match="1 records behind"):
        await index.latest("f1")
    await reach(pool, 1, 1)
    assert await index.latest("f1") is None
    index.start_over()
    with pytest.raises(IndexUnavailable, match="100 records behind"):
        await index.latest("f1")


async def test_without_postgres_it_is_unavailable_and_says_so() -> None:
    pool = await Pool.open("postgresql://nobody@127.0.0.1:1/none", name="test")
    try:
        with pytest.raises(IndexUnavailable, match="signals wait"):
            await PostgresIncidentIndex(pool, MemoryEventLog(1)).latest("f1")
    finally:
        await pool.close()
