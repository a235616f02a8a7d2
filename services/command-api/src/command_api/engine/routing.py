"""Who takes the commands of each partition: the latest record of each in ``ops.control``. For routing only, never for judging."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from opsroom_common.contracts.codec import Undecodable
from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.owners import OWNER_TYPE, Owner, decode_owner, encode_owner
from opsroom_common.log.port import Checkpoint, Classified, EventLog, LogError, Unavailable
from opsroom_common.log.topic import TopicWriter
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.health import Check
from opsroom_common.runtime.ids import Ids
from opsroom_common.runtime.logging import get_logger

SOURCE = "/command-api"
PAUSE_S = 0.5
POLL_RECORDS = 500
POLL_S = 1.0
_log = get_logger("routing")


@dataclass(frozen=True, slots=True)
class Replica:
    """This replica, as the others know it."""

    name: str
    url: str


class Routing:
    """The table, read from ``log`` for as long as ``run`` runs, and this replica's own lines in it, which ``writer`` appends."""

    def __init__(self, log: EventLog, writer: TopicWriter, clock: Clock, ids: Ids, me: Replica) -> None:
        self._log = log
        self._writer = writer
        self._clock = clock
        self._ids = ids
        self._me = me
        self._table: dict[int, Owner] = {}
        self._mine: dict[int, Owner] = {}
        """What this replica serves, and has to stand in the table."""
        self._unsaid: dict[int, Owner] = {}
        """The latest line of each partition that is not appended yet."""
        self._insist_from: dict[int, float] = {}
        """Not before then is a partition's line said once more."""
        self._more = asyncio.Event()
        self._said = asyncio.Event()
        self._said.set()
        self._changed = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._away: str | None = "ops.control is not read yet"

    def owner(self, partition: int) -> Owner | None:
        """The partition's latest line, or None if nobody ever served it."""
        return self._table.get(partition)

    def table(self) -> Mapping[int, Owner]:
        """Every partition's latest line."""
        return dict(self._table)

    def check(self) -> Check:
        """For ``/readyz``: a replica that cannot read the table cannot forward."""
        return Check(ok=self._away is None, reason=self._away or f"{len(self._table)} partitions have an owner")

    def served(self, partition: int, term: str) -> None:
        """Say that this replica serves the partition. Returns at once."""
        self._mine[partition] = self._line(partition, term, serving=True)
        self._say(self._mine[partition])

    def ended(self, partition: int) -> None:
        """The term is over: do not insist on its line any more. Returns at once."""
        self._mine.pop(partition, None)
        unsaid = self._unsaid.get(partition)
        if unsaid is not None and unsaid.serving:
            del self._unsaid[partition]
            if not self._unsaid:
                self._said.set()

    def released(self, partition: int, term: str) -> None:
        """Say that this replica has let the partition go. Returns at once."""
        self._say(self._line(partition, term, serving=False))

    async def said(self, timeout_s: float) -> None:
        """Wait until what there is to say is in the log, at most ``timeout_s``."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._said.wait()

    async def caught_up(self, timeout_s: float) -> bool:
        """Wait until the table was read to its end once. False if it could not be in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._caught_up.wait()
        return self._caught_up.is_set()

    async def change(self, timeout_s: float) -> None:
        """Wait for the next line of anybody, at most ``timeout_s``."""
        changed = self._changed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await changed.wait()

    async def run(self) -> None:
        """Read and write for ever. Whatever fails is tried again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_for_ever())
            group.create_task(self._write_for_ever())

    # -- reading -----------------------------------------------------------------------------------------------------------------

    async def _read_for_ever(self) -> None:
        while True:
            try:
                await self._read()
            except LogError as error:
                if self._away is None:
                    _log.warning("routing cannot be read", reason=str(error))
                self._away = str(error)
                await asyncio.sleep(PAUSE_S)

    async def _read(self) -> None:
        """From the beginning: the topic is compacted, and small."""
        end = await self._log.end_offset(0)
        reader = await self._log.reader({0: Checkpoint()})
        try:
            while True:
                if reader.position(0).offset >= end:
                    self._away = None
                    self._caught_up.set()
                    self._insist()
                for item in (await reader.poll(POLL_RECORDS, POLL_S)).get(0, ()):
                    self._take(item)
        finally:
            await reader.close()

    def _take(self, item: Classified) -> None:
        try:
            line = decode_owner(item.record)
        except Undecodable as error:
            _log.error("a line of ops.control is skipped", offset=item.record.offset, reason=str(error))
            return
        self._table[line.partition] = line
        self._changed.set()
        self._changed = asyncio.Event()

    def _insist(self) -> None:
        """A replica that woke up late may have overwritten our line: say it again, but not in a hurry: both may believe that they are right."""
        now = self._clock.monotonic()
        for partition, mine in self._mine.items():
            if self._table.get(partition) != mine and partition not in self._unsaid and now >= self._insist_from.get(partition, now):
                self._insist_from[partition] = now + PAUSE_S
                self._say(mine)

    # -- writing -----------------------------------------------------------------------------------------------------------------

    def _line(self, partition: int, term: str, *, serving: bool) -> Owner:
        return Owner(partition=partition, owner=self._me.name, url=self._me.url, term=term, serving=serving)

    def _say(self, line: Owner) -> None:
        self._unsaid[line.partition] = line
        self._said.clear()
        self._more.set()

    async def _write_for_ever(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            lines = list(self._unsaid.values())
            try:
                await self._writer.append([encode_owner(self._envelope(line.term), line) for line in lines])
            except Unavailable as error:
                _log.warning("routing cannot be written", reason=str(error))
                await asyncio.sleep(PAUSE_S)
                self._more.set()
                continue
            for line in lines:
                if self._unsaid.get(line.partition) is line:
                    del self._unsaid[line.partition]
            if not self._unsaid:
                self._said.set()

    def _envelope(self, term: str) -> Envelope:
        return Envelope(id=self._ids.uuid7(), type=OWNER_TYPE, source=SOURCE, time=self._clock.now(), term=term)
