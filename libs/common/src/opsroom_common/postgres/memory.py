"""The projector's tables in memory, with Postgres' manners: for tests and the simulation.

One commit changes all of its rows or none. The newest commits can be lost by a crash, the last ones first, as ``synchronous_commit = off`` allows;
``feed.head`` and ``feed.entries`` are UNLOGGED and do not survive one. Nothing here waits; whoever uses it over a network adds the waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from opsroom_common.feed.port import FeedEntry, FeedSlice, Position
from opsroom_common.log.entity import Applied
from opsroom_common.log.state_source import FoundCommand, LoadedRow, ParkedRows, Projected, SourceUnavailable
from opsroom_common.postgres.entity_row import entity_of
from opsroom_common.postgres.errors import NotInstalled, Unavailable
from opsroom_domain.ids import CommandId, EntityId, Version
from opsroom_domain.registry import fold_fingerprint

MemoryRow: TypeAlias = Mapping[str, Any]
_NOTHING: MemoryRow = {}


@dataclass(frozen=True, slots=True)
class Head:
    """The row of ``feed.head``. It counts only in the run of the server that made it."""

    epoch: int
    n: int
    run: int
    projection: str


class MemoryTables:
    """One database with the projection's tables. Bounded by memory only."""

    def __init__(self) -> None:
        self.installed = False
        self.away = False
        """True: nobody can connect."""
        self.run = 1
        """Counts the starts of the server (``pg_postmaster_start_time``)."""
        self.tables: dict[str, dict[Any, MemoryRow]] = {
            name: {}
            for name in (
                "checkpoints",
                "entities",
                "texts",
                "versions",
                "timeline",
                "fences",
                "parked",
                "passed",
                "skips",
                "retries",
                "last_epoch",
            )
        }
        self.head: Head | None = None
        self.entries: list[FeedEntry] = []
        self._commits: list[list[tuple[str, Any, MemoryRow | None]]] = []
        """What each commit that is not durable yet replaced, oldest first."""
        self._open: list[tuple[str, Any, MemoryRow | None]] = []

    def reach(self) -> None:
        """Raises Unavailable, or NotInstalled before the projector has made the tables."""
        if self.away:
            raise Unavailable("Postgres: cannot connect")
        if not self.installed:
            raise NotInstalled("the read model has no tables yet; start the projector")

    def get(self, table: str, key: Any) -> MemoryRow | None:
        return self.tables[table].get(key)

    def put(self, table: str, key: Any, row: MemoryRow) -> None:
        """Insert or replace a row, as part of the commit at hand."""
        rows = self.tables[table]
        self._open.append((table, key, rows.get(key)))
        rows[key] = row

    def drop(self, table: str, key: Any) -> None:
        """Delete a row if it is there, as part of the commit at hand."""
        rows = self.tables[table]
        if key in rows:
            self._open.append((table, key, rows.pop(key)))

    def clear(self, table: str) -> None:
        """Delete all rows, as part of the commit at hand."""
        self._open.extend((table, key, row) for key, row in self.tables[table].items())
        self.tables[table] = {}

    def commit(self, *, durable: bool = False) -> None:
        """End the transaction. A durable one takes with it all that were committed before."""
        self._commits.append(self._open)
        self._open = []
        if durable:
            self._commits.clear()

    def roll_back(self) -> None:
        """End the transaction as if it had not been."""
        self._undo(self._open)
        self._open = []

    @property
    def losable(self) -> int:
        """How many commits a crash could lose now."""
        return len(self._commits)

    def crash(self, lose: int) -> None:
        """Kill -9, and a new start: the last ``lose`` commits that were not durable are gone, and so is the feed."""
        for _ in range(min(lose, len(self._commits))):
            self._undo(self._commits.pop())
        self._commits.clear()
        self.head = None
        self.entries = []
        self.run += 1

    def restart(self) -> None:
        """A clean stop and a new start: nothing is lost, but the feed's head belongs to another run."""
        self._commits.clear()
        self.run += 1

    def _undo(self, changes: list[tuple[str, Any, MemoryRow | None]]) -> None:
        for table, key, before in reversed(changes):
            if before is None:
                self.tables[table].pop(key, None)
            else:
                self.tables[table][key] = before

    def valid_head(self) -> Head | None:
        """The head, if this run of the server made it."""
        return self.head if self.head is not None and self.head.run == self.run else None

    def checkpoint(self, topic: str, partition: int) -> Projected | None:
        row = self.get("checkpoints", (topic, partition))
        return None if row is None else Projected(row["at"], row["fold"], row["last_time"])


