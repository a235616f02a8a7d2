"""The rows of one projection in Postgres, by its name: what the live store and the quiet one share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.checkpoint import checkpoint_of
from opsroom_common.postgres.pool import Pool, Row, Session
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint
from projector.batch_rows import ClosedRow, EntityRow, FeedRow, FenceRow, ParkedRow, SkipRow, TextRow, TimelineRow, VersionRow, columns
from projector.fold_batch import Folded
from projector.known import Known
from projector.projections.names import statements_for
from projector.store import another_fold, known_of

LIVE = "live_locks"
QUIET = "quiet_locks"


class _Nothing(Exception):
    """The transaction is given up: nothing is written."""


class ProjectionRows:
    """Statements on the schema ``name``. ``session`` is what they run on; it may be changed to a transaction and back."""

    def __init__(self, session: Session, name: str, topic: str, partitions: int) -> None:
        self.session = session
        self.name = name
        self.sql = statements_for("projector.sql", "projector.sql", name)
        self._beside = statements_for("projector.sql", "aside.sql", name)
        self._batches = statements_for("projector.sql", "project_batch.sql", name)
        self._topic = topic
        self._partitions = partitions

    async def begin(self) -> None:
        """Make sure of a checkpoint for each partition."""
        await self.session.execute(self.sql["begin_partitions"], self._topic, self._partitions, fold_fingerprint())

    async def checkpoints(self) -> Mapping[int, Checkpoint]:
        """Where each partition stands. Raises AnotherFold."""
        return self.read_checkpoints(await self.session.fetch(self.sql["checkpoints"], self._topic))

    def read_checkpoints(self, rows: Sequence[Row]) -> Mapping[int, Checkpoint]:
        """Raises AnotherFold if a row is of another fold than this release's."""
        for row in rows:
            if row["fold"] != fold_fingerprint():
                raise another_fold(f"{self._topic}-{row['partition']} in {self.name}", row["fold"], fold_fingerprint())
        return {row["partition"]: checkpoint_of(row) for row in rows if row["partition"] in range(self._partitions)}

    async def load(self, ids: Sequence[EntityId]) -> Mapping[EntityId, Known]:
        rows = await self.session.fetch(self.sql["load_entities"], ids)
        return {EntityId(row["asked"]): known_of(row) for row in rows}

    async def commit(
        self, locks: str, epoch: int, partition: int, before: Checkpoint, after: Checkpoint, folded: Folded, *, feed: Sequence[FeedRow]
    ) -> Row | None:
        """One batch under the locks named; None: nothing was written. Raises Rejected, Unavailable.

        If ``folded`` is not plain it is several statements: in a transaction of their own, or, within one already, to be rolled back with it.
        """
        if folded.plain:
            return await self._batch(self.session, locks, epoch, partition, before, after, folded, feed)
        if not isinstance(self.session, Pool):
            return await self._aside(self.session, locks, epoch, partition, before, after, folded, feed)
        try:
            async with self.session.transaction() as transaction:
                row = await self._aside(transaction, locks, epoch, partition, before, after, folded, feed)
                if row is None:
                    raise _Nothing
                return row
        except _Nothing:
            return None

    async def place(self, partition: int, offset: int) -> Checkpoint:
        """Where a reader may begin at ``offset``: with the last fence before it."""
        row = await self.session.fetch_one(self._beside["place"], partition, offset)
        return Checkpoint(offset) if row is None else Checkpoint(offset, row["term"], row["offset"])

    async def _aside(
        self,
        session: Session,
        locks: str,
        epoch: int,
        partition: int,
        before: Checkpoint,
        after: Checkpoint,
        folded: Folded,
        feed: Sequence[FeedRow],
    ) -> Row | None:
        """The batch with what goes before and beside it. Rare: somebody has skipped or retried, or records of a parked entity come."""
        sql = self._beside
        stand = (self._topic, partition, before.offset, before.term, before.fence_offset, fold_fingerprint())
        if await session.fetch_one(sql["lock_checkpoint"], *stand) is None:
            return None
        waiting = folded.waiting
        if waiting:
            there = await session.fetch(sql["parked_there"], [row.entity_id for row in waiting], [row.offset for row in waiting])
            if len(there) < len(waiting):
                return None
        anew = folded.anew
        if anew is not None:
            gone = await session.fetch(sql["unpark"], anew.entity_id, anew.parked)
            if anew.parked is not None and not gone:
                return None
            if anew.whole:
                await session.fetch(sql["forget_entity"], anew.entity_id)
        row = await self._batch(session, locks, epoch, partition, before, after, folded, feed)
        if row is None:
            return None
        if anew is not None and anew.whole and locks == LIVE:
            await session.fetch(sql["end_epoch"])
        await self.write_beside(session, partition, folded.skips, folded.passed)
        return row

    async def write_beside(self, session: Session, partition: int, skips: Sequence[SkipRow], passed: Mapping[EntityId, int]) -> None:
        """The rows of a batch that nearly no batch has."""
        if skips:
            await session.fetch(self._beside["skips"], partition, *columns(SkipRow, skips))
        if passed:
            await session.fetch(self._beside["passed"], partition, list(passed), list(passed.values()))

    async def _batch(
        self,
        session: Session,
        locks: str,
        epoch: int,
        partition: int,
        before: Checkpoint,
        after: Checkpoint,
        folded: Folded,
        feed: Sequence[FeedRow],
    ) -> Row | None:
        return await session.fetch_one(
            self._batches["project_batch"].replace("{locks}", self._batches[locks]),
            self._topic, partition, before.offset, before.term, before.fence_offset, fold_fingerprint(),
            after.offset, after.term, after.fence_offset, epoch, self.name, len(feed),
            *columns(EntityRow, folded.entities),
            *columns(ClosedRow, folded.closed),
            *columns(VersionRow, folded.versions),
            *columns(TimelineRow, folded.timeline),
            *columns(FenceRow, folded.fences),
            *columns(ParkedRow, folded.parked),
            *columns(FeedRow, feed),
            folded.last_time,
            *columns(TextRow, folded.texts),
        )  # fmt: skip
