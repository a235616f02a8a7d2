"""Promise 4: a read model is a pure function of the log, whatever was crashed, repeated or rebalanced on the way."""

from __future__ import annotations

import asyncio
import contextlib
import random

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.feed.port import FeedEntry, Position
from opsroom_common.postgres.errors import Unavailable
from opsroom_common.postgres.feed_table import PostgresFeedTable
from opsroom_common.postgres.pool import Pool, Row
from projector.session import Limits
from projector.verify import differences

from .log_book import LogBook
from .projecting import Projecting


class LossyPool(Pool):
    """A pool whose connection to the server breaks around a batch: before the statement arrives, or after it was committed."""

    def __init__(self, pool: Pool, chance: float, seed: int) -> None:
        super().__init__(pool._pool)
        self._chance = chance
        self._random = random.Random(seed)

    async def fetch(self, statement: str, *values: object) -> list[Row]:
        breaks = self._random.random() < self._chance and "INSERT INTO read_v1.entities" in statement
        if breaks and self._random.random() < 0.5:
            raise Unavailable("broken before it was sent")
        rows = await super().fetch(statement, *values)
        if breaks:
            raise Unavailable("broken before the answer came")
        return list(rows)


async def whole_feed(pool: Pool) -> list[FeedEntry]:
    slice_ = await PostgresFeedTable(pool).read(0, 1_000_000)
    assert slice_ is not None
    assert slice_.head.n == len(slice_.entries)
    return list(slice_.entries)


async def assert_feed_is_whole(pool: Pool) -> None:
    """Positions are consecutive from 1, and each entry is the row as it was at its version."""
    entries = await whole_feed(pool)
    assert [entry.position.n for entry in entries] == list(range(1, len(entries) + 1))
    versions = {
        (row["id"], row["version"]): row["state"] for row in await pool.fetch("SELECT id, version, state FROM read.entity_versions")
    }
    again = {row["entity_id"] for row in await pool.fetch("SELECT entity_id FROM read.skips")}
    last: dict[str, FeedEntry] = {}
    for entry in entries:
        if entry.entity_id in again:
            # Folded again: what was shown before need not be among its versions any more.
            last[entry.entity_id] = entry
            continue
        shown = orjson.loads(entry.row)
        state = versions[entry.entity_id, entry.version]
        assert {key: shown[key] for key in state} == state
        assert shown["version"] == entry.version
        before = last.get(entry.entity_id)
        # A skip may have ended the epoch, and the feed begins anew with it: what was told before is not here.
        assert (again and before is None) or entry.was == (None if before is None else before.now)
        assert before is None or before.version == entry.version - len(entry.event_types)
        last[entry.entity_id] = entry
    newest = {row["id"]: row["version"] for row in await pool.fetch("SELECT id, version FROM read.entities")}
    told = {entity_id: entry.version for entity_id, entry in last.items()}
    assert told == {entity_id: version for entity_id, version in newest.items() if not again or entity_id in told}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(1, 150),
    poll=st.integers(1, 40),
    batch=st.integers(1, 20),
    entities=st.integers(1, 8),
    breaks=st.sampled_from([0.0, 0.2]),
    rivals=st.integers(1, 2),
)
async def test_any_log_cut_anywhere_crashed_and_repeated_gives_the_fold(
    pool: Pool, seed: int, steps: int, poll: int, batch: int, entities: int, breaks: float, rivals: int
) -> None:
    book = LogBook(partitions=2, seed=seed)
    limits = Limits(poll_records=poll, batch_records=batch, entities=entities)
    lossy = LossyPool(pool, breaks, seed)
    projectors = [Projecting(book.log, lossy, MemoryFeedCarrier(), limits) for _ in range(rivals)]
    await projectors[0].store.install()
    await projectors[0].store.forget_everything()

    for _ in range(steps):
        book.random_step()
    with contextlib.ExitStack() as stack:
        for other in projectors[1:]:
            stack.enter_context(other.running())
        await projectors[0].until_current()
        # More of the log, for the same sessions and for new ones.
        for _ in range(steps // 4):
            book.random_step()
        await projectors[0].until_current()

    assert await differences(book.log, pool) == []
    await assert_feed_is_whole(pool)


async def test_a_changed_row_is_seen_by_the_comparison(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    first, second = book.open(), book.open()
    await Projecting(book.log, pool, carrier, Limits()).until_current()
    await pool.execute("UPDATE read_v1.entities SET title = 'other' WHERE id = $1", first)
    await pool.execute("DELETE FROM read_v1.timeline WHERE id = $1", second)
    found = await differences(book.log, pool)
    assert {(difference.table, difference.key[0], difference.column) for difference in found} == {
        ("entities", first, "title"),
        ("timeline", second, "*"),
    }


async def test_a_version_is_valid_until_the_next_one(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    entity = book.open()
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.until_current()
    book.clock.advance(5)
    book.note(entity)
    book.clock.advance(5)
    book.note(entity)
    await projecting.until_current()
    rows = await pool.fetch("SELECT valid_from, nullif(valid_to, 'infinity') AS valid_to FROM read.entity_versions ORDER BY version")
    assert [row["valid_to"] for row in rows] == [rows[1]["valid_from"], rows[2]["valid_from"], None]


async def test_a_batch_without_events_moves_the_checkpoint_and_makes_no_feed_entry(
    pool: Pool, book: LogBook, carrier: MemoryFeedCarrier
) -> None:
    entity = book.open()
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.until_current()
    before = len(await whole_feed(pool))
    partition = book.log.partition_of(entity)
    book.fence(partition)
    book.zombie(entity)
    book.mark(partition)
    await projecting.until_current()
    assert len(await whole_feed(pool)) == before
    opened = await projecting.store.open()
    assert opened.checkpoints[partition].offset == len(book.log.records(partition))
    assert opened.checkpoints[partition].term == book.terms[partition][-1]
    assert await differences(book.log, pool) == []


async def test_entries_reach_the_carrier_in_order(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    ids = [book.open() for _ in range(20)]
    projecting = Projecting(book.log, pool, carrier, Limits(batch_records=3))
    with projecting.running():
        got: list[FeedEntry] = []
        async with asyncio.timeout(20):
            while {entry.entity_id for entry in got} != set(ids):
                got.extend(await carrier.read(got[-1].position if got else Position(0, 0), 1.0))
    table = {entry.position: entry for entry in await whole_feed(pool)}
    assert all(table[entry.position] == entry for entry in got)
    assert b"opsroom_projector_sessions_total{" not in projecting.metrics.render(), "one session is enough when nothing fails"


@pytest.mark.parametrize("count", [1, 3])
async def test_several_projectors_may_install_at_once(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier, count: int) -> None:
    projectors = [Projecting(book.log, pool, carrier, Limits()) for _ in range(count)]
    await asyncio.gather(*(projecting.store.install() for projecting in projectors))
    opened = await asyncio.gather(*(projecting.store.open() for projecting in projectors))
    assert len({one.epoch for one in opened}) == 1
