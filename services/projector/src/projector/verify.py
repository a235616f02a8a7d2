"""Whether the rows are the fold of the log (promise 4): folds the log from 0 again, in memory, and compares every row, canonical text for text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

import orjson

from opsroom_common.contracts.envelope import Fence
from opsroom_common.log.port import Checkpoint, Classified, EventLog
from opsroom_common.log.skips import Skips, read_skip
from opsroom_common.postgres.checkpoint import checkpoint_of
from opsroom_common.postgres.pool import Pool, Row
from opsroom_common.postgres.sql import statements
from opsroom_domain.ids import EntityId
from projector.batch_items import Skipped, read_knowing
from projector.batch_rows import EntityRow, FenceRow, ParkedRow, SkipRow, TextRow, TimelineRow, VersionRow
from projector.fold_batch import fold_batch
from projector.known import Absent, Known

_SQL = statements("projector.sql", "verify.sql")
_JSON = frozenset({"state", "memory", "tags", "diff", "terms", "keys"})
_POLL_RECORDS = 2_000
_SILENT_S_MAX = 30.0

_Key: TypeAlias = tuple[str, ...]
_Table: TypeAlias = Mapping[_Key, Mapping[str, str | None]]


class Difference(NamedTuple):
    """One place where a row is not what the log says. ``None``: there is no such row, or the column is empty."""

    table: str
    key: _Key
    column: str
    log: str | None
    row: str | None


async def differences(log: EventLog, pool: Pool, limit: int = 100, *, schema: str = "read") -> list[Difference]:
    """Compare the rows with a fold of the log up to their checkpoints; at most ``limit`` differences, none if all is well.

    ``schema`` is ``read``, which shows the live projection, or the name of any projection.

    Safe beside a running projector. Holds one partition's rows in memory twice. Raises what the log and the pool raise, and RuntimeError if
    the log ends before a checkpoint.
    """
    found: list[Difference] = []
    sql = {name: text.replace("read.", f"{schema}.") for name, text in _SQL.items()}
    async with pool.transaction(isolation="repeatable_read", readonly=True) as snapshot:
        stands = {row["partition"]: row for row in await snapshot.fetch(sql["checkpoints"], log.topic)}
        # All rows first: a transaction that idles while the log is read would be ended.
        stored = {partition: {table: _table(table, await snapshot.fetch(sql[table], partition)) for table in _KEYS} for partition in stands}
    for partition, stand in stands.items():
        checkpoint = checkpoint_of(stand)
        folded = await _fold_log(log, partition, checkpoint)
        if folded.checkpoint != checkpoint:
            found.append(Difference("checkpoints", (str(partition),), "term", str(folded.checkpoint), str(checkpoint)))
        for table, rows in folded.tables().items():
            found.extend(_compare(table, rows, stored[partition][table]))
        if len(found) >= limit:
            break
    return found[:limit]


_KEYS: Mapping[str, tuple[str, ...]] = {
    "entities": ("id",),
    "texts": ("id",),
    "versions": ("id", "version"),
    "timeline": ("id", "version"),
    "fences": ("offset",),
    "parked": ("entity_id",),
    "skips": ("offset",),
    "passed": ("entity_id",),
}


@dataclass(slots=True)
class _FoldedLog:
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    known: dict[EntityId, Known] = field(default_factory=dict[EntityId, Known])
    entities: dict[str, EntityRow] = field(default_factory=dict[str, EntityRow])
    texts: dict[str, TextRow] = field(default_factory=dict[str, TextRow])
    versions: dict[tuple[str, int], VersionRow] = field(default_factory=dict[tuple[str, int], VersionRow])
    timeline: list[TimelineRow] = field(default_factory=list[TimelineRow])
    fences: list[FenceRow] = field(default_factory=list[FenceRow])
    parked: dict[str, ParkedRow] = field(default_factory=dict[str, ParkedRow])

    skips: dict[int, SkipRow] = field(default_factory=dict[int, SkipRow])
    passed: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, log: EventLog, records: Sequence[Classified], skips: Skips) -> None:
        items = [item for item in read_knowing(records, log.partition_of, skips) if not isinstance(item, Skipped)]
        for item in items:
            if not isinstance(item, Fence):
                self.known.setdefault(item.entity_id, Absent())
        folded = fold_batch(self.known, items)
        self.known.update(folded.known)
        self.entities.update({row.id: row for row in folded.entities})
        self.texts.update({row.id: row for row in folded.texts})
        for closed in folded.closed:
            key = (closed.id, closed.version)
            self.versions[key] = self.versions[key]._replace(valid_to=closed.valid_to)
        self.versions.update({(row.id, row.version): row for row in folded.versions})
        self.timeline.extend(folded.timeline)
        self.fences.extend(folded.fences)
        for row in folded.parked:
            before = self.parked.get(row.entity_id)
            self.parked[row.entity_id] = row if before is None else before._replace(behind=before.behind + row.behind)
        self.skips.update({row.offset: row for row in folded.skips})
        self.passed.update({str(entity_id): versions for entity_id, versions in folded.passed.items()})
        self.checkpoint = records[-1].after

    def tables(self) -> Mapping[str, _Table]:
        return {
            "entities": _table("entities", [row._asdict() for row in self.entities.values()]),
            "texts": _table("texts", [row._asdict() for row in self.texts.values()]),
            "versions": _table("versions", [row._asdict() for row in self.versions.values()]),
            "timeline": _table("timeline", [row._asdict() for row in self.timeline]),
            "fences": _table("fences", [row._asdict() for row in self.fences]),
            "parked": _table("parked", [row._asdict() for row in self.parked.values()]),
            "skips": _table("skips", [row._asdict() for row in self.skips.values()]),
            "passed": _table("passed", [{"entity_id": entity_id, "versions": n} for entity_id, n in self.passed.items()]),
        }


async def _fold_log(log: EventLog, partition: int, until: Checkpoint) -> _FoldedLog:
    """Twice over the log: first for the skips, which say what does not count (R10), then for everything."""
    skips, folded = Skips(), _FoldedLog()
    async for records in _read(log, partition, until):
        for each in records:
            if (skip := read_skip(each)) is not None:
                skips.add(skip)
    async for records in _read(log, partition, until):
        folded.add(log, records, skips)
    return folded


async def _read(log: EventLog, partition: int, until: Checkpoint) -> AsyncGenerator[Sequence[Classified]]:
    reader = await log.reader({partition: Checkpoint()})
    try:
        while reader.position(partition).offset < until.offset:
            async with asyncio.timeout(_SILENT_S_MAX):
                batch = (await reader.poll(_POLL_RECORDS, 1.0)).get(partition, ())
            wanted = [classified for classified in batch if classified.record.offset < until.offset]
            if wanted:
                yield wanted
            elif batch or await log.end_offset(partition) < until.offset:
                raise RuntimeError(f"{log.topic}-{partition} ends before the rows' checkpoint {until.offset}: it is another log")
    finally:
        await reader.close()


def _table(table: str, rows: Sequence[Row]) -> _Table:
    texts = [{name: _text(name, value) for name, value in row.items()} for row in rows]
    return {tuple(str(text[part]) for part in _KEYS[table]): text for text in texts}


def _text(column: str, value: object) -> str | None:
    """Canonical: equal values give equal text. jsonb keeps no order of keys, so both sides are parsed and written with sorted ones."""
    if value is None:
        return None
    if column in _JSON:
        parsed = orjson.loads(value) if isinstance(value, str) else value
        return orjson.dumps(parsed, option=orjson.OPT_SORT_KEYS).decode()
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return str(value)


def _compare(table: str, log: _Table, rows: _Table) -> list[Difference]:
    found: list[Difference] = []
    for key in sorted(log.keys() | rows.keys()):
        expected, row = log.get(key), rows.get(key)
        if expected is None or row is None:
            found.append(Difference(table, key, "*", None if expected is None else "a row", None if row is None else "a row"))
            continue
        found.extend(
            Difference(table, key, column, expected.get(column), row.get(column))
            for column in sorted(expected.keys() | row.keys())
            if expected.get(column) != row.get(column)
        )
    return found
