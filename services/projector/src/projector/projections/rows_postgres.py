"""The rows of one projection in Postgres, by its name: what the live store and the quiet one share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.checkpoint import checkpoint_of
from opsroom_common.postgres.pool import Row, Session
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint
from projector.batch_rows import ClosedRow, EntityRow, FeedRow, FenceRow, ParkedRow, TextRow, TimelineRow, VersionRow, columns
from projector.fold_batch import Folded
from projector.known import Known
from projector.projections.names import statements_for
from projector.store import another_fold, known_of

LIVE = "live_locks"
QUIET = "quiet_locks"
_VERSIONS_LISTED_FROM = VersionRow._fields.index("created_at")


class ProjectionRows:
    """Statements on the schema ``name``. ``session`` is what they run on; it may be changed to a transaction and back."""

    def __init__(self, session: Session, name: str, topic: str, partitions: int) -> None:
        self.session = session
        self.name = name
        self.sql = statements_for("projector.sql", "projector.sql", name)
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
        """One batch under the locks named; None: nothing was written. Raises Rejected, Unavailable."""
        versions = columns(VersionRow, folded.versions)
        return await self.session.fetch_one(
            self._batches["project_batch"].replace("{locks}", self._batches[locks]),
            self._topic, partition, before.offset, before.term, before.fence_offset, fold_fingerprint(),
            after.offset, after.term, after.fence_offset, epoch, self.name, len(feed),
            *columns(EntityRow, folded.entities),
            *columns(ClosedRow, folded.closed),
            *versions[:_VERSIONS_LISTED_FROM],
            *columns(TimelineRow, folded.timeline),
            *columns(FenceRow, folded.fences),
            *columns(ParkedRow, folded.parked),
            *columns(FeedRow, feed),
            folded.last_time,
            *columns(TextRow, folded.texts),
            *versions[_VERSIONS_LISTED_FROM:],
        )  # fmt: skip
