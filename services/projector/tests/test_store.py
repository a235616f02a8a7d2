"""One suite for both stores: the rows in Postgres and the rows in memory keep the same promises, also as writers and gateways read them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from devstack.postgres import Postgres
from opsroom_common.feed.port import FeedTable, Position
from opsroom_common.log.entity import Entity
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import Checkpoint, Classified, RawRecord
from opsroom_common.log.state_source import SourceUnavailable, StateSource
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.postgres.feed_table import PostgresFeedTable
from opsroom_common.postgres.memory import MemoryFeed, MemoryRowSource, MemoryTables
from opsroom_common.postgres.state_source import RowSource
from opsroom_common.runtime.clock import SystemClock
from opsroom_domain.registry import fold_fingerprint
from projector.batch_items import Skipped, read_records
from projector.fold_batch import Folded, fold_batch
from projector.known import Absent, Parked
from projector.store import AnotherFold, Moved, Part, Store
from projector.store_memory import MemoryStore
from projector.store_postgres import PostgresStore

from .log_book import TOPIC, LogBook
from .projecting import open_pool

PARTITIONS = 2


@dataclass
class Rows:
    """One database, seen by a projector, a writer and a gateway."""

    store: Store
    source: StateSource
    feed: FeedTable
    another_run: Callable[[], Awaitable[object]]
    """The server starts anew; nothing is lost but the feed's head, which is another run's."""
    made_by: Callable[[str], Awaitable[object]]
    """The rows are of this fold."""

    async def project(self, log: MemoryEventLog, batch: int = 7) -> None:
        """Up to the end of the log, as a projector would."""
        opened = await self.store.open()
        for partition in range(log.partitions):
            before = opened.checkpoints[partition]
            reader = await log.reader({partition: before})
            while found := (await reader.poll(batch, 0)).get(partition):
                folded = await self.fold(log, found)
                await self.store.commit(opened.epoch, partition, before, found[-1].after, folded)
                before = found[-1].after

    async def fold(self, log: MemoryEventLog, found: object) -> Folded:
        items = [item for item in read_records(found, log.partition_of) if not isinstance(item, Skipped)]  # pyright: ignore[reportArgumentType]
        ids = sorted({entity_id for item in items if (entity_id := getattr(item, "entity_id", None)) is not None})
        return fold_batch(await self.store.load(ids), items)

    async def everything(self, book: LogBook) -> object:
        """All that anybody can see of these rows."""
        ids = sorted(book.entities)
        checkpoints = [await self.source.checkpoint(p) for p in range(PARTITIONS)]
        loaded = [await self.source.load(book.log.partition_of(entity_id), entity_id) for entity_id in ids]
        return checkpoints, loaded, await self.store.load(ids), await self.feed.read(0, 10_000)


def in_memory() -> tuple[Rows, MemoryTables]:
    tables = MemoryTables()

    async def another_run() -> None:
        tables.restart()

    async def made_by(fold: str) -> None:
        for key, row in list(tables.tables["checkpoints"].items()):
            tables.put("checkpoints", key, {**row, "fold": fold})
        tables.commit()

    store = MemoryStore(tables, TOPIC, PARTITIONS, SystemClock())
    return Rows(store, MemoryRowSource(tables, TOPIC), MemoryFeed(tables), another_run, made_by), tables


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.server)])
async def rows(request: pytest.FixtureRequest) -> AsyncIterator[Rows]:
    if request.param == "memory":
        yield in_memory()[0]
        return
    async with open_pool(request.getfixturevalue("postgres_dsn")) as pool:
        yield Rows(
            PostgresStore(pool, TOPIC, PARTITIONS),
            RowSource(pool, TOPIC),
            PostgresFeedTable(pool),
            lambda: pool.execute("UPDATE feed.head SET postmaster_started = 'epoch'"),
            lambda fold: pool.execute("UPDATE read_v1.checkpoints SET fold = $1", fold),
        )


async def test_before_the_tables_are_made_everybody_is_told_to_wait(rows: Rows) -> None:
    with pytest.raises(SourceUnavailable):
        await rows.source.checkpoint(0)
    with pytest.raises(Unavailable):
        await rows.feed.head()
    await rows.store.install()
    assert await rows.source.checkpoint(0) is None
    assert await rows.feed.head() is None


async def test_a_first_open_stands_at_the_beginning_and_an_epoch_lasts(rows: Rows) -> None:
    await rows.store.install()
    first, second = await rows.store.open(), await rows.store.open()
    assert first == second
    assert first.checkpoints == {0: Checkpoint(), 1: Checkpoint()}
    assert await rows.feed.head() == Position(first.epoch, 0)


@pytest.mark.parametrize("seed", range(3))
async def test_any_log_gives_the_entities_versions_and_feed_that_it_says(rows: Rows, seed: int) -> None:
    book = LogBook(seed=seed)
    await rows.store.install()
    for _ in range(4):
        for _ in range(25):
            book.random_step()
        await rows.project(book.log)
    for partition in range(PARTITIONS):
        found = await rows.source.checkpoint(partition)
        assert found is not None
        assert (found.checkpoint.offset, found.fold) == (len(book.log.records(partition)), fold_fingerprint())
        assert found.last_time == max(book.times(partition), default=None), "what the next owner may not go back behind (R8)"
    for entity_id, known in (await rows.store.load(sorted(book.entities))).items():
        loaded = await rows.source.load(book.log.partition_of(entity_id), entity_id)
        assert loaded is not None
        assert (loaded.parked, loaded.entity) == ((known.reason, loaded.entity) if isinstance(known, Parked) else (None, known))
        if not isinstance(known, Entity):
            continue
        for applied in known.recent:
            command = await rows.source.find_command(known.partition, entity_id, applied.command_id)
            assert command is not None
            assert command.applied == applied
    feed = await rows.feed.read(0, 10_000)
    assert feed is not None
    assert [entry.position.n for entry in feed.entries] == list(range(1, feed.head.n + 1))
    for entry in feed.entries:
        assert entry.position.epoch == feed.head.epoch
    middle = feed.head.n // 2
    page = await rows.feed.read(middle, 3)
    assert page is not None
    assert list(page.entries) == list(feed.entries)[middle : middle + 3]


async def test_both_stores_make_the_same_of_one_log(postgres_dsn: str) -> None:
    book = LogBook(seed=11)
    memory, _ = in_memory()
    async with open_pool(postgres_dsn) as pool:
        store = PostgresStore(pool, TOPIC, PARTITIONS)
        real = Rows(store, RowSource(pool, TOPIC), PostgresFeedTable(pool), memory.another_run, memory.made_by)
        for each in (memory, real):
            await each.store.install()
        for _ in range(120):
            book.random_step()
        for each in (memory, real):
            await each.project(book.log)
        ids = sorted(book.entities)
        assert await memory.store.load(ids) == await real.store.load(ids)
        for entity_id in ids:
            partition = book.log.partition_of(entity_id)
            assert await memory.source.load(partition, entity_id) == await real.source.load(partition, entity_id)
        ours, theirs = await memory.feed.read(0, 10_000), await real.feed.read(0, 10_000)
        assert ours is not None
        assert theirs is not None
        same = [replace(entry, position=Position(0, entry.position.n), times={}) for entry in ours.entries]
        assert same == [replace(entry, position=Position(0, entry.position.n), times={}) for entry in theirs.entries]


async def test_who_comes_second_from_the_same_checkpoint_writes_nothing(rows: Rows) -> None:
    book = LogBook()
    await rows.store.install()
    opened = await rows.store.open()
    partition = book.log.partition_of(book.open())
    found = (await (await book.log.reader({partition: Checkpoint()})).poll(100, 0))[partition]
    folded, after = await rows.fold(book.log, found), found[-1].after
    await rows.store.commit(opened.epoch, partition, Checkpoint(), after, folded)
    before = await rows.everything(book)
    with pytest.raises(Moved):
        await rows.store.commit(opened.epoch, partition, Checkpoint(), after, folded)
    with pytest.raises(Moved, match="checkpoint"):
        await rows.store.commit(opened.epoch, partition, replace(after, term="another"), Checkpoint(99), fold_batch({}, []))
    assert await rows.everything(book) == before


async def test_the_batches_of_several_partitions_are_written_together_or_not_at_all(rows: Rows) -> None:
    book = LogBook()
    await rows.store.install()
    opened = await rows.store.open()
    for _ in range(60):
        book.random_step()
    reader = await book.log.reader(dict(opened.checkpoints))
    found: dict[int, list[Classified]] = {}
    while polled := await reader.poll(1_000, 0):
        for partition, records in polled.items():
            found.setdefault(partition, []).extend(records)
    assert len(found) == PARTITIONS, "records in every partition"
    parts = [
        Part(partition, opened.checkpoints[partition], records[-1].after, await rows.fold(book.log, records))
        for partition, records in sorted(found.items())
    ]
    before = await rows.everything(book)
    for wrong in range(len(parts)):
        bad = [replace(part, before=Checkpoint(7)) if number == wrong else part for number, part in enumerate(parts)]
        with pytest.raises(Moved):
            await rows.store.commit_together(opened.epoch, bad)
        assert await rows.everything(book) == before
    entries = await rows.store.commit_together(opened.epoch, parts)
    assert [entry.position.n for entry in entries] == list(range(1, len(entries) + 1))
    assert [(entry.partition, entry.entity_id) for entry in entries] == [
        (part.partition, draft.row.entity_id) for part in parts for draft in part.folded.feed
    ]
    assert (await rows.store.open()).checkpoints == {part.partition: part.after for part in parts}
    one_by_one, _ = in_memory()
    await one_by_one.store.install()
    await one_by_one.project(book.log)
    assert await rows.store.load(sorted(book.entities)) == await one_by_one.store.load(sorted(book.entities))


async def test_another_run_of_the_server_ends_the_epoch_for_everybody(rows: Rows) -> None:
    book = LogBook()
    await rows.store.install()
    book.open()
    await rows.project(book.log)
    old = await rows.store.open()
    await rows.another_run()
    assert await rows.feed.head() is None
    assert await rows.feed.read(0, 10) is None
    with pytest.raises(Moved):
        await rows.store.touch(old.epoch, old.checkpoints)
    with pytest.raises(Moved):
        await rows.store.commit(old.epoch, 0, old.checkpoints[0], Checkpoint(99), fold_batch({}, []))
    new = await rows.store.open()
    assert new.epoch > old.epoch
    assert new.checkpoints == old.checkpoints
    assert await rows.feed.head() == Position(new.epoch, 0)
    await rows.store.touch(new.epoch, new.checkpoints)


async def test_a_parked_entity_is_said_to_be_parked_and_who_waits_behind_it_is_counted(rows: Rows) -> None:
    book = LogBook()
    await rows.store.install()
    parked = book.open()
    partition = book.log.partition_of(parked)
    await rows.project(book.log)
    headers = (("ce_type", b"opsroom.incident.noted"), ("ce_term", book.terms[partition][-1].encode()), ("ce_id", b"bad"))
    book.log.land(partition, [RawRecord(parked.encode(), b"\x00", headers, 0)])
    await rows.project(book.log)
    known = (await rows.store.load([parked]))[parked]
    loaded = await rows.source.load(partition, parked)
    assert isinstance(known, Parked)
    assert loaded is not None
    assert loaded.parked == known.reason
    assert loaded.checkpoint.offset == len(book.log.records(partition))


async def test_a_value_that_cannot_be_stored_is_rejected_and_nothing_is_written(rows: Rows) -> None:
    book = LogBook()
    await rows.store.install()
    opened = await rows.store.open()
    partition = book.log.partition_of(book.open())
    found = (await (await book.log.reader({partition: Checkpoint()})).poll(100, 0))[partition]
    folded = await rows.fold(book.log, found)
    before = await rows.everything(book)
    bad = replace(folded, versions=[row._replace(actor="nul\x00") for row in folded.versions])
    with pytest.raises(Rejected):
        await rows.store.commit(opened.epoch, partition, Checkpoint(), found[-1].after, bad)
    assert await rows.everything(book) == before


async def test_rows_of_another_fold_are_neither_opened_nor_shown(rows: Rows) -> None:
    book = LogBook()
    await rows.store.install()
    entity_id = book.open()
    await rows.project(book.log)
    await rows.made_by("an older fold")
    with pytest.raises(AnotherFold, match="opsctl projections build"):
        await rows.store.open()
    loaded = await rows.source.load(book.log.partition_of(entity_id), entity_id)
    assert loaded is not None
    assert (loaded.fold, loaded.entity) == ("an older fold", None)


async def test_the_feed_is_trimmed_from_its_old_end(rows: Rows) -> None:
    book = LogBook()
    await rows.store.install()
    for _ in range(6):
        book.open()
        await rows.project(book.log)
    await rows.store.trim_feed(2)
    feed = await rows.feed.read(0, 100)
    assert feed is not None
    assert (feed.head.n, feed.floor, [entry.position.n for entry in feed.entries]) == (6, 5, [5, 6])


async def test_everything_forgotten_begins_anew_with_a_new_epoch(rows: Rows) -> None:
    book = LogBook()
    await rows.store.install()
    entity_id = book.open()
    await rows.project(book.log)
    old = await rows.store.open()
    await rows.store.forget_everything()
    assert await rows.source.checkpoint(0) is None
    new = await rows.store.open()
    assert new.epoch > old.epoch
    assert new.checkpoints == {0: Checkpoint(), 1: Checkpoint()}
    assert isinstance((await rows.store.load([entity_id]))[entity_id], Absent)


async def _assert_rows_stand_at_their_checkpoint(rows: Rows, book: LogBook) -> None:
    """Whatever was lost, rows and checkpoint were lost together: a fold of the log up to there gives the same rows."""
    opened = await rows.store.open()
    expected, _ = in_memory()
    await expected.store.install()
    fresh = await expected.store.open()
    for partition, at in opened.checkpoints.items():
        found = (await (await book.log.reader({partition: Checkpoint()})).poll(10_000, 0)).get(partition, ())
        kept = [each for each in found if each.record.offset < at.offset]
        if kept:
            await expected.store.commit(fresh.epoch, partition, Checkpoint(), at, await expected.fold(book.log, kept))
    ids = sorted(book.entities)
    assert await rows.store.load(ids) == await expected.store.load(ids)


@pytest.mark.parametrize("lose", [0, 1, 3, 1_000])
async def test_a_crash_loses_the_last_commits_whole_and_never_an_epoch(lose: int) -> None:
    book = LogBook()
    rows, tables = in_memory()
    await rows.store.install()
    for _ in range(60):
        book.random_step()
    await rows.project(book.log, batch=3)
    old = await rows.store.open()
    tables.crash(lose)
    assert await rows.feed.head() is None
    assert (await rows.store.open()).epoch > old.epoch
    await _assert_rows_stand_at_their_checkpoint(rows, book)
    await rows.project(book.log)
    assert {p: at.offset for p, at in (await rows.store.open()).checkpoints.items()} == {
        p: len(book.log.records(p)) for p in range(PARTITIONS)
    }


async def test_a_crash_of_the_real_server_does_the_same(own_postgres: Postgres) -> None:
    book = LogBook()
    async with open_pool(own_postgres.dsn) as pool:
        memory, _ = in_memory()
        store = PostgresStore(pool, TOPIC, PARTITIONS)
        rows = Rows(store, RowSource(pool, TOPIC), PostgresFeedTable(pool), memory.another_run, memory.made_by)
        await rows.store.install()
        for _ in range(60):
            book.random_step()
        await rows.project(book.log, batch=3)
        old = await rows.store.open()
        await asyncio.to_thread(own_postgres.kill)
        await asyncio.to_thread(own_postgres.start)
        assert await rows.feed.head() is None
        assert (await rows.store.open()).epoch > old.epoch
        await _assert_rows_stand_at_their_checkpoint(rows, book)
