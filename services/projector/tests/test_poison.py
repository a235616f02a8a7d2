"""A record that cannot be handled parks its entity; later records of it wait behind; the partition goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.postgres.pool import Pool, Row
from opsroom_domain.entities.incident import Acknowledged, Opened
from projector.session import Limits
from projector.verify import differences

from .log_book import LogBook
from .projecting import Projecting
from .test_rows_are_the_fold_of_the_log import assert_feed_is_whole


async def parked(pool: Pool) -> list[Row]:
    return list(await pool.fetch("SELECT * FROM read.parked ORDER BY entity_id"))


def undecodable(book: LogBook, entity: str) -> None:
    book.undecodable(entity)  # type: ignore[arg-type]


def version_gap(book: LogBook, entity: str) -> None:
    book.gap(entity)  # type: ignore[arg-type]


def opened_twice(book: LogBook, entity: str) -> None:
    known = book.entities[entity]  # type: ignore[index]
    other = book.open()
    opened = Opened(
        at=book.clock.now(), by=known.state.opened_by, incident_id=other, title="x", description="", severity=known.state.severity,
        source="x", labels=(), visibility=known.state.visibility,
    )  # fmt: skip
    book.event(known.id, known.version + 1, opened)


def nul_in_a_note(book: LogBook, entity: str) -> None:
    known = book.entities[entity]  # type: ignore[index]
    raw = book.raw(known.id, known.version + 1, book.noted("before\x01after"))
    book.log.land(book.log.partition_of(known.id), [replace(raw, value=raw.value.replace(b"\x01", b"\x00"))])


@pytest.mark.parametrize("poison", [undecodable, version_gap, opened_twice, nul_in_a_note])
@pytest.mark.parametrize("batch", [1, 500])
async def test_poison_parks_its_entity_and_the_partition_goes_on(
    pool: Pool, book: LogBook, carrier: MemoryFeedCarrier, poison, batch: int
) -> None:
    sick, healthy = book.open(), book.open()
    good = book.entities[sick]
    poison(book, sick)
    book.note(sick)
    book.note(healthy)
    projecting = Projecting(book.log, pool, carrier, Limits(batch_records=batch))
    await projecting.until_current()
    book.note(sick)
    await projecting.until_current()

    (row,) = await parked(pool)
    assert (row["entity_id"], row["behind"]) == (sick, 2)
    assert row["reason"]
    rows = {r["id"]: r["version"] for r in await pool.fetch("SELECT id, version FROM read.entities")}
    assert rows[sick] == good.version
    assert rows[healthy] == book.entities[healthy].version
    assert await differences(book.log, pool) == []
    await assert_feed_is_whole(pool)


async def test_an_entity_whose_first_record_is_poison_is_parked_without_a_row(
    pool: Pool, book: LogBook, carrier: MemoryFeedCarrier
) -> None:
    entity = book.ids.entity_id("inc")
    book.event(entity, 1, Acknowledged(at=book.clock.now(), by=book.entities[book.open()].state.opened_by))
    await Projecting(book.log, pool, carrier, Limits()).until_current()
    assert [row["entity_id"] for row in await parked(pool)] == [entity]
    assert await pool.fetch("SELECT 1 FROM read.entities WHERE id = $1", entity) == []


async def test_a_record_that_names_nobody_is_skipped_and_counted(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    book.keyless(0)
    entity = book.open()
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.until_current()
    assert b'opsroom_projector_skipped_total{partition="0"} 1.0' in projecting.metrics.render()
    assert await parked(pool) == []
    assert await pool.fetch("SELECT 1 FROM read.entities WHERE id = $1", entity) != []


async def test_a_record_in_a_partition_that_is_not_its_own_is_skipped(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    entity = book.open()
    wrong = 1 - book.log.partition_of(entity)
    raw = book.raw(entity, 2, book.noted(), term=book.terms[wrong][-1])
    book.log.land(wrong, [raw, replace(raw, value=b"")])
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.until_current()
    assert f'opsroom_projector_skipped_total{{partition="{wrong}"}} 2.0'.encode() in projecting.metrics.render()
    assert await parked(pool) == []
    book.note(entity)
    await projecting.until_current()
    assert await differences(book.log, pool) == []


async def test_a_value_that_postgres_refuses_parks_only_its_own_entity(pool: Pool, book: LogBook, carrier: MemoryFeedCarrier) -> None:
    """The net under what the fold checks itself: halves, until the record that Postgres refuses stands alone."""
    projecting = Projecting(book.log, pool, carrier, Limits())
    await projecting.store.install()
    # Stands for any limit of the server's that nobody thought of: a data error from inside the statement.
    await pool.execute("DROP VIEW read.timeline; ALTER TABLE read_v1.timeline ALTER COLUMN words TYPE varchar(60)")
    ids = [book.open() for _ in range(8)]
    book.note(ids[3], "y" * 90)
    for entity in ids:
        book.note(entity, "short")
    await projecting.until_current()
    (row,) = await parked(pool)
    assert (row["entity_id"], row["behind"]) == (ids[3], 1)
    assert "value too long" in row["reason"]
    rows = {r["id"]: r["version"] for r in await pool.fetch("SELECT id, version FROM read.entities")}
    assert rows == {entity: 1 if entity == ids[3] else 2 for entity in ids}
    await assert_feed_is_whole(pool)
