"""A projection is built beside the live one, compared and switched in, and nobody notices but for a new feed epoch."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.log.state_source import LoadedRow
from opsroom_common.postgres.pool import Pool, Session
from opsroom_common.postgres.state_source import RowSource
from opsroom_common.runtime.clock import SystemClock
from opsroom_domain.ids import EntityId
from projector.projections import control
from projector.projections.build import Build
from projector.projections.claim import claimed
from projector.projections.control import Refused, State
from projector.projections.drop import drop
from projector.projections.load import LoadLimits
from projector.projections.switch import SwitchLimits, TooLong
from projector.session import Limits
from projector.verify import differences

from .dying import DyingPool, Killed
from .log_book import TOPIC, LogBook
from .projecting import Projecting, eventually, open_pool
from .projections_kit import build, compare, nothing, rows_of, states, switch, switching
from .test_rows_are_the_fold_of_the_log import whole_feed


async def test_built_compared_switched_and_back(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    for _ in range(300):
        book.random_step()
    projecting = Projecting(book.log, pool, carrier, Limits(watch_every_s=0.05))
    with projecting.running() as task:
        await eventually(projecting.is_current, task=task)
        built = await build(book.log, pool)
        assert (built.name, built.state) == ("read_v2", State.READY)
        comparison = await compare(book.log, pool, "read_v2")
        assert comparison.sound, comparison.words()
        assert await rows_of(pool, "read_v1") == await rows_of(pool, "read_v2")
        before = await projecting.store.open()
        switched = await switch(book.log, pool, "read_v2")
        assert (switched.before, switched.name) == ("read_v1", "read_v2")
        assert switched.epoch > before.epoch
        for _ in range(50):
            book.random_step()
        await eventually(projecting.is_current, task=task)
        assert await differences(book.log, pool) == []
        assert await rows_of(pool, "read") == await rows_of(pool, "read_v2")
        assert await states(pool) == {"read_v1": State.OLD, "read_v2": State.LIVE}
        with pytest.raises(Refused, match="is live"):
            await drop(pool, "read_v2")
        back = await switching(book.log, pool).roll_back()
        assert (back.before, back.name) == ("read_v2", "read_v1")
        await eventually(projecting.is_current, task=task)
        assert await rows_of(pool, "read") == await rows_of(pool, "read_v1") == await rows_of(pool, "read_v2")
        await drop(pool, "read_v2")
        assert await states(pool) == {"read_v1": State.LIVE}
        assert await pool.fetch("SELECT FROM pg_namespace WHERE nspname = 'read_v2'") == []
    await asyncio.gather(task, return_exceptions=True)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(1, 250),
    chunk=st.integers(1, 60),
    entities=st.integers(1, 20),
    partitions=st.integers(1, 3),
)
async def test_whatever_the_log_and_the_chunks_the_rows_are_those_of_the_live_one(
    pool: Pool, seed: int, steps: int, chunk: int, entities: int, partitions: int
) -> None:
    book = LogBook(seed=seed)
    for _ in range(steps):
        book.random_step()
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).store.install()
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).store.forget_everything()
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits(batch_records=7)).until_current()
    limits = LoadLimits(chunk_records=chunk, entities=entities, partitions=partitions)
    built = await build(book.log, pool, limits)
    live = await control.live(pool)
    assert await rows_of(pool, built.name) == await rows_of(pool, live.name)
    assert await indexes(pool, built.name) == await indexes(pool, live.name)
    assert await differences(book.log, pool, schema=built.name) == []
    await drop(pool, built.name)


async def killed(book: LogBook, pool: Pool, dies_at: int, limits: LoadLimits) -> None:
    """Build with a process that dies at that word; one that goes on with little left to do may be done before."""
    with contextlib.suppress(Killed):
        await build(book.log, DyingPool(pool, dies_at), limits)


async def indexes(pool: Pool, schema: str) -> set[str]:
    rows = await pool.fetch("SELECT indexdef FROM pg_indexes WHERE schemaname = $1", schema)
    return {row["indexdef"].replace(schema, "") for row in rows}


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_killed_at_any_word_the_same_command_goes_on_and_the_live_one_is_untouched(pool: Pool, book: LogBook) -> None:
    for _ in range(150):
        book.random_step()
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).until_current()
    live = await rows_of(pool, "read_v1")
    limits = LoadLimits(chunk_records=20, entities=5, partitions=2)
    whole = DyingPool(pool)
    first = await build(book.log, whole, limits)
    assert await rows_of(pool, first.name) == live
    await drop(pool, first.name)
    chance = random.Random(seed := random.randrange(2**32))
    print(f"seed {seed}")
    for _ in range(6):
        for dies_at in sorted(chance.sample(range(1, whole.life.said), 4)):
            await killed(book, pool, dies_at, limits)
            assert await rows_of(pool, "read_v1") == live
        built = await build(book.log, pool, limits)
        assert built.state is State.READY
        assert await rows_of(pool, built.name) == live, f"seed {seed}"
        assert await indexes(pool, built.name) == await indexes(pool, "read_v1")
        for each in await control.projections(pool):
            if each.state is not State.LIVE:
                await drop(pool, each.name)


async def test_one_process_at_a_time_builds(pool: Pool, book: LogBook) -> None:
    book.open()
    built = await build(book.log, pool)
    async with claimed(pool, built.name):
        with pytest.raises(Refused, match="works on read_v2"):
            await build(book.log, pool)
        with pytest.raises(Refused, match="works on read_v2"):
            await drop(pool, built.name)
    assert (await build(book.log, pool)).name == built.name, "it goes on with the one that there is"


async def test_two_that_build_all_the_same_do_no_harm(pool: Pool, book: LogBook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is there to spare work: every chunk compares its checkpoint, too."""
    for _ in range(120):
        book.random_step()
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).until_current()
    limits = LoadLimits(chunk_records=5)
    await killed(book, pool, 60, limits)
    monkeypatch.setattr("projector.projections.build.claimed", lambda _, name: claimed(pool, f"{name}{next(count)}"))
    count = itertools.count()
    await asyncio.gather(*(build(book.log, pool, limits) for _ in range(2)), return_exceptions=True)
    built = await build(book.log, pool, limits)
    assert built.state is State.READY, built.error
    assert await rows_of(pool, built.name) == await rows_of(pool, "read_v1")


