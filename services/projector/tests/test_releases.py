"""Releases meet on one database: what an older one left is taken over, and a projector waits while the live rows are another's."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.state_source import RowSource
from projector.fold_batch import fold_batch
from projector.projections import control
from projector.projections.control import Refused, State
from projector.projections.quiet_store import QuietStore, Switched
from projector.session import Limits
from projector.store import Moved
from projector.verify import differences

from .log_book import TOPIC, LogBook
from .projecting import Projecting, eventually
from .projections_kit import build, compare, rows_of, states, switch, switching
from .test_when_servers_fail import waits_for

A_DATABASE_OF_BEFORE = (
    "DROP TABLE feed.projections; COMMENT ON SCHEMA feed IS NULL; COMMENT ON SCHEMA read_v1 IS 'the digest of its script'"
)


def projecting(book: LogBook, pool: Pool) -> Projecting:
    return Projecting(book.log, pool, MemoryFeedCarrier(), Limits(watch_every_s=0.05))


async def test_a_database_that_knows_no_projections_is_taken_over_as_it_is(pool: Pool, book: LogBook) -> None:
    for _ in range(100):
        book.random_step()
    await projecting(book, pool).until_current()
    rows, head = await rows_of(pool, "read"), await pool.fetch("SELECT epoch, n FROM feed.head")
    await pool.execute(A_DATABASE_OF_BEFORE)
    newer = projecting(book, pool)
    await newer.until_current()
    assert await rows_of(pool, "read") == rows
    assert await pool.fetch("SELECT epoch, n FROM feed.head") == head, "no board has to take a snapshot"
    book.open()
    await newer.until_current()
    assert await differences(book.log, pool) == []
    await build(book.log, pool)
    assert (await compare(book.log, pool, "read_v2")).sound
    await switch(book.log, pool, "read_v2")
    assert await states(pool) == {"read_v1": State.OLD, "read_v2": State.LIVE}


async def test_rows_of_another_layout_are_read_on_and_replaced_without_a_pause(pool: Pool, book: LogBook) -> None:
    """The tables of an older release: fewer columns here, more there. Nobody reads less than before, and the switch changes the views."""
    for _ in range(60):
        book.random_step()
    await projecting(book, pool).until_current()
    await pool.execute(A_DATABASE_OF_BEFORE)
    await pool.execute(
        "DROP VIEW read.entities; ALTER TABLE read_v1.entities DROP COLUMN terms; ALTER TABLE read_v1.entities ADD COLUMN severity text;"
        "CREATE VIEW read.entities AS SELECT * FROM read_v1.entities"
    )
    shown = await pool.fetch("SELECT id, severity FROM read.entities ORDER BY id")
    newer = projecting(book, pool)
    with newer.running() as task:
        await eventually(waits_for("a projection of its fold", newer), task=task)
        assert "layout" in newer.projector.check().reason
        assert await pool.fetch("SELECT id, severity FROM read.entities ORDER BY id") == shown
        await build(book.log, pool)
        comparison = await compare(book.log, pool, "read_v2")
        assert comparison.sound, comparison.found
        assert {"entities.severity", "entities.terms"} <= set(comparison.not_compared)
        assert "what the log gives" in comparison.how
        await switch(book.log, pool, "read_v2")
        book.open()
        await eventually(newer.is_current, task=task)
        assert await pool.fetch("SELECT terms FROM read.entities")
        assert await differences(book.log, pool) == []
        with pytest.raises(Refused, match="cannot continue"):
            await switching(book.log, pool).roll_back()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_older_and_a_newer_projector_side_by_side(pool: Pool, book: LogBook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older one goes on until the switch; the newer one waits for it; a writer never takes a row of the other's fold for its own."""
    for _ in range(60):
        book.random_step()
    entity = book.open()
    await projecting(book, pool).until_current()
    # From here on this code is the newer release: the rows, and the projection's entry, are of an older fold.
    await pool.execute("UPDATE read_v1.checkpoints SET fold = 'older'; UPDATE feed.projections SET fold = 'older'")
    rows = await rows_of(pool, "read")
    source, partition = RowSource(pool, TOPIC), book.log.partition_of(entity)
    newer = projecting(book, pool)
    with newer.running() as task:
        await eventually(waits_for("a projection of its fold", newer), task=task)
        loaded = await source.load(partition, entity)
        assert loaded is not None
        assert (loaded.fold, loaded.entity) == ("older", None)
        await build(book.log, pool)
        assert await rows_of(pool, "read") == rows
        comparison = await compare(book.log, pool, "read_v2")
        assert comparison.sound
        assert "another fold" in comparison.how
        assert not comparison.checkpoints
        await switch(book.log, pool, "read_v2")
        await eventually(newer.is_current, task=task)
        loaded = await source.load(partition, entity)
        assert loaded is not None
        assert loaded.entity == book.entities[entity]
        with pytest.raises(Refused, match="cannot continue"):
            await switching(book.log, pool).roll_back()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_comparison_with_the_log_finds_what_is_wrong(pool: Pool, book: LogBook) -> None:
    book.note(book.open())
    await projecting(book, pool).until_current()
    await pool.execute("UPDATE read_v1.checkpoints SET fold = 'older'; UPDATE feed.projections SET fold = 'older'")
    await build(book.log, pool)
    await pool.execute("UPDATE read_v2.timeline SET words = 'other words' WHERE version = 2")
    comparison = await compare(book.log, pool, "read_v2")
    assert not comparison.sound
    assert any("words" in found for found in comparison.found)
    with pytest.raises(Refused, match="not sound"):
        await switch(book.log, pool, "read_v2")


async def test_a_projector_that_slept_through_the_switch_writes_nothing(pool: Pool, book: LogBook) -> None:
    entity = book.open()
    sleeper = projecting(book, pool)
    await sleeper.until_current()
    slept = await sleeper.store.open()
    await build(book.log, pool)
    assert (await compare(book.log, pool, "read_v2")).sound
    await switch(book.log, pool, "read_v2")
    partition = book.log.partition_of(entity)
    with pytest.raises(Moved):
        await sleeper.store.commit(slept.epoch, partition, slept.checkpoints[partition], Checkpoint(99), fold_batch({}, []))
    with pytest.raises(Moved):
        await sleeper.store.touch(slept.epoch, {})
    assert await rows_of(pool, "read_v1") == await rows_of(pool, "read_v2")
    assert (await control.live(pool)).name == "read_v2"


async def test_a_builder_that_slept_through_the_switch_writes_nothing(pool: Pool, book: LogBook) -> None:
    """A row that it wrote into the live projection would be missing in the feed."""
    entity = book.open()
    await projecting(book, pool).until_current()
    await build(book.log, pool)
    assert (await compare(book.log, pool, "read_v2")).sound
    sleeper = QuietStore(pool, "read_v2", TOPIC, book.log.partitions)
    slept = await sleeper.open()
    await switch(book.log, pool, "read_v2")
    partition = book.log.partition_of(entity)
    before = slept.checkpoints[partition]
    with pytest.raises(Moved):
        await sleeper.commit(0, partition, before, replace(before, offset=before.offset + 1), fold_batch({}, []))
    with pytest.raises(Moved):
        await sleeper.touch(0, {partition: before})
    with pytest.raises(Switched):
        await sleeper.open()
    assert await differences(book.log, pool) == []
