"""Switches readers and the live projector over to another projection, in one transaction, and back.

The transaction holds the projections' rows (so that nobody writes to one that is not live), then the feed's head (so that the live projector's
commits wait), folds what the new one lacks, begins a new feed epoch, and last of all replaces the views. Reads go on until the views are
replaced, which waits for those that are running. It gives up rather than let anybody wait for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opsroom_common.log.port import AnotherLog, EventLog, LogError
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.postgres.pool import Pool, Session
from opsroom_common.postgres.sql import statements
from opsroom_common.runtime.clock import Clock
from projector.projections import control
from projector.projections.control import Projection, Refused, State
from projector.projections.follower import Follower, following
from projector.projections.install import ours
from projector.projections.names import statements_for, written_for
from projector.projections.quiet_store import BadProjection, QuietStore
from projector.projections.views import show
from projector.session import Stalled
from projector.store import Moved

_SOUND = statements("projector.projections", "sound.sql")
_SQL = statements("projector.projections", "switch.sql")
_NEAR_RECORDS = 200
"""The transaction begins when the projection is no further behind than this."""
_STEP_S = 0.1
_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLimits:
    """``hold_s``: how long the live projector may have to wait. ``within_s``: how long to try, catching up included."""

    hold_s: float = 2.0
    within_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """``held_s``: how long the live projector's commits waited. ``attempts``: how often it was tried."""

    name: str
    before: str
    epoch: int
    held_s: float
    attempts: int


class TooLong(Exception):
    """The transaction was given up, nothing is changed."""


class Switching:
    """One switch. ``told`` hears what goes on."""

    def __init__(self, log: EventLog, pool: Pool, clock: Clock, told: Callable[[str], None], limits: SwitchLimits | None = None) -> None:
        self._log = log
        self._pool = pool
        self._clock = clock
        self._told = told
        self._limits = limits or SwitchLimits()
        self._held_s = 0.0

    async def switch(self, name: str) -> Switched:
        """Make ``name`` the live projection. It must be ready and sound. Raises Refused, TooLong, BadProjection, AnotherLog, Unavailable."""
        return await self._run(name, State.READY)

    async def roll_back(self) -> Switched:
        """Make the one live that was live before. Raises what ``switch`` raises."""
        old = [each for each in await control.projections(self._pool) if each.state is State.OLD]
        if not old:
            raise Refused("there is no old projection to go back to: none was switched, or it was dropped")
        return await self._run(max(old, key=lambda each: each.changed_at).name, State.OLD)

    async def _run(self, name: str, wanted: State) -> Switched:
        deadline_s = self._clock.monotonic() + self._limits.within_s
        attempts, why = 0, "it is too far behind the log"
        while self._clock.monotonic() < deadline_s:
            check(await control.one(self._pool, name), wanted)
            store = QuietStore(self._pool, name, self._log.topic, self._log.partitions)
            try:
                async with following(self._log, store, self._clock) as follower:
                    await self._come_near(follower, deadline_s)
                    attempts += 1
                    before, epoch = await self._attempt(store, follower, wanted)
                return Switched(name=name, before=before, epoch=epoch, held_s=self._held_s, attempts=attempts)
            except AnotherLog:
                raise
            except (Moved, Stalled, Rejected, TooLong, LogError, Unavailable) as error:
                why = str(error)
                self._told(f"tries again: {why}")
                await asyncio.sleep(_PAUSE_S)
        raise TooLong(f"{name} was not switched in within {self._limits.within_s:g} s, and nothing is changed: {why}")

    async def _come_near(self, follower: Follower, deadline_s: float) -> None:
        while (behind := await follower.behind()) > _NEAR_RECORDS:
            self._told(f"catches up: {behind:,} records")
            await follower.step(_STEP_S)
            if self._clock.monotonic() > deadline_s:
                raise TooLong(f"it is {behind:,} records behind the log")

    async def _attempt(self, store: QuietStore, follower: Follower, wanted: State) -> tuple[str, int]:
        """The transaction. Returns which one was live and the new epoch."""
        held_from_s = None
        try:
            async with self._pool.transaction() as transaction:
                await transaction.execute(_SQL["limits"].replace("{idle_ms}", str(int(self._limits.hold_s * 2000))))
                known = {each.name: each for each in await control.locked(transaction)}
                new, old = known[store.name], next(each for each in known.values() if each.state is State.LIVE)
                check(new, wanted)
                await transaction.fetch(_SQL["hold_head"])
                held_from_s = self._clock.monotonic()
                try:
                    async with asyncio.timeout(self._limits.hold_s):
                        epoch = await self._take_over(transaction, store, follower, old)
                except TimeoutError:
                    raise TooLong(
                        f"it lacked more than could be folded in {self._limits.hold_s:g} s, or a reader held a view for so long"
                    ) from None
            return old.name, epoch
        finally:
            if held_from_s is not None:
                self._held_s = self._clock.monotonic() - held_from_s

    async def _take_over(self, transaction: Session, store: QuietStore, follower: Follower, old: Projection) -> int:
        rows = await transaction.fetch(statements_for("projector.sql", "projector.sql", old.name)["checkpoints"], self._log.topic)
        stand: Mapping[int, int] = {row["partition"]: row["offset"] for row in rows}
        with store.within(transaction):
            await follower.reach(stand)
        aside = await transaction.fetch_one(written_for(_SOUND["parked_here_only"], store.name).replace("{other}", old.name))
        if aside is not None:
            place = f"{self._log.topic}-{aside['partition']}:{aside['offset']}"
            raise BadProjection(f"{store.name} cannot handle {aside['entity_id']} at {place}, and {old.name} can: {aside['reason']}")
        await control.change_state(transaction, old.name, [State.LIVE], State.OLD)
        await control.change_state(transaction, store.name, [State.READY, State.OLD], State.LIVE)
        made = await transaction.fetch_one(statements_for("projector.sql", "projector.sql", store.name)["new_epoch"], store.name)
        if made is None:
            raise TooLong("the feed's head was changed meanwhile")
        # The last thing: from here on whoever reads waits for the commit.
        await transaction.execute(_SQL["view_limits"])
        await show(transaction, store.name)
        return int(made["epoch"])


def check(projection: Projection, wanted: State) -> None:
    """Raises Refused, with what to do, if the projection must not be switched in."""
    name = projection.name
    if projection.state is State.LIVE:
        raise Refused(f"{name} is live already")
    if projection.state is not wanted:
        hint = "use rollback" if projection.state is State.OLD else "build it first" if projection.state is State.BUILDING else "drop it"
        raise Refused(f"{name} is {projection.state}: {hint}" + (f" ({projection.error})" if projection.error else ""))
    if not ours(projection):
        raise Refused(f"{name} is of the fold {projection.fold}, which this release cannot continue: switch with the release that built it")
    if wanted is State.READY and projection.sound is None:
        raise Refused(f"{name} was not compared yet: `opsctl projections compare {name}`")
    if wanted is State.READY and not projection.sound:
        raise Refused(f"{name} is not sound ({projection.compared}): it is never switched in; drop it")
