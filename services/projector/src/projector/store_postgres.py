"""The projector's rows in Postgres: one statement a batch, and the few beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from opsroom_common.feed.port import FeedEntry, Position
from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.checkpoint import checkpoint_of
from opsroom_common.postgres.pool import Pool
from opsroom_common.postgres.sql import script, statements
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint
from projector.batch_rows import ClosedRow, EntityRow, FeedRow, FenceRow, ParkedRow, TextRow, TimelineRow, VersionRow, columns
from projector.fold_batch import Folded
from projector.known import Known
from projector.store import PROJECTION, Moved, Opened, another_fold, entry_of, known_of

_BATCH = statements("projector.sql", "project_batch.sql")["project_batch"]
_SQL = statements("projector.sql", "projector.sql")
_TRIM_ROWS_MAX = 20_000
_VERSIONS_LISTED_FROM = VersionRow._fields.index("created_at")


class PostgresStore:
    """``Store`` on the primary."""

    def __init__(self, pool: Pool, topic: str, partitions: int) -> None:
        self._pool = pool
        self._topic = topic
        self._partitions = partitions

    async def install(self) -> None:
        """Make the schema if this version of it is not there. Several projectors may do so at once. Raises Unavailable."""
        text = script("projector.sql", "schema.sql")
        digest = sha256(text.encode()).hexdigest()
        async with self._pool.transaction() as transaction:
            await transaction.fetch(_SQL["lock_schema"])
            row = await transaction.fetch_one(_SQL["installed_schema"])
            if row is None or row["installed"] != digest:
                await transaction.execute(text)
                await transaction.execute(f"{_SQL['mark_schema']} '{digest}'")

    async def open(self) -> Opened:
        """Make sure of a valid feed head and of a checkpoint for each partition, and read them. Raises AnotherFold, Unavailable, Moved."""
        await self._pool.fetch(_SQL["new_epoch"], PROJECTION)
        await self._pool.execute(_SQL["begin_partitions"], self._topic, self._partitions, fold_fingerprint())
        rows = await self._pool.fetch(_SQL["open"], self._topic, PROJECTION)
        if not rows:
            raise Moved("the feed's head was lost while the projector opened it; opening again")
        for row in rows:
            if row["fold"] != fold_fingerprint():
                raise another_fold(self._topic, row["partition"], row["fold"], fold_fingerprint())
        wanted = range(self._partitions)
        return Opened(rows[0]["epoch"], {row["partition"]: checkpoint_of(row) for row in rows if row["partition"] in wanted})

    async def load(self, ids: Sequence[EntityId]) -> Mapping[EntityId, Known]:
        """What the rows say of ``ids``, each with an answer. Raises Unavailable."""
        rows = await self._pool.fetch(_SQL["load_entities"], ids)
        return {EntityId(row["asked"]): known_of(row) for row in rows}

    async def commit(self, epoch: int, partition: int, before: Checkpoint, after: Checkpoint, folded: Folded) -> Sequence[FeedEntry]:
        """Write a batch and move the checkpoint from ``before`` to ``after``, all or nothing; return its numbered feed entries.

        Raises Moved (nothing written), Rejected (nothing written; a value that Postgres cannot hold), Unavailable (written or not: open again and see).
        """
        versions = columns(VersionRow, folded.versions)
        row = await self._pool.fetch_one(
            _BATCH,
            self._topic, partition, before.offset, before.term, before.fence_offset, fold_fingerprint(),
            after.offset, after.term, after.fence_offset, epoch, PROJECTION, len(folded.feed),
            *columns(EntityRow, folded.entities),
            *columns(ClosedRow, folded.closed),
            *versions[:_VERSIONS_LISTED_FROM],
            *columns(TimelineRow, folded.timeline),
            *columns(FenceRow, folded.fences),
            *columns(ParkedRow, folded.parked),
            *columns(FeedRow, [draft.row for draft in folded.feed]),
            folded.last_time,
            *columns(TextRow, folded.texts),
            *versions[_VERSIONS_LISTED_FROM:],
        )  # fmt: skip
        if row is None:
            raise Moved(f"{self._topic}-{partition}: the checkpoint is no longer at {before.offset}, or the feed epoch {epoch} is over")
        return [
            entry_of(draft, Position(epoch, row["base"] + number), self._topic, partition, row["at"])
            for number, draft in enumerate(folded.feed, start=1)
        ]

    async def touch(self, epoch: int, positions: Mapping[int, Checkpoint]) -> None:
        """Say that the rows of these partitions, if they still stand there, are current now. Raises Unavailable.

        Raises Moved if the epoch is over: Postgres was started anew, and may have lost commits that this process believes in.
        """
        offsets = [at.offset for at in positions.values()]
        row = await self._pool.fetch_one(_SQL["touch"], self._topic, list(positions), offsets, epoch, PROJECTION)
        if row is None or not row["holds"]:
            raise Moved(f"the feed epoch {epoch} is over")

    async def trim_feed(self, entries_max: int) -> None:
        """Drop the oldest feed entries beyond ``entries_max``, a bounded number at a time. Raises Unavailable."""
        await self._pool.execute(_SQL["trim"], entries_max, _TRIM_ROWS_MAX)

    async def forget_everything(self) -> None:
        """Empty every table of the projection and the feed: the next ``open`` starts at 0 with a new epoch. Raises Unavailable."""
        await self._pool.execute(_SQL["forget_everything"])

    async def ping(self) -> None:
        """Raises Unavailable if Postgres does not answer."""
        await self._pool.fetch("SELECT 1")
