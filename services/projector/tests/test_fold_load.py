"""A load writes what the batches of the living projector would have written, whatever its chunks."""

from __future__ import annotations

import io
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsroom_common.contracts.envelope import DomainRecord, Fence
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.port import Checkpoint
from opsroom_common.log.skips import Skips, read_skip
from opsroom_common.postgres.pool import Pool
from opsroom_domain.ids import EntityId
from projector.batch_items import Item, Skipped, read_knowing
from projector.batch_rows import ParkedRow, SkipRow
from projector.fold_batch import fold_batch
from projector.fold_load import COPY_COLUMNS, LoadedRows, fold_load
from projector.known import Absent, Known
from projector.projections.load import close_load
from projector.store_postgres import PostgresStore
from projector.verify import differences

from .log_book import TOPIC, LogBook


def items_of(book: LogBook, partition: int) -> list[Item]:
    terms = TermFilter(Checkpoint())
    classified = [terms.classify(record) for record in book.log.records(partition)]
    skips = Skips()
    for each in classified:
        if (skip := read_skip(each)) is not None:
            skips.add(skip)
    return [item for item in read_knowing(classified, book.log.partition_of, skips) if not isinstance(item, Skipped)]


def cut(items: Sequence[Item], rng: random.Random) -> Iterator[Sequence[Item]]:
    start = 0
    while start < len(items):
        size = rng.randint(1, 40)
        yield items[start : start + size]
        start += size


class Load:
    """A load in tables of Postgres, as the builder of a projection does it, with a memory that forgets."""

    def __init__(self, pool: Pool, partition: int, rng: random.Random) -> None:
        self._pool = pool
        self._partition = partition
        self._random = rng
        self._known: dict[EntityId, Known] = {}
        self._held: dict[EntityId, bytes] = {}
        self._parked: dict[str, ParkedRow] = {}

    async def chunk(self, items: Sequence[Item]) -> LoadedRows:
        for item in items:
            if not isinstance(item, Fence):
                self._known.setdefault(item.entity_id, Absent())
        held = {entity_id: row for entity_id, row in self._held.items() if self._random.random() < 0.7}
        loaded = fold_load(self._known, held, items, self._partition)
        async with raw(self._pool) as connection:
            await connection.execute("DELETE FROM read_v1.entities WHERE id = ANY ($1::text[])", list(loaded.replaced))
            await connection.execute("DELETE FROM read_v1.texts WHERE id = ANY ($1::text[])", list(loaded.replaced_texts))
            for table, rows in loaded.copies.items():
                await copy(connection, table, rows)
            if loaded.skips:
                rows_ = [(*row, self._partition) for row in loaded.skips]
                await connection.copy_records_to_table(
                    "skips", schema_name="read_v1", records=rows_, columns=(*SkipRow._fields, "partition")
                )
            for entity_id, versions in loaded.passed.items():
                await connection.execute(
                    "INSERT INTO read_v1.passed VALUES ($1, $2, $3) ON CONFLICT (entity_id) DO UPDATE SET versions = excluded.versions",
                    entity_id, self._partition, versions,
                )  # fmt: skip
        self._known.update(loaded.known)
        self._held.update(loaded.held)
        for row in loaded.parked:
            before = self._parked.get(row.entity_id)
            self._parked[row.entity_id] = row if before is None else before._replace(behind=before.behind + row.behind)
        return loaded

    async def close(self, after: Checkpoint) -> None:
        async with raw(self._pool) as connection:
            for row in self._parked.values():
                await connection.execute(
                    'INSERT INTO read_v1.parked (entity_id, "offset", reason, behind, parked_at, partition) VALUES ($1, $2, $3, $4, $5, $6)',
                    *row, self._partition,
                )  # fmt: skip
            await connection.execute(
                'UPDATE read_v1.checkpoints SET "offset" = $2, term = $3, fence_offset = $4 WHERE partition = $1',
                self._partition, after.offset, after.term, after.fence_offset,
            )  # fmt: skip


@asynccontextmanager
async def raw(pool: Pool) -> AsyncIterator[Any]:
    async with pool._pool.acquire() as connection:
        yield connection


async def copy(connection: Any, table: str, rows: bytes) -> None:
    columns = COPY_COLUMNS[table]
    await connection.copy_to_table(table, schema_name="read_v1", source=io.BytesIO(rows), columns=columns, format="binary")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 200))
async def test_a_load_of_any_log_in_any_chunks_gives_the_rows_of_the_fold(pool: Pool, seed: int, steps: int) -> None:
    book = LogBook(partitions=2, seed=seed)
    for _ in range(steps):
        book.random_step()
    store = PostgresStore(pool, TOPIC, 2)
    await store.install()
    await store.forget_everything()
    await store.open()
    rng = random.Random(seed)
    for partition in range(2):
        load = Load(pool, partition, rng)
        events = [await load.chunk(chunk) for chunk in cut(items_of(book, partition), rng)]
        terms = TermFilter(Checkpoint())
        for record in book.log.records(partition):
            terms.classify(record)
        await load.close(terms.checkpoint)
        times = book.times(partition)
        assert max((loaded.last_time for loaded in events if loaded.last_time), default=None) == max(times, default=None)
    async with pool.transaction() as transaction:
        await close_load(transaction, "read_v1")
    assert await differences(book.log, pool) == []


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 120))
def test_a_chunk_knows_and_parks_what_a_batch_does(seed: int, steps: int) -> None:
    book = LogBook(partitions=1, seed=seed)
    for _ in range(steps):
        book.random_step()
    items = items_of(book, 0)
    known: Mapping[EntityId, Known] = {item.entity_id: Absent() for item in items if not isinstance(item, Fence)}
    batch, loaded = fold_batch(known, items), fold_load(known, {}, items, 0)
    assert loaded.known == batch.known
    assert (loaded.parked, loaded.newly_parked, loaded.last_time) == (batch.parked, batch.newly_parked, batch.last_time)
    assert loaded.events == len(batch.timeline)
    assert set(loaded.held) == {row.id for row in batch.entities}


@pytest.mark.parametrize("reason", ["a\\b\nc\td", "“é”", "", "x" * 5_000])
async def test_any_text_comes_through(pool: Pool, book: LogBook, reason: str) -> None:
    """The binary format escapes nothing, so that nothing can be escaped wrongly."""
    store = PostgresStore(pool, TOPIC, 2)
    await store.install()
    await store.forget_everything()
    entity = book.open("Disk full")
    partition = book.log.partition_of(entity)
    items = [
        replace(item, event=replace(item.event, description=reason)) if isinstance(item, DomainRecord) else item
        for item in items_of(book, partition)
    ]
    await Load(pool, partition, random.Random(1)).chunk(items)
    (row,) = await pool.fetch("SELECT state FROM read.entities WHERE id = $1", entity)
    assert row["state"]["description"] == reason
