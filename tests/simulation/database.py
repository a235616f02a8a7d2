"""Postgres and Redis as processes reach them: over the network, and not always there."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.feed.port import CarrierUnavailable, FeedEntry, FeedSlice, Position
from opsroom_common.log.port import Checkpoint
from opsroom_common.log.state_source import FoundCommand, LoadedRow, ParkedRows, Projected, SourceUnavailable
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.postgres.memory import MemoryFeed, MemoryRowSource, MemoryTables, parsed
from opsroom_common.rows import row_of
from opsroom_domain.ids import CommandId, EntityId
from projector.fold_batch import Folded
from projector.known import Known
from projector.store import Opened, Part
from projector.store_memory import MemoryStore

from .network import Network, at_once

T = TypeVar("T")
Committed = Callable[[int, Checkpoint, Folded], None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one statement says: rows by id, and the feed's position of the same moment."""

    rows: Mapping[str, Mapping[str, Any]]
    tags: Mapping[str, Mapping[str, str]]
    position: Position | None


class RemoteStore:
    """``projector.store.Store`` over the network. ``committed`` is told of every commit at the moment when the server makes it."""

    def __init__(self, network: Network, store: MemoryStore, committed: Committed, refuses: Callable[[], bool]) -> None:
        self._network = network
        self._store = store
        self._committed = committed
        self.refuses = refuses
        """Whether the server refuses bitter notes now."""

    async def install(self) -> None:
        await self._ask(lambda: at_once(self._store.install()))

    async def open(self) -> Opened:
        return await self._ask(lambda: at_once(self._store.open()))

    async def load(self, ids: Sequence[EntityId]) -> Mapping[EntityId, Known]:
        return await self._ask(lambda: at_once(self._store.load(ids)))

    async def commit(self, epoch: int, partition: int, before: Checkpoint, after: Checkpoint, folded: Folded) -> Sequence[FeedEntry]:
        return await self.commit_together(epoch, [Part(partition, before, after, folded)])

    async def commit_together(self, epoch: int, parts: Sequence[Part]) -> Sequence[FeedEntry]:
        def commit() -> Sequence[FeedEntry]:
            if self.refuses() and any("bitter" in row.words for part in parts for row in part.folded.timeline):
                raise Rejected("Postgres: a note is bitter, which this server does not take")
            entries = at_once(self._store.commit_together(epoch, parts))
            for part in parts:
                self._committed(part.partition, part.after, part.folded)
            return entries

        return await self._ask(commit)

    async def touch(self, epoch: int, positions: Mapping[int, Checkpoint]) -> None:
        await self._ask(lambda: at_once(self._store.touch(epoch, positions)))

    async def place(self, partition: int, offset: int) -> Checkpoint:
        return await self._ask(lambda: at_once(self._store.place(partition, offset)))

    async def retries(self, limit: int) -> Sequence[EntityId]:
        return await self._ask(lambda: at_once(self._store.retries(limit)))

    async def retried(self, entity_id: EntityId) -> None:
        await self._ask(lambda: at_once(self._store.retried(entity_id)))

    async def trim_feed(self, entries_max: int) -> None:
        await self._ask(lambda: at_once(self._store.trim_feed(entries_max)))

    async def forget_everything(self) -> None:
        await self._ask(lambda: at_once(self._store.forget_everything()))

    async def _ask(self, what: Callable[[], T]) -> T:
        return await self._network.call(what, Unavailable)


class RemoteSource:
    """``StateSource`` over the network."""

    def __init__(self, network: Network, tables: MemoryTables, topic: str) -> None:
        self._network = network
        self._source = MemoryRowSource(tables, topic)

    async def checkpoint(self, partition: int) -> Projected | None:
        return await self._network.call(lambda: at_once(self._source.checkpoint(partition)), SourceUnavailable)

    async def load(self, partition: int, entity_id: EntityId) -> LoadedRow | None:
        return await self._network.call(lambda: at_once(self._source.load(partition, entity_id)), SourceUnavailable)

    async def find_command(self, partition: int, entity_id: EntityId, command_id: CommandId) -> FoundCommand | None:
        return await self._network.call(lambda: at_once(self._source.find_command(partition, entity_id, command_id)), SourceUnavailable)

    async def parked_rows(self, partition: int, limit: int) -> ParkedRows | None:
        return await self._network.call(lambda: at_once(self._source.parked_rows(partition, limit)), SourceUnavailable)


class RemoteFeed:
    """``FeedTable`` over the network."""

    def __init__(self, network: Network, tables: MemoryTables) -> None:
        self._network = network
        self._feed = MemoryFeed(tables)

    async def head(self) -> Position | None:
        return await self._network.call(lambda: at_once(self._feed.head()), Unavailable)

    async def read(self, after: int, limit: int) -> FeedSlice | None:
        return await self._network.call(lambda: at_once(self._feed.read(after, limit)), Unavailable)


class RemoteCarrier:
    """``FeedCarrier`` over the network: it forgets entries, and says nothing of it."""

    def __init__(self, network: Network, carrier: MemoryFeedCarrier, chance: random.Random) -> None:
        self._network = network
        self._carrier = carrier
        self._chance = chance

    async def publish(self, entries: Sequence[FeedEntry]) -> None:
        kept = [entry for entry in entries if self._chance.random() >= self._network.trouble * 2]
        await self._network.call(lambda: at_once(self._carrier.publish(kept)), CarrierUnavailable)

    async def read(self, after: Position, timeout_s: float) -> Sequence[FeedEntry]:
        await self._network.pause()
        return await self._carrier.read(after, timeout_s)

    async def close(self) -> None:
        return


def snapshot(tables: MemoryTables) -> Snapshot:
    """The read door's statement: all rows and the feed's position, of one moment. Raises Unavailable."""
    tables.reach()
    head = tables.valid_head()
    rows: dict[str, Mapping[str, Any]] = {}
    tags: dict[str, Mapping[str, str]] = {}
    for entity_id, row in tables.tables["entities"].items():
        rows[entity_id] = shown(row)
        tags[entity_id] = orjson.loads(row["tags"])
    return Snapshot(rows, tags, None if head is None else Position(head.epoch, head.n))


def shown(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row as every door shows it."""
    found = parsed(row)
    return row_of(
        found["state"],
        entity_id=found["id"],
        kind=found["kind"],
        version=found["version"],
        created_at=found["created_at"],
        updated_at=found["updated_at"],
        updated_by=found["updated_by"],
    )
