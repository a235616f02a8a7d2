"""One stretch of projecting: from opening the rows and the log at their checkpoints to the first thing that goes wrong.

Whatever goes wrong, nothing is repaired in memory: the next session starts from what the rows say.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from opsroom_common.contracts.envelope import Fence, Skip
from opsroom_common.log.port import Checkpoint, Classified, EventLog, LogReader
from opsroom_common.postgres.errors import Rejected
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.health import Progress
from opsroom_common.runtime.logging import get_logger
from opsroom_domain.ids import EntityId
from projector.aside import Silent, Stretch, passes, retried_stretch, skipped_stretch
from projector.batch_items import Item, Skipped, read_records, refused
from projector.counts import Counts
from projector.fold_batch import Folded, fold_batch
from projector.known import Known, KnownEntities, Parked
from projector.publish import Publisher
from projector.store import Opened, Part, Store

_POLL_TIMEOUT_S = 0.5
_POLL_HANGS_S = 15.0
_RETRIES_AT_ONCE = 100
_log = get_logger("projector")


class Stalled(Exception):
    """The log's reader gives nothing although there is more; a new reader is the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Records a poll and a statement; entities in memory; feed entries in the table; seconds without records while there is lag."""

    poll_records: int = 4_000
    batch_records: int = 500
    entities: int = 10_000
    feed_entries: int = 100_000
    stall_after_s: float = 10.0
    watch_every_s: float = 1.0
    trim_every_s: float = 10.0


