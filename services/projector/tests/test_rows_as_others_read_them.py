"""The rows as the writers' source of state (R5, R6) and the feed as the gateways' table, on what a real projector wrote."""

from __future__ import annotations

import asyncio

import pytest

from devstack.postgres import Postgres
from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.log.entity import REMEMBERED_COMMANDS
from opsroom_common.log.state_source import SourceUnavailable, StateSource
from opsroom_common.postgres.errors import Unavailable
from opsroom_common.postgres.feed_table import PostgresFeedTable
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.state_source import RowSource
from opsroom_common.rows import row_json
from opsroom_domain.ids import CommandId
from opsroom_domain.registry import fold_fingerprint
from projector.session import Limits

from .log_book import LogBook
from .projecting import Projecting, open_pool


async def test_a_loaded_row_is_the_folded_entity(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    for _ in range(200):
        book.random_step()
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.until_current()
    source: StateSource = RowSource(pool, book.log.topic)
    checkpoints = (await projecting.store.open()).checkpoints
    parked = {row["entity_id"] for row in await pool.fetch("SELECT entity_id FROM read.parked")}
    skipped = {row["entity_id"] for row in await pool.fetch("SELECT entity_id FROM read.skips")}
    for entity_id, entity in book.entities.items():
        partition = book.log.partition_of(entity_id)
        loaded = await source.load(partition, entity_id)
        assert loaded is not None
        assert loaded.checkpoint == checkpoints[partition]
        assert loaded.fold == fold_fingerprint()
        assert (loaded.parked is not None) == (entity_id in parked)
        # The book's writer knows of no skip.
        if loaded.parked is None and entity_id not in skipped:
            assert loaded.entity == entity
    assert len(await RowSource(pool, book.log.topic).parked_entities(0)) + len(
        await RowSource(pool, book.log.topic).parked_entities(1)
    ) == len(parked)


async def test_what_is_not_there_is_told_apart(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    source = RowSource(pool, book.log.topic)
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.store.install()
    entity_id = book.ids.entity_id("inc")
    partition = book.log.partition_of(entity_id)
    assert await source.checkpoint(partition) is None
    assert await source.load(partition, entity_id) is None
    assert await source.find_command(partition, entity_id, CommandId(book.ids.uuid7())) is None
    await projecting.until_current()
    loaded = await source.load(partition, entity_id)
    assert loaded is not None
    assert (loaded.entity, loaded.parked) == (None, None)
    found = await source.checkpoint(partition)
    assert found is not None
    assert (found.checkpoint, found.fold) == (loaded.checkpoint, loaded.fold)


async def test_a_row_of_another_fold_is_not_read(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    entity_id = book.open()
    await Projecting(book.log, pool, carrier, Limits()).until_current()
    await pool.execute("UPDATE read_v1.checkpoints SET fold = 'other'")
    await pool.execute("UPDATE read_v1.entities SET state = '{}'")
    loaded = await RowSource(pool, book.log.topic).load(book.log.partition_of(entity_id), entity_id)
    assert loaded is not None
    assert (loaded.fold, loaded.entity) == ("other", None)


async def test_an_old_command_is_found_by_its_id(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    entity_id = book.open()
    book.note(entity_id)
    old = book.entities[entity_id].recent[-1]
    for _ in range(REMEMBERED_COMMANDS + 5):
        book.note(entity_id)
    assert book.entities[entity_id].applied(old.command_id) is None
    await Projecting(book.log, pool, carrier, Limits()).until_current()
    source, partition = RowSource(pool, book.log.topic), book.log.partition_of(entity_id)
    found = await source.find_command(partition, entity_id, old.command_id)
    assert found is not None
    assert found.applied == old
    fired = book.fire()
    (two_events,) = book.entities[fired].recent
    assert two_events.version == 2
    await Projecting(book.log, pool, carrier, Limits()).until_current()
    found = await source.find_command(book.log.partition_of(fired), fired, two_events.command_id)
    assert found is not None
    assert found.applied == two_events
    found = await source.find_command(partition, entity_id, old.command_id)
    assert found is not None
    unknown = await source.find_command(partition, entity_id, CommandId(book.ids.uuid7()))
    assert unknown is not None
    assert unknown.applied is None
    assert unknown.checkpoint == found.checkpoint


async def test_the_feed_shows_the_ready_row(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    table = PostgresFeedTable(pool)
    entity_id = book.open()
    book.note(entity_id)
    await Projecting(book.log, pool, carrier, Limits()).until_current()
    found = await table.read(0, 10)
    assert found is not None
    (entry,) = found.entries
    assert found.head == entry.position == await table.head()
    assert found.floor == 1
    assert entry.row == row_json(book.entities[entity_id])
    assert entry.event_types == ("opsroom.incident.opened", "opsroom.incident.noted")
    assert (entry.was, entry.version, entry.actor) == (None, 2, "usr_test")
    beyond = await table.read(entry.position.n, 10)
    assert beyond is not None
    assert (beyond.head, list(beyond.entries)) == (found.head, [])


async def test_a_head_of_an_earlier_run_of_the_server_is_no_head(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    book.open()
    await Projecting(book.log, pool, carrier, Limits()).until_current()
    await pool.execute("UPDATE feed.head SET postmaster_started = postmaster_started - interval '1 second'")
    table = PostgresFeedTable(pool)
    assert await table.head() is None
    assert await table.read(0, 10) is None


async def test_the_table_is_trimmed_and_says_where_it_begins(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    for _ in range(30):
        book.open()
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.until_current()
    await projecting.store.trim_feed(10)
    found = await PostgresFeedTable(pool).read(0, 100)
    assert found is not None
    assert (found.floor, found.head.n, len(found.entries)) == (21, 30, 10)
    await projecting.store.trim_feed(0)
    empty = await PostgresFeedTable(pool).read(0, 100)
    assert empty is not None
    assert (empty.floor, empty.entries) == (31, [])


async def test_rows_that_cannot_be_read_say_so(own_postgres: Postgres, book: LogBook) -> None:
    async with open_pool(own_postgres.dsn) as pool:
        await asyncio.to_thread(own_postgres.stop)
        source = RowSource(pool, book.log.topic)
        entity_id = book.ids.entity_id("inc")
        for call in (source.checkpoint(0), source.load(0, entity_id), source.find_command(0, entity_id, CommandId(book.ids.uuid7()))):
            with pytest.raises(SourceUnavailable):
                await call
        with pytest.raises(Unavailable):
            await PostgresFeedTable(pool).head()
