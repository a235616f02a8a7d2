"""Builds a projection beside the live one: loads the log with COPY, makes the indexes, catches up.

Every step is committed with what says that it is done, so that a build which was killed anywhere goes on by being started again. Readers and
the live projector notice nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from opsroom_common.log.port import AnotherLog, EventLog, LogError
from opsroom_common.postgres.errors import Unavailable
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.clock import Clock
from projector.projections import control
from projector.projections.claim import claimed
from projector.projections.control import Phase, Projection, State
from projector.projections.follower import following
from projector.projections.install import digest, install, layout, make_next, ours
from projector.projections.load import LoadLimits, PartitionLoad, close_load
from projector.projections.progress import Meter, Told
from projector.projections.quiet_store import BadProjection, QuietStore, Switched
from projector.session import Stalled
from projector.store import Moved

REST_RECORDS = 20_000
"""The log grows while it is loaded. A rest of no more than this is left to the statements that the live projector uses, too."""
READY_RECORDS = 1_000
"""A projection is ready when it is no further behind than this."""
GIVE_UP_S = 120.0
_BACK_OFF_S = 1.0
_FOLLOW_S = 0.5


class BuildFailed(Exception):
    """The projection's code cannot make the rows; it is marked as failed."""


class Interrupted(Exception):
    """A server was away for too long. What is built stays; start the build again."""


class Build:
    """One build by this process. ``told`` hears of every step."""

    def __init__(self, log: EventLog, pool: Pool, clock: Clock, told: Told, limits: LoadLimits | None = None) -> None:
        self._log = log
        self._pool = pool
        self._clock = clock
        self._told = told
        self._limits = limits or LoadLimits()

    async def run(self, *, follow: bool = False) -> Projection:
        """Build until the projection is ready, or, with ``follow``, on and on until it is switched in or somebody cancels.

        Goes on with one that this release began, else begins the next. Raises Refused if another process builds it, BuildFailed, Interrupted,
        AnotherLog.
        """
        await install(self._pool)
        name = (await self._unfinished() or await make_next(self._pool)).name
        async with claimed(self._pool, name):
            meter = Meter(name, self._clock, self._told)
            try:
                await self._patiently(name, meter, follow=follow)
            except Switched as ended:
                meter.tell(str(ended))
            except (control.Refused, Interrupted):
                raise
            except (BadProjection, AnotherLog) as error:
                await self._fail(name, str(error), error)
            except Exception as error:  # noqa: BLE001 -- whatever its code raises, such a projection must never be switched in
                await self._fail(name, f"{type(error).__name__}: {error}", error)
        return await control.one(self._pool, name)

    async def _unfinished(self) -> Projection | None:
        """The newest that this release, as it is, began and that is neither live nor failed."""
        found = [
            each
            for each in await control.projections(self._pool)
            if each.state in {State.BUILDING, State.READY}
            and ours(each)
            and each.layout == layout()
            and each.script == digest("projection")
        ]
        return found[-1] if found else None

    async def _fail(self, name: str, words: str, error: Exception) -> None:
        await control.fail(self._pool, name, words)
        raise BuildFailed(
            f"{words}; {name} is marked as failed and the live projection is as it was: mend the code, drop {name}"
        ) from error

    async def _patiently(self, name: str, meter: Meter, *, follow: bool) -> None:
        """Wait for servers that are away, but not for ever. Any progress begins the wait anew."""
        lost_s = None
        stood: Mapping[int, int] = {}
        while True:
            try:
                await self._build(name, meter, follow=follow)
                return
            except AnotherLog:
                raise
            except (Unavailable, LogError, Moved, Stalled) as error:
                now_s = self._clock.monotonic()
                if lost_s is None or meter.at != stood:
                    lost_s, stood = now_s, dict(meter.at)
                if now_s - lost_s > GIVE_UP_S:
                    raise Interrupted(f"{error}; {name} stays as far as it is: start the build again when that is mended") from error
                meter.tell(f"waits: {error}")
                await asyncio.sleep(_BACK_OFF_S)

    async def _build(self, name: str, meter: Meter, *, follow: bool) -> None:
        store = QuietStore(self._pool, name, self._log.topic, self._log.partitions)
        projection = await control.one(self._pool, name)
        if projection.phase is Phase.LOAD:
            await self._load(store, meter)
            await self._close_load(name, meter)
        projection = await control.one(self._pool, name)
        if projection.phase is Phase.INDEX:
            await self._index(projection, meter)
        await self._catch_up(store, meter, follow=follow)

    async def _load(self, store: QuietStore, meter: Meter) -> None:
        """Partitions beside each other: while one waits for Postgres another is folded."""
        while True:
            opened = await store.open()
            at = {partition: checkpoint.offset for partition, checkpoint in opened.checkpoints.items()}
            ends = await self._ends(at)
            meter.begin("loads", at, ends)
            at_once = asyncio.Semaphore(self._limits.partitions)

            async def load(partition: int, until: int) -> None:
                async with at_once:  # noqa: B023 -- awaited before the next round
                    part = PartitionLoad(self._log, self._pool, store, partition, self._limits, meter.loaded)
                    await part.run(opened.checkpoints[partition], until)  # noqa: B023

            tasks = [asyncio.create_task(load(partition, until)) for partition, until in ends.items()]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            if sum((await self._ends(at)).values()) - sum(ends.values()) <= REST_RECORDS:
                return

    async def _ends(self, at: Mapping[int, int]) -> Mapping[int, int]:
        return {partition: max(offset, await self._log.end_offset(partition)) for partition, offset in at.items()}

    async def _close_load(self, name: str, meter: Meter) -> None:
        meter.begin("writes the versions that are valid now", meter.at, meter.ends)
        async with self._pool.transaction() as transaction:
            await control.enter_phase(transaction, name, Phase.INDEX)
            await close_load(transaction, name)

    async def _index(self, projection: Projection, meter: Meter) -> None:
        total = len(projection.after_load)
        for number, ddl in enumerate(projection.after_load, start=1):
            meter.begin(f"makes index {number} of {total}", meter.at, meter.ends)
            async with self._pool.transaction() as transaction:
                await transaction.execute("SET LOCAL maintenance_work_mem = '256MB'")
                await transaction.execute(ddl)
                await control.built_first(transaction, projection.name)
        for table in await control.tables_of(self._pool, projection.name):
            meter.begin(f"analyses {table}", meter.at, meter.ends)
            await self._pool.execute(f'VACUUM (ANALYZE) {projection.name}."{table}"')
        await control.enter_phase(self._pool, projection.name, Phase.DONE)

    async def _catch_up(self, store: QuietStore, meter: Meter, *, follow: bool) -> None:
        async with following(self._log, store, self._clock) as follower:
            meter.begin("catches up", follower.positions, await self._ends(follower.positions))
            while True:
                records = await follower.step(_FOLLOW_S)
                meter.ends = dict(await self._ends(follower.positions))
                meter.followed(follower.positions, records)
                if await follower.behind() <= READY_RECORDS:
                    await control.change_state(self._pool, store.name, [State.BUILDING], State.READY)
                    meter.doing = "follows" if follow else "is ready"
                    if not follow:
                        meter.tell()
                        return
                await follower.touch()
