"""Promise 4 and R10: whatever a log holds of poison and skips, cut anywhere and crashed anywhere, the rows are its fold."""

from __future__ import annotations

import random
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.postgres.memory import MemoryTables
from opsroom_common.runtime.clock import ManualClock
from opsroom_common.runtime.health import Progress
from opsroom_common.runtime.metrics import Metrics
from projector import verify
from projector.batch_rows import EntityRow, FenceRow, ParkedRow, SkipRow, TextRow, TimelineRow, VersionRow
from projector.counts import Counts
from projector.publish import Publisher
from projector.session import Limits, Session
from projector.store import Moved
from projector.store_memory import MemoryStore

from .log_book import LogBook

_METRICS = Metrics(CollectorRegistry())
_COUNTS = Counts(_METRICS)


class Rows:
    """Rows in memory and a projector that can be stopped at any record."""

    def __init__(self, book: LogBook, limits: Limits) -> None:
        self.book = book
        self.tables = MemoryTables()
        self.store = MemoryStore(self.tables, book.log.topic, book.log.partitions, book.clock)
        self.limits = limits

    async def session(self) -> Session:
        """A new life of the projector: it knows what the rows say."""
        clock = ManualClock(self.book.clock.now())
        await self.store.install()
        publisher = Publisher(MemoryFeedCarrier(), _METRICS, clock)
        return Session(self.book.log, self.store, publisher, Progress("p", clock), _COUNTS, clock, self.limits, await self.store.open())

    async def project(self, session: Session, partition: int, records: int) -> int:
        """At most so many records more; returns how many there were."""
        reader = await self.book.log.reader({partition: session._positions[partition]})
        found = (await reader.poll(records, 0)).get(partition, ())
        if found:
            await session.project(partition, found)
        return len(found)

    async def to_the_end(self) -> None:
        session = await self.session()
        for partition in range(self.book.log.partitions):
            while await self.project(session, partition, 1_000):
                pass

    async def differences(self) -> list[verify.Difference]:
        found: list[verify.Difference] = []
        opened = await self.store.open()
        for partition, checkpoint in opened.checkpoints.items():
            folded = await verify._fold_log(self.book.log, partition, checkpoint)
            for table, rows in folded.tables().items():
                found.extend(verify._compare(table, rows, self._stored(table, partition)))
        return found

    def _stored(self, table: str, partition: int) -> Any:
        wanted = _COLUMNS[table]
        rows = [row for row in self.tables.tables[table].values() if row.get("partition", partition) == partition]
        return verify._table(table, [{name: _jsonable(row[name]) for name in wanted} for row in rows])


def _jsonable(value: object) -> object:
    return orjson.dumps(list(value)).decode() if isinstance(value, tuple) else value


_COLUMNS = {
    "entities": EntityRow._fields,
    "texts": TextRow._fields,
    "versions": VersionRow._fields,
    "timeline": TimelineRow._fields,
    "fences": FenceRow._fields,
    "parked": ParkedRow._fields,
    "skips": SkipRow._fields,
    "passed": ("entity_id", "versions"),
}


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(1, 120),
    batch=st.integers(1, 20),
    entities=st.integers(1, 8),
    crash=st.sampled_from([0, 0.3]),
)
async def test_poison_and_skips_cut_anywhere_and_crashed_anywhere(seed: int, steps: int, batch: int, entities: int, crash: float) -> None:
    book, chance = LogBook(partitions=1, seed=seed), random.Random(seed)
    for _ in range(steps):
        book.random_step()
        if chance.random() < 0.15 and book.entities:
            chance.choice([book.random_skip, book.bad_opening, lambda: book.lost(chance.choice(sorted(book.entities)))])()
    rows = Rows(book, Limits(batch_records=batch, entities=entities))
    session = await rows.session()
    more = True
    while more:
        try:
            more = await rows.project(session, 0, chance.randint(1, 30)) > 0
        except Moved:
            session = await rows.session()
        if chance.random() < crash:
            rows.tables.crash(chance.randint(0, rows.tables.losable))
            session = await rows.session()
        if chance.random() < 0.2:
            assert await rows.differences() == []
    assert await rows.differences() == []