async def test_it_follows_until_it_is_switched_in(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    projecting = Projecting(book.log, pool, carrier, Limits(watch_every_s=0.05))
    with projecting.running() as task:
        await eventually(projecting.is_current, task=task)
        building = asyncio.create_task(Build(book.log, pool, SystemClock(), nothing).run(follow=True))

        async def ready() -> bool:
            return (await states(pool)).get("read_v2") is State.READY

        await eventually(ready, task=task)
        book.open()

        async def followed() -> bool:
            return bool(await pool.fetch("SELECT FROM read_v2.entities"))

        await eventually(followed, task=task)
        with pytest.raises(Refused, match="works on read_v2"):
            await compare(book.log, pool, "read_v2")
        await control.note_comparison(pool, "read_v2", "for this test", sound=True)
        await switch(book.log, pool, "read_v2")
        assert (await asyncio.wait_for(building, 20)).state is State.LIVE
        book.open()
        await eventually(projecting.is_current, task=task)
    assert await differences(book.log, pool) == []
    await asyncio.gather(task, return_exceptions=True)


async def test_a_switch_that_would_hold_others_up_is_given_up_and_changes_nothing(
    pool: Pool, postgres_dsn: str, book: LogBook, carrier: MemoryFeedCarrier
) -> None:
    book.open()
    projecting = Projecting(book.log, pool, carrier, Limits(watch_every_s=0.05))
    with projecting.running() as task:
        await eventually(projecting.is_current, task=task)
        await build(book.log, pool)
        assert (await compare(book.log, pool, "read_v2")).sound
        before = await projecting.store.open()
        async with slow_reader(postgres_dsn) as reader:
            await reader.fetch("SELECT count(*) FROM read.timeline")
            with pytest.raises(TooLong, match="nothing is changed"):
                await switching(book.log, pool, SwitchLimits(hold_s=1.5, within_s=1.5)).switch("read_v2")
            assert await reader.fetch("SELECT count(*) FROM read.entities")
        assert await states(pool) == {"read_v1": State.LIVE, "read_v2": State.READY}
        assert (await projecting.store.open()).epoch == before.epoch
        book.open()
        await eventually(projecting.is_current, task=task)
        assert await differences(book.log, pool) == []
        await switch(book.log, pool, "read_v2")
    await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def slow_reader(dsn: str) -> AsyncIterator[Session]:
    """An export, say: one transaction that reads for long."""
    pool = await Pool.open(dsn, name="reader", idle_timeout_s=60.0)
    async with pool.transaction() as transaction:
        yield transaction
    await pool.close()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_to_and_fro_while_events_come_every_answer_is_of_one_projection(postgres_dsn: str, book: LogBook) -> None:
    """R5: a writer's state, its parked flag and the checkpoint are of one moment, whatever is switched meanwhile; and checkpoints never go back."""
    carrier = MemoryFeedCarrier()
    ids: list[EntityId] = [book.open() for _ in range(8)]
    async with open_pool(postgres_dsn) as pool:
        source = RowSource(pool, TOPIC)
        projecting = Projecting(book.log, pool, carrier, Limits(watch_every_s=0.05))
        answers = 0

        async def ask(entity_id: EntityId) -> None:
            nonlocal answers
            partition, newest = book.log.partition_of(entity_id), 0
            while True:
                loaded = await source.load(partition, entity_id)
                assert isinstance(loaded, LoadedRow)
                assert loaded.entity is not None
                assert loaded.checkpoint.offset >= newest
                newest = loaded.checkpoint.offset
                assert loaded.entity.version == version_at(book, entity_id, newest)
                answers += 1

        async def go_on() -> None:
            while True:
                for entity_id in ids:
                    book.note(entity_id)
                await asyncio.sleep(0.005)

        with projecting.running() as task:
            await eventually(projecting.is_current, task=task)
            await build(book.log, pool)
            assert (await compare(book.log, pool, "read_v2")).sound
            work = [asyncio.create_task(go_on()), *(asyncio.create_task(ask(entity_id)) for entity_id in ids[:4])]
            try:
                await switch(book.log, pool, "read_v2")
                for _ in range(4):
                    before = answers
                    await eventually(lambda before=before: more_than(lambda: answers, before + 20), task=task)
                    await switching(book.log, pool).roll_back()
                for each in work:
                    assert not each.done(), each.result()
            finally:
                for each in work:
                    each.cancel()
                await asyncio.gather(*work, return_exceptions=True)
            await eventually(projecting.is_current, task=task)
            assert await differences(book.log, pool) == []
            entries = await whole_feed(pool)
            assert [entry.position.n for entry in entries] == list(range(1, len(entries) + 1))
            for entity_id in ids:
                told = [entry for entry in entries if entry.entity_id == entity_id]
                assert all(later.was == entry.now for entry, later in itertools.pairwise(told))
        await asyncio.gather(task, return_exceptions=True)


async def more_than(number, bound: int) -> bool:
    return number() > bound


def version_at(book: LogBook, entity_id: EntityId, below: int) -> int:
    """How many events of the entity stand below the offset: all of them are valid here."""
    key = entity_id.encode()
    return sum(record.key == key for record in book.log.records(book.log.partition_of(entity_id))[:below])
