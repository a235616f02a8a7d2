"""The load of one partition: its records in big chunks, folded in memory and copied into tables without indexes.

A chunk and its checkpoint are one transaction, so that a load which was killed goes on where it stood. What makes it fast: a row of
``entities`` is written once a chunk and not once an event; a version is copied when it is known until when it is valid, and the one version of
each entity that is valid until further notice is not written at all. ``close_load`` makes those at the end, from ``entities``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opsroom_common.contracts.envelope import Fence
from opsroom_common.log.port import Checkpoint, Classified, EventLog, LogReader
from opsroom_common.log.skips import Skips, read_skip
from opsroom_common.postgres.errors import Rejected
from opsroom_common.postgres.pool import Pool, Session
from opsroom_common.runtime.logging import get_logger
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint
from projector.batch_items import Item, Skipped, read_knowing, refused
from projector.batch_rows import ParkedRow, columns
from projector.fold_load import COPY_COLUMNS, LoadedRows, fold_load
from projector.known import Known, KnownEntities
from projector.projections.names import statements_for
from projector.projections.quiet_store import QuietStore
from projector.session import Stalled
from projector.store import Moved

_POLL_S = 0.5
_SILENT_S_MAX = 30.0
_log = get_logger("projections")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadLimits:
    """``chunk_records`` are one transaction; ``entities`` stay in memory, of each partition that is being loaded; ``partitions`` load at once."""

    chunk_records: int = 4_000
    entities: int = 20_000
    partitions: int = 4


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a chunk added: records passed, events folded, rows written, and about how many bytes they are. ``at``: where the partition stands."""

    partition: int
    at: int
    records: int
    events: int
    rows: int
    bytes: int


class PartitionLoad:
    """Loads one partition into the projection ``name``. Single use."""

    def __init__(
        self, log: EventLog, pool: Pool, store: QuietStore, partition: int, limits: LoadLimits, told: Callable[[Loaded], None]
    ) -> None:
        self._log = log
        self._pool = pool
        self._store = store
        self._partition = partition
        self._limits = limits
        self._told = told
        self._sql = statements_for("projector.projections", "load.sql", store.name)
        self._known = KnownEntities(limits.entities)
        self._held: dict[EntityId, bytes] = {}
        self._at = Checkpoint()
        self._skips = Skips()

    async def run(self, start: Checkpoint, until: int) -> None:
        """Load the records below ``until``. Raises BadProjection, Moved, Stalled, log.port.LogError, Unavailable."""
        self._at = start
        if start.offset >= until:
            return
        until = await self._see_skips(start, until)
        reader = await self._log.reader({self._partition: start})
        try:
            while self._at.offset < until:
                records = await self._next(reader, until)
                await self._load(records)
        finally:
            await reader.close()

    async def _see_skips(self, start: Checkpoint, until: int) -> int:
        """Read what does not count (R10) before all the rest. A skip of a record that was loaded already ends the load, which cannot take a row
        back: whoever follows the log from there on can.
        """
        place = await self._store.unseen_skips(self._partition, until)
        if place is None:
            return until
        reader = await self._log.reader({self._partition: start if place.offset < start.offset else place})
        try:
            while reader.position(self._partition).offset < until:
                for each in await self._next(reader, until):
                    skip = read_skip(each)
                    if skip is None:
                        continue
                    if skip.skipped < start.offset:
                        return each.record.offset
                    self._skips.add(skip)
        finally:
            await reader.close()
        return until

    async def _next(self, reader: LogReader, until: int) -> Sequence[Classified]:
        """The next chunk: full, unless the end is near."""
        records: list[Classified] = []
        silent_s = 0.0
        while len(records) < self._limits.chunk_records:
            found = (await reader.poll(self._limits.chunk_records - len(records), _POLL_S)).get(self._partition, ())
            records.extend(found)
            if records and records[-1].after.offset >= until:
                break
            silent_s = 0.0 if found else silent_s + _POLL_S
            if silent_s >= _SILENT_S_MAX:
                raise Stalled(f"{self._log.topic}-{self._partition}: nothing came for {silent_s:.0f} s although the log has more")
        return [record for record in records if record.record.offset < until]

    async def _load(self, records: Sequence[Classified]) -> None:
        """One chunk; if Postgres refuses a value of it, halves, until the record that it refuses stands alone and parks its entity."""
        read = list(read_knowing(records, self._log.partition_of, self._skips))
        try:
            await self._commit(records, read)
        except Rejected as error:
            if len(records) > 1:
                middle = len(records) // 2
                await self._load(records[:middle])
                await self._load(records[middle:])
                return
            await self._commit(records, [refused(records[0].record, read, str(error), self._log.partition_of)])

    async def _commit(self, records: Sequence[Classified], read: Sequence[Item | Skipped]) -> None:
        items = [item for item in read if not isinstance(item, Skipped)]
        known = await self._known_of(items)
        loaded = fold_load(known, self._held, items, self._partition)
        await self._store.check(loaded.newly_parked)
        after = records[-1].after
        async with self._pool.transaction() as transaction:
            await self._write(transaction, after, loaded)
        self._at = after
        self._known.put(loaded.known)
        self._hold(loaded.held)
        size = sum(map(len, loaded.copies.values()))
        self._told(Loaded(self._partition, after.offset, len(records), loaded.events, loaded.rows + len(loaded.parked), size))
        for skipped in (item for item in read if isinstance(item, Skipped)):
            _log.error("a record was skipped", partition=self._partition, offset=skipped.offset, reason=skipped.reason)
        # Others have something to do: a chunk holds the loop for as long as its fold takes.
        await asyncio.sleep(0)

    async def _write(self, transaction: Session, after: Checkpoint, loaded: LoadedRows) -> None:
        before = self._at
        moved = await transaction.fetch_one(
            self._sql["move"],
            self._log.topic, self._partition, before.offset, before.term, before.fence_offset, fold_fingerprint(),
            after.offset, after.term, after.fence_offset, self._store.name, loaded.last_time,
        )  # fmt: skip
        if moved is None:
            raise Moved(f"{self._store.name}, {self._log.topic}-{self._partition}: somebody else loads it, or it was dropped")
        if loaded.replaced:
            await transaction.execute(self._sql["replace_entities"], loaded.replaced)
            await transaction.execute(self._sql["replace_texts"], loaded.replaced_texts)
        for table, rows in loaded.copies.items():
            await transaction.copy(self._store.name, table, COPY_COLUMNS[table], rows)
        if loaded.parked:
            await transaction.execute(self._sql["park"], self._partition, *columns(ParkedRow, loaded.parked))
        await self._store.write_beside(transaction, self._partition, loaded.skips, loaded.passed)

    async def _known_of(self, items: Sequence[Item]) -> Mapping[EntityId, Known]:
        wanted = {item.entity_id for item in items if not isinstance(item, Fence)}
        known = self._known.take(wanted)
        missing = [entity_id for entity_id in wanted if entity_id not in known]
        if missing:
            known.update(await self._store.load(missing))
        return known

    def _hold(self, held: Mapping[EntityId, bytes]) -> None:
        for entity_id, row in held.items():
            self._held.pop(entity_id, None)
            self._held[entity_id] = row
        while len(self._held) > self._limits.entities:
            del self._held[next(iter(self._held))]


async def close_load(transaction: Session, name: str) -> None:
    """After the last chunk: write the version of each entity that is valid until further notice. Once only."""
    await transaction.execute(statements_for("projector.projections", "load.sql", name)["open_versions"])
