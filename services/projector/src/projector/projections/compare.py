"""Whether a projection's rows may be trusted: beside the live one where both are of one fold, else beside a fold of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opsroom_common.log.port import EventLog
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.sql import statements
from opsroom_common.runtime.clock import Clock
from projector.projections import control
from projector.projections.claim import claimed
from projector.projections.control import Projection, Refused, State
from projector.projections.follower import Follower, following
from projector.projections.hashes import Hash, compared_columns, differing, hashes
from projector.projections.install import ours
from projector.projections.names import written_for
from projector.projections.quiet_store import QuietStore
from projector.projections.views import shared_columns
from projector.verify import differences

_STAND = statements("projector.projections", "sound.sql")["stand"]
_LIVE_WITHIN_S = 30.0
_PAUSE_S = 0.1
_SHOWN_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared with what, and what was found."""

    name: str
    live: str
    sound: bool
    how: str
    """In words: with the live rows, or with the log, and why."""
    checkpoints: Mapping[int, int]
    """Where both stood, by partition; empty if only the log was compared with."""
    rows: Mapping[str, int]
    """Rows compared, by table."""
    found: Sequence[str]
    """The first differences, in words."""
    not_compared: Sequence[str]
    """Columns that the live projection lacks, or has more."""

    def words(self) -> str:
        if self.sound:
            return f"{sum(self.rows.values()):,} rows are {self.how}"
        return f"not {self.how}: " + "; ".join(self.found)


class Comparing:
    """One comparison. ``told`` hears what goes on."""

    def __init__(self, log: EventLog, pool: Pool, clock: Clock, told: Callable[[str], None]) -> None:
        self._log = log
        self._pool = pool
        self._clock = clock
        self._told = told

    async def run(self, name: str) -> Comparison:
        """Compare ``name`` and note what was found: only what is sound may be switched in. Raises Refused, log.port.LogError, Unavailable."""
        projection, live = await control.one(self._pool, name), await control.live(self._pool)
        if projection.state not in {State.READY, State.OLD}:
            raise Refused(f"{name} is {projection.state}; what can be compared is ready or old: see `opsctl projections list`")
        if not ours(projection):
            raise Refused(f"{name} is of the fold {projection.fold}, this is another release: compare with the release that built it")
        async with claimed(self._pool, name):
            comparison = await self._compare(projection, live)
            await control.note_comparison(self._pool, name, comparison.words(), sound=comparison.sound)
        return comparison

    async def _compare(self, projection: Projection, live: Projection) -> Comparison:
        columns, unshared = await self._columns(projection.name, live.name)
        same_fold = projection.fold == live.fold
        found: list[str] = []
        at: dict[int, int] = {}
        counts: Mapping[str, int] = {}
        store = QuietStore(self._pool, projection.name, self._log.topic, self._log.partitions)
        if same_fold:
            async with following(self._log, store, self._clock) as follower:
                for partition in range(self._log.partitions):
                    self._told(f"compares partition {partition + 1} of {self._log.partitions} with {live.name}")
                    at[partition], rows, differs = await self._partition(follower, projection.name, live.name, partition, columns)
                    found += differs
                    counts = {table: counts.get(table, 0) + hashed.rows for table, hashed in rows.items()}
        how = f"the same as those of {live.name}, at one checkpoint in each partition"
        if not same_fold or unshared:
            self._told("folds the log in memory and compares every row with it")
            found += [
                f"{each.table} {'/'.join(each.key)} {each.column}: the log gives {each.log}, the row has {each.row}"
                for each in await differences(self._log, self._pool, _SHOWN_MAX, schema=projection.name)
            ]
            counts = counts or await self._counts(projection.name, columns)
            why = f"columns differ from {live.name}'s" if same_fold else f"{live.name} is of another fold, so its rows differ by intent"
            with_log = f"what the log gives under this release's code ({why})"
            how = f"{how}, and {with_log}" if same_fold else with_log
        return Comparison(
            name=projection.name, live=live.name, sound=not found, how=how, checkpoints=at, rows=counts, found=found[:_SHOWN_MAX],
            not_compared=unshared,
        )  # fmt: skip

    async def _columns(self, name: str, live: str) -> tuple[Mapping[str, Sequence[str]], Sequence[str]]:
        """The columns to be compared, by table; and those that only one side has."""
        columns: dict[str, Sequence[str]] = {}
        unshared: list[str] = []
        for table, (both, either) in (await shared_columns(self._pool, name, live)).items():
            unshared += [f"{table}.{column}" for column in either]
            if "partition" in both or "id" in both:
                columns[table] = compared_columns(table, both)
        return columns, unshared

    async def _partition(
        self, follower: Follower, name: str, live: str, partition: int, columns: Mapping[str, Sequence[str]]
    ) -> tuple[int, Mapping[str, Hash], Sequence[str]]:
        """Bring the projection exactly to where the live one stands in one snapshot, and compare the partition's rows."""
        at, expected = await self._live_rows(follower, live, partition, columns)
        await follower.reach({partition: at})
        rows = await hashes(self._pool, name, partition, columns)
        differs = [
            f"partition {partition} at {at}: {table} has {rows[table].rows:,} rows, {live} has {expected[table].rows:,}"
            + ("" if rows[table].rows != expected[table].rows else ", and they differ")
            for table in columns
            if rows[table] != expected[table]
        ]
        if differs:
            differs += await differing(self._pool, live, name, partition, at, columns)
        return at, rows, differs

    async def _live_rows(
        self, follower: Follower, live: str, partition: int, columns: Mapping[str, Sequence[str]]
    ) -> tuple[int, Mapping[str, Hash]]:
        """Raises Refused if the live projection stays behind the other one."""
        deadline_s = self._clock.monotonic() + _LIVE_WITHIN_S
        while True:
            async with self._pool.transaction(isolation="repeatable_read", readonly=True) as snapshot:
                row = await snapshot.fetch_one(written_for(_STAND, live), self._log.topic, partition)
                at = 0 if row is None else int(row["offset"])
                if at >= follower.position(partition):
                    return at, await hashes(snapshot, live, partition, columns)
            if self._clock.monotonic() > deadline_s:
                raise Refused(
                    f"{live} stands at {self._log.topic}-{partition}:{at} and the other one at {follower.position(partition)}: "
                    "start the projector, or wait until it has caught up"
                )
            await asyncio.sleep(_PAUSE_S)

    async def _counts(self, name: str, columns: Mapping[str, Sequence[str]]) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for partition in range(self._log.partitions):
            for table, hashed in (await hashes(self._pool, name, partition, columns)).items():
                found[table] = found.get(table, 0) + hashed.rows
        return found
