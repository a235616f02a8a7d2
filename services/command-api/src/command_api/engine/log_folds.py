"""Entities folded from the log alone: one scan of the partition serves all who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from command_api.engine.recovery import POLL_RECORDS, POLL_S
from opsroom_common.contracts.codec import Undecodable, decode
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity, VersionGap, fold
from opsroom_common.log.port import Checkpoint, Classified, EventLog, RecordClass
from opsroom_domain.ids import EntityId

ENTITIES_A_SCAN = 500
"""So many share a scan; the others wait for the next. Bounds what a scan holds beside the cache."""


class Broken(Exception):
    """A record of the entity cannot be handled; the message says which and why."""


@dataclass(slots=True)
class _Wanted:
    until: int
    future: asyncio.Future[Entity | None]
    entity: Entity | None = None
    broken: str | None = None

    def add(self, item: Classified) -> None:
        if self.broken is not None or item.record.offset >= self.until:
            return
        try:
            record = decode(item.record)
            if not isinstance(record, DomainRecord):
                raise VersionGap("not an event of the entity")
            self.entity = fold(self.entity, record)
        except Exception as error:  # noqa: BLE001 - whatever evolve raises sets the entity aside, never the partition
            text = f"{error}" if isinstance(error, Undecodable | VersionGap) else f"{error!r}"
            self.broken = f"{item.record.partition}:{item.record.offset}: {text}"

    def settle(self) -> None:
        if self.future.done():
            return
        if self.broken is None:
            self.future.set_result(self.entity)
        else:
            self.future.set_exception(Broken(self.broken))


class LogFolds:
    """Folds entities of one partition from the beginning of the log: slow, and needs nothing but the log.

    A scan reads the whole partition up to the largest offset that is wanted, and decodes only what is asked for. So a miss costs one scan,
    and many at once cost one too: however badly the cache thrashes, at most one scan of a partition runs at a time.
    """

    def __init__(self, log: EventLog, partition: int, scanned: Callable[[], None]) -> None:
        self._log = log
        self._partition = partition
        self._scanned = scanned
        self._waiting: dict[EntityId, _Wanted] = {}
        self._task: asyncio.Task[None] | None = None

    async def fold(self, entity_id: EntityId, until: int) -> Entity | None:
        """The entity as of the records below offset ``until``, all of them confirmed. One caller an entity at a time.

        Raises Broken if a record of it cannot be handled, AnotherLog and Unavailable.
        """
        future: asyncio.Future[Entity | None] = asyncio.get_running_loop().create_future()
        self._waiting[entity_id] = _Wanted(until, future)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"scan-{self._partition}")
        return await future

    def close(self) -> None:
        """The term is over: whoever still waits is cancelled."""
        if self._task is not None:
            self._task.cancel()
        for wanted in self._waiting.values():
            wanted.future.cancel()

    async def _run(self) -> None:
        try:
            while self._waiting:
                ids = list(self._waiting)[:ENTITIES_A_SCAN]
                await self._scan({entity_id.encode(): self._waiting.pop(entity_id) for entity_id in ids})
        finally:
            self._task = None

    async def _scan(self, wanted: dict[bytes, _Wanted]) -> None:
        self._scanned()
        try:
            await self._read(wanted, max(each.until for each in wanted.values()))
        except Exception as error:  # noqa: BLE001 - it is the answer to all who wait; the next scan may do better
            for each in wanted.values():
                if not each.future.done():
                    each.future.set_exception(error)
        finally:
            for each in wanted.values():
                each.future.cancel()

    async def _read(self, wanted: dict[bytes, _Wanted], until: int) -> None:
        reader = await self._log.reader({self._partition: Checkpoint()})
        try:
            while reader.position(self._partition).offset < until:
                for item in (await reader.poll(POLL_RECORDS, POLL_S)).get(self._partition, ()):
                    if item.record.key in wanted and item.what is RecordClass.EVENT:
                        wanted[item.record.key].add(item)
        finally:
            await reader.close()
        for each in wanted.values():
            each.settle()