class MemoryRowSource:
    """``StateSource`` on the tables: what ``RowSource`` asks of Postgres."""

    def __init__(self, tables: MemoryTables, topic: str) -> None:
        self._tables = tables
        self._topic = topic

    async def checkpoint(self, partition: int) -> Projected | None:
        return self._at(partition)

    async def load(self, partition: int, entity_id: EntityId) -> LoadedRow | None:
        found = self._at(partition)
        if found is None:
            return None
        at, fold, _ = found
        row = self._tables.get("entities", entity_id) if fold == fold_fingerprint() else None
        entity = None if row is None else entity_of(parsed(row))
        aside = self._tables.get("parked", entity_id) or _NOTHING
        passed = (self._tables.get("passed", entity_id) or _NOTHING).get("versions", 0)
        return LoadedRow(
            checkpoint=at, fold=fold, parked=aside.get("reason"), entity=entity, parked_at=aside.get("offset"), passed=passed
        )  # fmt: skip

    async def parked_rows(self, partition: int, limit: int) -> ParkedRows | None:
        found = self._at(partition)
        if found is None:
            return None
        rows = [row for row in self._tables.tables["parked"].values() if row["partition"] == partition]
        entities = {EntityId(row["entity_id"]): (row["offset"], row["reason"]) for row in rows[:limit]}
        return ParkedRows(checkpoint=found[0], fold=found[1], entities=entities)

    async def find_command(self, partition: int, entity_id: EntityId, command_id: CommandId) -> FoundCommand | None:
        found = self._at(partition)
        if found is None:
            return None
        rows = [
            row for (owner, _), row in self._tables.tables["versions"].items() if owner == entity_id and row["command_id"] == command_id
        ]
        known = [Applied(command_id, row["body_hash"], Version(row["version"]), row["offset"]) for row in rows]
        for row in self._tables.tables["skips"].values():
            version = Version(row["version"])
            if (row["entity_id"], row["command_id"]) == (entity_id, command_id):
                known.append(Applied(command_id, row["body_hash"], version, row["offset"]))
            if (row["entity_id"], row["skipped_command"]) == (entity_id, command_id):
                known.append(Applied(command_id, row["skipped_hash"], version, row["skipped"]))
        applied = max(known, key=lambda found: found.version, default=None)
        return FoundCommand(checkpoint=found[0], parked=self._parked(entity_id), applied=applied)

    def _at(self, partition: int) -> Projected | None:
        try:
            self._tables.reach()
        except Unavailable as error:
            raise SourceUnavailable(str(error)) from error
        return self._tables.checkpoint(self._topic, partition)

    def _parked(self, entity_id: EntityId) -> str | None:
        return (self._tables.get("parked", entity_id) or _NOTHING).get("reason")


class MemoryFeed:
    """``FeedTable`` on the tables: what ``PostgresFeedTable`` asks of Postgres."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def head(self) -> Position | None:
        self._tables.reach()
        head = self._tables.valid_head()
        return None if head is None else Position(head.epoch, head.n)

    async def read(self, after: int, limit: int) -> FeedSlice | None:
        head = await self.head()
        if head is None:
            return None
        entries = self._tables.entries
        floor = entries[0].position.n if entries else head.n + 1
        return FeedSlice(head=head, floor=floor, entries=entries[max(0, after + 1 - floor) :][:limit])


def parsed(row: MemoryRow) -> MemoryRow:
    """A row of ``entities`` as Postgres hands it over: its jsonb columns are parsed."""
    return {**row, "state": orjson.loads(row["state"]), "memory": orjson.loads(row["memory"])}
