"""The live projection's rows in Postgres: one statement a batch, and the few beside it. Which projection is live is asked at every ``open``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsroom_common.feed.port import FeedEntry
from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.sql import statements
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint
from projector.fold_batch import Folded
from projector.known import Known
from projector.projections import control
from projector.projections.install import begin_anew, install, layout
from projector.projections.rows_postgres import LIVE, ProjectionRows
from projector.store import Moved, Opened, Part, another_fold, another_layout, entries_of, moved

_ASIDE = statements("projector.sql", "aside.sql")
_TRIM = statements("projector.sql", "projector.sql")["trim"]
_TRIM_ROWS_MAX = 20_000


class PostgresStore:
    """``Store`` on the primary."""

    def __init__(self, pool: Pool, topic: str, partitions: int) -> None:
        self._pool = pool
        self._topic = topic
        self._partitions = partitions
        self._opened: ProjectionRows | None = None

    async def install(self) -> None:
        """Make the tables if this version of them is not there. Several projectors may do so at once. Raises Unavailable."""
        await install(self._pool)

    async def open(self) -> Opened:
        """Make sure of a valid feed head and of a checkpoint for each partition, and read them. Raises AnotherFold, Unavailable, Moved."""
        live = await control.live(self._pool)
        if live.fold != fold_fingerprint():
            raise another_fold(live.name, live.fold, fold_fingerprint())
        if live.layout != layout():
            raise another_layout(live.name, live.layout, layout())
        rows = ProjectionRows(self._pool, live.name, self._topic, self._partitions)
        await self._pool.fetch(rows.sql["new_epoch"], live.name)
        await rows.begin()
        found = await self._pool.fetch(rows.sql["open"], self._topic, live.name)
        if not found:
            raise Moved("the feed's head was lost, or another projection became live, while the projector opened it; opening again")
        self._opened = rows
        return Opened(found[0]["epoch"], rows.read_checkpoints(found))

    async def load(self, ids: Sequence[EntityId]) -> Mapping[EntityId, Known]:
        """What the rows say of ``ids``, each with an answer. Raises Unavailable."""
        return await self._rows.load(ids)

    async def commit(self, epoch: int, partition: int, before: Checkpoint, after: Checkpoint, folded: Folded) -> Sequence[FeedEntry]:
        """Write a batch and move the checkpoint from ``before`` to ``after``, all or nothing; return its numbered feed entries.

        Raises Moved (nothing written), Rejected (nothing written; a value that Postgres cannot hold), Unavailable (written or not: open again and see).
        """
        return await self.commit_together(epoch, [Part(partition, before, after, folded)])

    async def commit_together(self, epoch: int, parts: Sequence[Part]) -> Sequence[FeedEntry]:
        """As ``commit``, for the batches of several partitions: all of them or none."""
        row = await self._rows.commit(LIVE, epoch, parts, feed=True)
        if row is None:
            raise moved(parts, self._topic, epoch)
        if any(part.folded.ends_epoch for part in parts):
            return ()
        return entries_of(parts, epoch, row["base"], self._topic, row["at"])

    async def touch(self, epoch: int, positions: Mapping[int, Checkpoint]) -> None:
        """Say that the rows of these partitions, if they still stand there, are current now. Raises Unavailable.

        Raises Moved if the epoch is over: Postgres was started anew, and may have lost commits that this process believes in; or another
        projection was switched in.
        """
        offsets = [at.offset for at in positions.values()]
        rows = self._rows
        row = await self._pool.fetch_one(rows.sql["touch"], self._topic, list(positions), offsets, epoch, rows.name)
        if row is None or not row["holds"]:
            raise Moved(f"the feed epoch {epoch} is over")

    async def place(self, partition: int, offset: int) -> Checkpoint:
        """As the port says. Raises Unavailable."""
        return await self._rows.place(partition, offset)

    async def retries(self, limit: int) -> Sequence[EntityId]:
        """As the port says. Raises Unavailable."""
        return [EntityId(row["entity_id"]) for row in await self._pool.fetch(_ASIDE["retries"], limit)]

    async def retried(self, entity_id: EntityId) -> None:
        """As the port says. Raises Unavailable."""
        await self._pool.fetch(_ASIDE["retried"], entity_id)

    async def trim_feed(self, entries_max: int) -> None:
        """Drop the oldest feed entries beyond ``entries_max``, a bounded number at a time. Raises Unavailable."""
        await self._pool.execute(_TRIM, entries_max, _TRIM_ROWS_MAX)

    async def forget_everything(self) -> None:
        """Empty the live projection and the feed: the next ``open`` starts at 0 with a new epoch. Raises Unavailable."""
        await begin_anew(self._pool)

    async def ping(self) -> None:
        """Raises Unavailable if Postgres does not answer."""
        await self._pool.fetch("SELECT 1")

    @property
    def _rows(self) -> ProjectionRows:
        """Of the last ``open``; before the first one, of whichever was asked for by name."""
        if self._opened is None:
            raise RuntimeError("open the store first; this is a fault of the projector")
        return self._opened
