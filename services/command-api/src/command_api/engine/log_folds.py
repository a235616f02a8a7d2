"""Entities folded from the log alone: one scan of the partition serves all who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from command_api.engine.recovery import POLL_RECORDS, POLL_S
from opsroom_common.contracts.codec import Undecodable, decode
from opsroom_common.contracts.envelope import DomainRecord, Skip
from opsroom_common.log.entity import Entity, VersionGap, fold
from opsroom_common.log.port import Checkpoint, Classified, EventLog, RecordClass
from opsroom_common.log.skips import Skips, fitting, pass_over, read_skip, take_skip
from opsroom_domain.ids import EntityId

ENTITIES_A_SCAN = 500
"""So many share a scan; the others wait for the next. Bounds what a scan holds beside the cache."""


class Broken(Exception):
    """A record of the entity cannot be handled; the message says which and why. ``version`` is the last good one before it."""

    def __init__(self, message: str, offset: int, version: int, skips: Sequence[Skip]) -> None:
        super().__init__(message)
        self.offset = offset
        self.version = version
        self.skips = skips


@dataclass(frozen=True, slots=True)
class FromLog:
    """An entity as the log says; ``passed`` is how many versions it has without an event. ``skips``: what persons have decided about it."""

    entity: Entity | None
    passed: int
    skips: Sequence[Skip]


@dataclass(slots=True)
class _Wanted:
    until: int
    future: asyncio.Future[FromLog]
    entity: Entity | None = None
    passed: int = 0
    broken: Broken | None = None
    known: Skips = field(default_factory=Skips)
    """The skips that a first scan has found: what they name does not count (R10)."""
    found: list[Skip] = field(default_factory=list[Skip])

    @property
    def version(self) -> int:
        return self.passed if self.entity is None else self.entity.version

    def again(self) -> None:
        """Another scan, which knows the skips that this one has found."""
        self.known = Skips()
        for skip in self.found:
            self.known.add(skip)
        self.entity, self.passed, self.broken, self.found = None, 0, None, []

    def add(self, item: Classified) -> None:
        if item.record.offset >= self.until:
            return
        skip = read_skip(item)
        if skip is not None:
            self.found.append(skip)
            if self.broken is None and self.entity is not None:
                self.entity = take_skip(self.entity, skip)
        elif self.broken is None and not self._passes(item):
            self._fold(item)

    def _passes(self, item: Classified) -> bool:
        skip = fitting(self.known.naming(item.record), self.version)
        if skip is None:
            return False
        if self.entity is None:
            self.passed = skip.version
        else:
            self.entity = pass_over(self.entity, skip)
        return True

    def _fold(self, item: Classified) -> None:
        try:
            record = decode(item.record)
            if not isinstance(record, DomainRecord):
                raise VersionGap("not an event of the entity")
            self.entity = fold(self.entity, record, self.passed)
        except Exception as error:  # noqa: BLE001 - whatever evolve raises sets the entity aside, never the partition
            text = f"{error}" if isinstance(error, Undecodable | VersionGap) else f"{error!r}"
            said = f"{item.record.partition}:{item.record.offset}: {text}"
            self.broken = Broken(said, item.record.offset, self.version, self.found)

    def settle(self) -> None:
        if self.future.done():
            return
        if self.broken is None:
            self.future.set_result(FromLog(self.entity, self.passed, self.found))
        else:
            self.future.set_exception(self.broken)


class LogFolds:
    """Folds entities of one partition from the beginning of the log: slow, and needs nothing but the log.

    A scan reads the whole partition up to the largest offset that is wanted, and decodes only what is asked for. So a miss costs one scan,
    and many at once cost one too: however badly the cache thrashes, at most one scan of a partition runs at a time. Entities of which a record
    was skipped (R10) cost a second one, which knows what does not count.
    """

    def __init__(self, log: EventLog, partition: int, scanned: Callable[[], None]) -> None:
        self._log = log
        self._partition = partition
        self._scanned = scanned
        self._waiting: dict[EntityId, _Wanted] = {}
        self._task: asyncio.Task[None] | None = None

    async def fold(self, entity_id: EntityId, until: int) -> FromLog:
        """The entity as of the records below offset ``until``, all of them confirmed, and perhaps of some more.

        Raises Broken if a record of it cannot be handled, AnotherLog and Unavailable.
        """
        wanted = self._waiting.get(entity_id)
        if wanted is None:
            future: asyncio.Future[FromLog] = asyncio.get_running_loop().create_future()
            future.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever asked may be gone: that is no news
            wanted = self._waiting[entity_id] = _Wanted(until, future)
        wanted.until = max(wanted.until, until)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"scan-{self._partition}")
        return await asyncio.shield(wanted.future)

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
            until = max(each.until for each in wanted.values())
            await self._read(wanted, until)
            again = {key: each for key, each in wanted.items() if each.found}
            for each in again.values():
                each.again()
            if again:
                await self._read(again, until)
            for each in wanted.values():
                each.settle()
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
