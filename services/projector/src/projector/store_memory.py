"""The projector's rows in memory: the same promises as in Postgres, for tests and the simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from opsroom_common.feed.port import FeedEntry
from opsroom_common.log.port import Checkpoint
from opsroom_common.log.state_source import Projected
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.postgres.memory import Head, MemoryRow, MemoryTables, parsed
from opsroom_common.runtime.clock import Clock
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint
from projector.fold_batch import Anew, Folded
from projector.known import Known
from projector.store import PROJECTION, Moved, Opened, Part, another_fold, entries_of, known_of, moved

_TABLES = ("checkpoints", "entities", "texts", "versions", "timeline", "fences", "parked", "passed", "skips")
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_PARKED = {"parked_reason": None, "parked_offset": None, "parked_at": None}


class MemoryStore:
    """``Store`` on tables in memory. ``fold`` is the fingerprint of the fold that this projector is built with."""

    def __init__(self, tables: MemoryTables, topic: str, partitions: int, clock: Clock, fold: str | None = None) -> None:
        self._tables = tables
        self._topic = topic
        self._partitions = partitions
        self._clock = clock
        self._fold = fold or fold_fingerprint()

    async def install(self) -> None:
        if self._tables.away:
            raise Unavailable("Postgres: cannot connect")
        self._tables.installed = True

    async def open(self) -> Opened:
        tables = self._tables
        tables.reach()
        head = tables.valid_head()
        if head is None or head.projection != PROJECTION:
            head = self._new_epoch()
        checkpoints: dict[int, Checkpoint] = {}
        for partition in range(self._partitions):
            found = tables.checkpoint(self._topic, partition)
            if found is None:
                found = self._at(partition, Checkpoint(), None)
                tables.commit()
            checkpoints[partition], fold, _ = found
            if fold != self._fold:
                raise another_fold(f"{self._topic}-{partition}", fold, self._fold)
        return Opened(head.epoch, checkpoints)

    async def load(self, ids: Sequence[EntityId]) -> Mapping[EntityId, Known]:
        self._tables.reach()
        return {entity_id: self._known(entity_id) for entity_id in ids}

    async def commit(self, epoch: int, partition: int, before: Checkpoint, after: Checkpoint, folded: Folded) -> Sequence[FeedEntry]:
        return await self.commit_together(epoch, [Part(partition, before, after, folded)])

    async def commit_together(self, epoch: int, parts: Sequence[Part]) -> Sequence[FeedEntry]:
        tables = self._tables
        tables.reach()
        head = self._head(epoch)
        found = [tables.checkpoint(self._topic, part.partition) for part in parts]
        stands = [None if at is None else (at.checkpoint, at.fold) for at in found]
        if (
            head is None
            or stands != [(part.before, self._fold) for part in parts]
            or not all(self._still_parked(part.folded) for part in parts)
        ):
            raise moved(parts, self._topic, epoch)
        for folded in (part.folded for part in parts):
            for row in (*folded.entities, *folded.texts, *folded.versions, *folded.timeline, *folded.parked, *folded.skips):
                _check(row)
        try:
            for part, at in zip(parts, found, strict=True):
                times = [] if at is None else [time for time in (at.last_time, part.folded.last_time) if time is not None]
                self._at(part.partition, part.after, max(times, default=None))
                if part.folded.anew is not None:
                    self._forget(part.folded.anew)
                self._write(part.partition, part.folded)
        except BaseException:
            tables.roll_back()
            raise
        entries = entries_of(parts, epoch, head.n, self._topic, self._clock.now())
        tables.head = Head(head.epoch, head.n + len(entries), head.run, head.projection)
        tables.entries.extend(entries)
        if any(part.folded.ends_epoch for part in parts):
            tables.head, tables.entries, entries = None, [], ()
        tables.commit()
        return entries

    async def touch(self, epoch: int, positions: Mapping[int, Checkpoint]) -> None:
        del positions
        self._tables.reach()
        if self._head(epoch) is None:
            raise Moved(f"the feed epoch {epoch} is over")

    async def place(self, partition: int, offset: int) -> Checkpoint:
        self._tables.reach()
        fences = [(at, row["term"]) for (p, at), row in self._tables.tables["fences"].items() if p == partition and at < offset]
        if not fences:
            return Checkpoint(offset)
        fence_offset, term = max(fences)
        return Checkpoint(offset, term, fence_offset)

    async def retries(self, limit: int) -> Sequence[EntityId]:
        self._tables.reach()
        return list(self._tables.tables["retries"])[:limit]

    async def retried(self, entity_id: EntityId) -> None:
        self._tables.reach()
        self._tables.drop("retries", entity_id)
        self._tables.commit()

    async def trim_feed(self, entries_max: int) -> None:
        self._tables.reach()
        if self._tables.head is not None:
            last = self._tables.head.n - entries_max
            self._tables.entries = [entry for entry in self._tables.entries if entry.position.n > last]

    async def forget_everything(self) -> None:
        self._tables.reach()
        for table in _TABLES:
            self._tables.clear(table)
        self._tables.head, self._tables.entries = None, []
        self._tables.commit()

    def _head(self, epoch: int) -> Head | None:
        head = self._tables.valid_head()
        return head if head is not None and head.epoch == epoch and head.projection == PROJECTION else None

    def _new_epoch(self) -> Head:
        tables = self._tables
        last = (tables.get("last_epoch", True) or {"epoch": 0})["epoch"]
        here = 0 if tables.head is None else tables.head.epoch
        now = (self._clock.now() - _UNIX) // timedelta(microseconds=1)
        head = tables.head = Head(max(now, last + 1, here + 1), 0, tables.run, PROJECTION)
        tables.entries = []
        tables.put("last_epoch", True, {"epoch": head.epoch})
        tables.commit(durable=True)
        return head

    def _at(self, partition: int, at: Checkpoint, last_time: datetime | None) -> Projected:
        self._tables.put("checkpoints", (self._topic, partition), {"at": at, "fold": self._fold, "last_time": last_time})
        return Projected(at, self._fold, last_time)

    def _still_parked(self, folded: Folded) -> bool:
        """Whether what the fold takes for parked is; if not, somebody has had it tried again."""
        there = {row.entity_id: row.offset for row in folded.waiting}
        if folded.anew is not None and folded.anew.parked is not None:
            there[folded.anew.entity_id] = folded.anew.parked
        return all((self._tables.get("parked", entity_id) or {}).get("offset") == offset for entity_id, offset in there.items())

    def _forget(self, anew: Anew) -> None:
        tables = self._tables
        tables.drop("parked", anew.entity_id)
        if anew.whole:
            tables.drop("entities", anew.entity_id)
            tables.drop("texts", anew.entity_id)
            tables.drop("passed", anew.entity_id)
            for table in ("versions", "timeline"):
                for key in [key for key in tables.tables[table] if key[0] == anew.entity_id]:
                    tables.drop(table, key)

    def _write(self, partition: int, folded: Folded) -> None:
        tables = self._tables
        for row in folded.entities:
            known = tables.get("entities", row.id)
            kept = {} if known is None else {name: known[name] for name in ("kind", "partition", "created_at")}
            tables.put("entities", row.id, {**row._asdict(), "partition": partition, **kept})
        for row in folded.texts:
            tables.put("texts", row.id, row._asdict())
        for closed in folded.closed:
            version = tables.get("versions", (closed.id, closed.version))
            if version is not None:
                tables.put("versions", (closed.id, closed.version), {**version, "valid_to": closed.valid_to})
        for row in folded.versions:
            self._insert("versions", (row.id, row.version), {**row._asdict(), "partition": partition})
        for row in folded.timeline:
            self._insert("timeline", (row.id, row.version), {**row._asdict(), "partition": partition})
        for row in folded.fences:
            self._insert("fences", (partition, row.offset), {**row._asdict(), "partition": partition})
        for row in folded.parked:
            known = tables.get("parked", row.entity_id)
            parked = {**row._asdict(), "partition": partition} if known is None else {**known, "behind": known["behind"] + row.behind}
            tables.put("parked", row.entity_id, parked)
        for row in folded.skips:
            self._insert("skips", (partition, row.offset), {**row._asdict(), "partition": partition})
        for entity_id, versions in folded.passed.items():
            tables.put("passed", entity_id, {"entity_id": entity_id, "partition": partition, "versions": versions})

    def _insert(self, table: str, key: Any, row: MemoryRow) -> None:
        if self._tables.get(table, key) is not None:
            raise RuntimeError(f"{table} has a row {key} already; this is a fault of the projector")
        self._tables.put(table, key, row)

    def _known(self, entity_id: EntityId) -> Known:
        row, parked = self._tables.get("entities", entity_id), self._tables.get("parked", entity_id)
        aside = (
            {"parked_reason": parked["reason"], "parked_offset": parked["offset"], "parked_at": parked["parked_at"]}
            if parked
            else _NOT_PARKED
        )
        passed = (self._tables.get("passed", entity_id) or {"versions": None})["versions"]
        return known_of({"id": None, "passed": passed, **aside} if row is None else {**parsed(row), "passed": passed, **aside})


def _check(row: NamedTuple) -> None:
    """What Postgres refuses: a NUL in a text."""
    for value in row:
        if isinstance(value, str) and "\x00" in value:
            raise Rejected("Postgres: a text holds a NUL character (22021)")