class Session:
    """Reads all partitions and projects them until something raises. Single use."""

    def __init__(
        self,
        log: EventLog,
        store: Store,
        publisher: Publisher,
        progress: Progress,
        counts: Counts,
        clock: Clock,
        limits: Limits,
        opened: Opened,
    ) -> None:
        self._log = log
        self._store = store
        self._publisher = publisher
        self._progress = progress
        self._counts = counts
        self._clock = clock
        self._limits = limits
        self._epoch = opened.epoch
        self._known = KnownEntities(limits.entities)
        self._positions: dict[int, Checkpoint] = dict(opened.checkpoints)
        self._fed_at = clock.monotonic()
        self._asked: Sequence[EntityId] = ()
        """Parked entities that a person wants to have tried again."""
        self.committed = False
        """Whether anything was committed: this session got somewhere."""

    async def run(self, on_open: Callable[[], None]) -> None:
        """Project until cancelled or until the first error, which is raised: AnotherLog, Unavailable (of log or rows), Moved, Stalled.

        ``on_open`` is called once rows and log stand open.
        """
        reader = await self._log.reader(self._positions)
        on_open()
        tasks = [asyncio.create_task(self._read(reader)), asyncio.create_task(self._watch())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await reader.close()

    async def _read(self, reader: LogReader) -> None:
        while True:
            try:
                async with asyncio.timeout(_POLL_HANGS_S):
                    batches = await reader.poll(self._limits.poll_records, _POLL_TIMEOUT_S)
            except TimeoutError:
                raise Stalled(f"the log's reader did not answer for {_POLL_HANGS_S:.0f} s; making a new one") from None
            self._progress.beat()
            if batches:
                self._fed_at = self._clock.monotonic()
                await self._project_all(batches)
            await self._retry_asked()

    async def _project_all(self, batches: Mapping[int, Sequence[Classified]]) -> None:
        """Small batches together in one statement; else all partitions at once: while one waits for Postgres another is folded."""
        if len(batches) > 1 and sum(map(len, batches.values())) <= self._limits.batch_records and await self._project_together(batches):
            return
        outcomes = await asyncio.gather(*(self.project(p, records) for p, records in batches.items()), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def _project_together(self, batches: Mapping[int, Sequence[Classified]]) -> bool:
        """One statement for all of them: it has a price of its own. False, and nothing written, if one of them needs a closer look."""
        read = {partition: list(read_records(records, self._log.partition_of)) for partition, records in batches.items()}
        if any(isinstance(item, Skip) for items in read.values() for item in items):
            return False
        parts = [await self._part(partition, records, read[partition]) for partition, records in batches.items()]
        if any(part.folded.parked for part in parts):
            return False
        try:
            await self._write(parts, {partition: len(records) for partition, records in batches.items()})
        except Rejected:
            return False
        for partition, items in read.items():
            self._tell_skipped(partition, items)
        return True

    def position(self, partition: int) -> Checkpoint:
        """Where the partition stands."""
        return self._positions[partition]

    async def project(self, partition: int, records: Sequence[Classified]) -> None:
        """Commit the records that come next in the partition, batch by batch. Raises what ``run`` raises."""
        step = self._limits.batch_records
        for start in range(0, len(records), step):
            await self._project_batch(partition, records[start : start + step])

    async def _project_batch(self, partition: int, records: Sequence[Classified]) -> None:
        """One statement; if Postgres refuses a value of it, halves, until the record that it refuses stands alone and parks its entity."""
        read = list(read_records(records, self._log.partition_of))
        skip = next((item for item in read if isinstance(item, Skip)), None)
        if skip is not None:
            await self._around_skip(partition, records, skip)
            return
        try:
            await self._commit(partition, records, read)
        except Rejected as error:
            if len(records) > 1:
                middle = len(records) // 2
                await self._project_batch(partition, records[:middle])
                await self._project_batch(partition, records[middle:])
                return
            await self._commit(partition, records, [refused(records[0].record, read, str(error), self._log.partition_of)])

    async def _around_skip(self, partition: int, records: Sequence[Classified], skip: Skip) -> None:
        """What comes before the skip, the skip alone, and what comes after: it may change an entity from long before this batch (R10)."""
        before = [each for each in records if each.record.offset < skip.offset]
        after = [each for each in records if each.record.offset > skip.offset]
        if before:
            await self._project_batch(partition, before)
        known = (await self._known_of([skip]))[skip.entity_id]
        at = next(each.after for each in records if each.record.offset == skip.offset)
        if passes(known, skip):
            place = await self._store.place(partition, skip.skipped)
            await self._commit_again(partition, at, await self._read_again(skipped_stretch(self._log, place, partition, known, skip)))
            self._counts.unparked(partition, "skip")
        else:
            await self._write_one(partition, at, fold_batch({skip.entity_id: known}, [skip]))
        if after:
            await self._project_batch(partition, after)

    async def _retry_asked(self) -> None:
        """Try parked entities again that a person asks for: with this code, from the log, up to the checkpoint, which stays where it is."""
        asked, self._asked = self._asked, ()
        for entity_id in asked:
            partition = self._log.partition_of(entity_id)
            known = (await self._store.load([entity_id]))[entity_id]
            if isinstance(known, Parked) and partition in self._positions:
                at, place = self._positions[partition], await self._store.place(partition, known.offset)
                tried = retried_stretch(self._log, place, partition, entity_id, known, at.offset)
                await self._commit_again(partition, at, await self._read_again(tried))
                self._counts.unparked(partition, "retry")
            await self._store.retried(entity_id)

    async def _read_again(self, reading: Awaitable[Stretch]) -> Stretch:
        try:
            return await reading
        except Silent as error:
            raise Stalled(str(error)) from error

    async def _commit_again(self, partition: int, after: Checkpoint, stretch: Stretch) -> None:
        """One commit. If Postgres refuses a value of it, the entity parks at the last record before which all is well."""
        since = self._positions[partition].offset
        try:
            await self._write_one(partition, after, stretch.fold(since))
        except Rejected as error:
            for number in stretch.refusable:
                with contextlib.suppress(Rejected):
                    await self._write_one(partition, after, stretch.fold(since, (number, str(error))))
                    return
            raise

    async def _write_one(self, partition: int, after: Checkpoint, folded: Folded) -> None:
        """What one record changes, perhaps far behind it; or, if ``after`` is where the partition stands, no record at all."""
        await self._write([Part(partition, self._positions[partition], after, folded)], {partition: 1})

    async def _commit(self, partition: int, records: Sequence[Classified], read: Sequence[Item | Skipped]) -> None:
        await self._write([await self._part(partition, records, read)], {partition: len(records)})
        self._tell_skipped(partition, read)

    async def _part(self, partition: int, records: Sequence[Classified], read: Sequence[Item | Skipped]) -> Part:
        items = [item for item in read if not isinstance(item, Skipped)]
        folded = fold_batch(await self._known_of(items), items)
        after = records[-1].after
        return Part(partition, self._positions[partition], after, folded)

    async def _write(self, parts: Sequence[Part], records: Mapping[int, int]) -> None:
        """One commit, and then, only then, what it changes here. ``records``: how many each part passes."""
        started = self._clock.monotonic()
        entries = await self._store.commit_together(self._epoch, parts)
        self._counts.statement(self._clock.monotonic() - started)
        self.committed = True
        self._publisher.offer(entries)
        for part in parts:
            self._positions[part.partition] = part.after
            self._known.put(part.folded.known)
            own = [entry for entry in entries if entry.partition == part.partition]
            self._counts.batch(part.partition, records[part.partition], part.folded, own)

    def _tell_skipped(self, partition: int, read: Sequence[Item | Skipped]) -> None:
        for skipped in (item for item in read if isinstance(item, Skipped)):
            self._counts.skipped(partition)
            _log.error(
                "a record was skipped: it cannot be handled and names no entity here",
                partition=partition,
                offset=skipped.offset,
                reason=skipped.reason,
            )

    async def _known_of(self, items: Sequence[Item]) -> Mapping[EntityId, Known]:
        wanted = {item.entity_id for item in items if not isinstance(item, Fence)}
        known = self._known.take(wanted)
        missing = [entity_id for entity_id in wanted if entity_id not in known]
        if missing:
            known.update(await self._store.load(missing))
        return known

    async def _watch(self) -> None:
        """Once a second: how far the log is, whether the reader stalls, that idle rows are current, that the feed's table is bounded."""
        trimmed_at = self._clock.monotonic()
        while True:
            positions = dict(self._positions)
            partitions = sorted(positions)
            ends = dict(zip(partitions, await asyncio.gather(*(self._log.end_offset(p) for p in partitions)), strict=True))
            for partition, end in ends.items():
                self._progress.report(partition, self._positions[partition].offset, end)
                self._counts.lag(partition, max(0, end - self._positions[partition].offset))
            await self._store.touch(self._epoch, {p: at for p, at in positions.items() if at.offset >= ends[p]})
            await self._publisher.probe()
            self._asked = await self._store.retries(_RETRIES_AT_ONCE)
            now = self._clock.monotonic()
            if any(self._positions[p].offset < end for p, end in ends.items()) and now - self._fed_at > self._limits.stall_after_s:
                raise Stalled(f"the log's reader gave nothing for {now - self._fed_at:.0f} s although there is more; making a new one")
            if now - trimmed_at > self._limits.trim_every_s:
                await self._store.trim_feed(self._limits.feed_entries)
                trimmed_at = now
            await asyncio.sleep(self._limits.watch_every_s)
