"""Servers come and go; the projector needs no restart, writes nothing wrong meanwhile, and leaves no hole in the feed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import pytest

from devstack.postgres import Postgres
from devstack.redis import Redis
from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.feed.port import Position
from opsroom_common.feed.redis import RedisFeedCarrier
from opsroom_common.log import port as log_port
from opsroom_common.log.memory import MemoryEventLog, MemoryReader
from opsroom_common.log.port import AnotherLog, Checkpoint, Classified
from opsroom_common.postgres.feed_table import PostgresFeedTable
from opsroom_common.postgres.pool import Pool
from projector.fold_batch import fold_batch
from projector.session import Limits
from projector.store import Moved
from projector.store_postgres import PostgresStore
from projector.verify import differences

from .log_book import TOPIC, LogBook
from .projecting import Projecting, eventually, open_pool
from .test_rows_are_the_fold_of_the_log import assert_feed_is_whole, whole_feed


async def test_a_zombie_projector_writes_nothing(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    book.open()
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.until_current()
    zombie = PostgresStore(pool, TOPIC, book.log.partitions)
    slept = await zombie.open()
    partition = book.log.partition_of(book.open())
    await projecting.until_current()
    before = await whole_feed(pool)

    with pytest.raises(Moved):
        await zombie.commit(slept.epoch, partition, slept.checkpoints[partition], Checkpoint(99), fold_batch({}, []))

    assert await whole_feed(pool) == before
    assert await differences(book.log, pool) == []


async def test_a_dead_feed_epoch_writes_nothing(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    book.open()
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.until_current()
    old = await projecting.store.open()
    await pool.execute("UPDATE feed.head SET postmaster_started = 'epoch'")
    new = await projecting.store.open()
    assert new.epoch > old.epoch
    with pytest.raises(Moved):
        await projecting.store.commit(old.epoch, 0, old.checkpoints[0], Checkpoint(99), fold_batch({}, []))


async def test_epochs_grow_although_the_clock_goes_back(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    store = Projecting(book.log, pool, carrier, Limits()).store
    await store.install()
    first = (await store.open()).epoch
    ahead = first + 10**12
    await pool.execute("UPDATE feed.last_epoch SET epoch = $1", ahead)
    await pool.execute("TRUNCATE feed.head")
    assert (await store.open()).epoch == ahead + 1


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_postgres_killed_gives_a_new_epoch_and_the_same_rows(
    own_postgres: Postgres, book: LogBook, carrier: MemoryFeedCarrier, end: str
) -> None:
    async with open_pool(own_postgres.dsn) as pool:
        projecting = Projecting(book.log, pool, carrier, Limits(watch_every_s=0.05))
        with projecting.running() as task:
            for _ in range(60):
                book.random_step()
            await eventually(projecting.is_current, task=task)
            head = await PostgresFeedTable(pool).head()
            assert head is not None
            await asyncio.to_thread(own_postgres.kill if end == "kill" else own_postgres.stop)
            for _ in range(60):
                book.random_step()
            await eventually(waits_for("Postgres", projecting), task=task)
            assert projecting.progress.stuck() is None
            await asyncio.to_thread(own_postgres.start)
            await eventually(projecting.is_current, task=task)
            after = await PostgresFeedTable(pool).head()
            assert after is not None
            assert after.epoch > head.epoch
            assert await differences(book.log, pool) == []
            slice_ = await PostgresFeedTable(pool).read(0, 1000)
            assert slice_ is not None
            assert [entry.position for entry in slice_.entries] == [Position(after.epoch, n + 1) for n in range(after.n)]
            assert projecting.projector.check().ok


async def test_a_commit_that_the_crash_loses_is_read_again(own_postgres: Postgres, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    """synchronous_commit=off: kill at once after the commits, many times; rows and checkpoint are lost together or kept together."""
    async with open_pool(own_postgres.dsn) as pool:
        projecting = Projecting(book.log, pool, carrier, Limits(batch_records=2))
        with projecting.running() as task:
            for _ in range(3):
                entity = book.open()
                for _ in range(10):
                    book.note(entity)
                last = book.entities[entity].version

                async def has_some(entity: str = entity) -> bool:
                    return bool(await pool.fetch("SELECT 1 FROM read.entities WHERE id = $1", entity))

                await eventually(has_some, task=task)
                await asyncio.to_thread(own_postgres.kill)
                await asyncio.to_thread(own_postgres.start)
                await eventually(projecting.is_current, task=task)
                row = await pool.fetch_one("SELECT version FROM read.entities WHERE id = $1", entity)
                assert row is not None
                assert row["version"] == last
            assert await differences(book.log, pool) == []


async def test_postgres_away_at_the_start_is_waited_for(own_postgres: Postgres, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    await asyncio.to_thread(own_postgres.stop)
    book.open()
    async with open_pool(own_postgres.dsn) as pool:
        projecting = Projecting(book.log, pool, carrier, Limits())
        with projecting.running() as task:
            await eventually(waits_for("Postgres", projecting), task=task)
            await asyncio.to_thread(own_postgres.start)
            await eventually(projecting.is_current, task=task)
            assert await differences(book.log, pool) == []


async def test_redis_away_never_stops_the_projection(own_redis: Redis, pool: Pool, book: LogBook) -> None:
    carrier = RedisFeedCarrier(own_redis.url)
    projecting = Projecting(book.log, pool, carrier, Limits(watch_every_s=0.05))
    with projecting.running() as task:
        book.open()
        await eventually(projecting.is_current, task=task)
        await asyncio.to_thread(own_redis.kill)
        for _ in range(5):
            book.open()
            await eventually(projecting.is_current, task=task)
        await eventually(truth(lambda: projecting.publisher.away is not None), task=task)
        await asyncio.to_thread(own_redis.start)
        await eventually(truth(lambda: projecting.publisher.away is None), task=task)
        await assert_feed_is_whole(pool)

        async def flows_again() -> bool:
            book.open()
            entries = await whole_feed(pool)
            return bool(await carrier.read(Position(entries[-1].position.epoch, 0), 0.1))

        await eventually(flows_again, task=task)
    await carrier.close()


async def test_redis_that_hangs_never_stops_the_projection(own_redis: Redis, pool: Pool, book: LogBook) -> None:
    carrier = RedisFeedCarrier(own_redis.url)
    projecting = Projecting(book.log, pool, carrier, Limits())
    with projecting.running() as task:
        book.open()
        await eventually(projecting.is_current, task=task)
        own_redis.pause()
        try:
            for _ in range(5):
                book.open()
                await eventually(projecting.is_current, 5.0, task)
        finally:
            own_redis.resume()
    await carrier.close()


async def test_a_recreated_topic_stops_it_with_a_clear_error(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    for _ in range(5):
        book.open()
    await Projecting(book.log, pool, carrier, Limits()).until_current()
    other = LogBook(seed=2)
    for _ in range(10):
        other.open()
    rows = await pool.fetch("SELECT * FROM read.entities ORDER BY id")
    with pytest.raises(AnotherLog):
        await Projecting(other.log, pool, carrier, Limits()).until_current()
    assert await pool.fetch("SELECT * FROM read.entities ORDER BY id") == rows


async def test_rows_of_another_fold_are_waited_for_and_emptying_them_cures_it(
    pool: Pool, book: LogBook, carrier: MemoryFeedCarrier
) -> None:
    book.open()
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.until_current()
    await pool.execute("UPDATE read_v1.checkpoints SET fold = 'older'")
    rows = await pool.fetch("SELECT * FROM read.entities")
    with projecting.running() as task:
        await eventually(waits_for("a projection of its fold", projecting), task=task)
        assert "opsctl projections build" in projecting.projector.check().reason
        assert projecting.progress.stuck() is None
        assert await pool.fetch("SELECT * FROM read.entities") == rows
        await projecting.store.forget_everything()
        await eventually(projecting.is_current, task=task)
    assert await differences(book.log, pool) == []


async def test_dropped_tables_are_made_again(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    projecting = Projecting(book.log, pool, carrier, Limits(watch_every_s=0.05))
    with projecting.running() as task:
        book.open()
        await eventually(projecting.is_current, task=task)
        await pool.execute("DROP SCHEMA read_v1, read, feed CASCADE")
        book.open()
        await eventually(projecting.is_current, task=task)
    assert await differences(book.log, pool) == []


class FickleLog(MemoryEventLog):
    """A log that is away, or whose readers give nothing, while it is told so."""

    away = False
    dumb = False

    async def reader(self, starts: Mapping[int, Checkpoint]) -> MemoryReader:
        self.check()
        reader = await super().reader(starts)
        poll = reader.poll

        async def bent(max_records: int, timeout_s: float) -> Mapping[int, Sequence[Classified]]:
            self.check()
            if self.dumb:
                await asyncio.sleep(0.02)
                return {}
            return await poll(max_records, min(timeout_s, 0.05))

        reader.poll = bent
        return reader

    async def end_offset(self, partition: int) -> int:
        self.check()
        return await super().end_offset(partition)

    def check(self) -> None:
        if self.away:
            raise log_port.Unavailable("the broker does not answer; try again")


@pytest.fixture
def fickle(book: LogBook) -> FickleLog:
    log = FickleLog(book.log.partitions, TOPIC)
    log._records = book.log._records
    return log


async def test_a_log_that_is_away_is_waited_for(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier, fickle: FickleLog) -> None:
    projecting = Projecting(fickle, pool, carrier, Limits(watch_every_s=0.05))
    with projecting.running() as task:
        await eventually(projecting.is_current, task=task)
        fickle.away = True
        book.open()
        await eventually(waits_for("the log", projecting), task=task)
        assert projecting.progress.stuck() is None
        fickle.away = False
        await eventually(projecting.is_current, task=task)
    assert await differences(book.log, pool) == []


async def test_a_reader_that_gives_nothing_is_replaced(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier, fickle: FickleLog) -> None:
    projecting = Projecting(fickle, pool, carrier, Limits(watch_every_s=0.05, stall_after_s=0.3))
    fickle.dumb = True
    book.open()

    async def stalled() -> bool:
        return b'opsroom_projector_sessions_total{why="stalled"}' in projecting.metrics.render()

    with projecting.running() as task:
        await eventually(stalled, task=task)
        fickle.dumb = False
        await eventually(projecting.is_current, task=task)


async def test_idle_rows_say_that_they_are_current(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier, fickle: FickleLog) -> None:
    projecting = Projecting(fickle, pool, carrier, Limits(watch_every_s=0.05))

    async def ages() -> list[object]:
        return [row["updated_at"] for row in await pool.fetch("SELECT updated_at FROM read.checkpoints ORDER BY partition")]

    with projecting.running() as task:
        await eventually(projecting.is_current, task=task)
        before = await ages()

        async def both_moved() -> bool:
            return all(now > then for now, then in zip(await ages(), before, strict=True))  # type: ignore[operator]

        await eventually(both_moved, task=task)
        # With the log away nobody knows whether there is more: the rows must not claim to be current.
        fickle.away = True
        await eventually(waits_for("the log", projecting), task=task)
        still = await ages()
        await asyncio.sleep(0.3)
        assert await ages() == still


async def test_it_stops_when_it_is_cancelled(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    projecting = Projecting(book.log, pool, carrier, Limits())
    with projecting.running() as task:
        await eventually(projecting.is_current, task=task)
        task.cancel()
        async with asyncio.timeout(5):
            with contextlib.suppress(asyncio.CancelledError):
                await task


def waits_for(whom: str, projecting: Projecting):
    return truth(lambda: projecting.projector.check().reason.startswith(f"waits for {whom}"))


def truth(function):
    async def holds() -> bool:
        return function()

    return holds
