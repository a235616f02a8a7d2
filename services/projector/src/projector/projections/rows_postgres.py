"""The rows of one projection in Postgres, by its name: what the live store and the quiet one share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.checkpoint import checkpoint_of
from opsroom_common.postgres.pool import Row, Session
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint
from projector.batch_rows import ClosedRow, EntityRow, FeedRow, FenceRow, ParkedRow, TextRow, TimelineRow, VersionRow, columns
from projector.fold_batch import Folded
from projector.known import Known
from projector.projections.names import statements_for
from projector.store import Part, another_fold, known_of

LIVE = "live_locks"
QUIET = "quiet_locks"
_VERSIONS_LISTED_FROM = VersionRow._fields.index("created_at")


class ProjectionRows:
    """Statements on the schema ``name``. ``session`` is what they run on; it may be changed to a transaction and back."""

    def __init__(self, session: Session, name: str, topic: str, partitions: int) -> None:
        self.session = session
        self.name = name
        self.sql = statements_for("projector.sql", "projector.sql", name)
        batches = statements_for("projector.sql", "project_batch.sql", name)
        self._statements = {locks: batches["project_batch"].replace("{locks}", batches[locks]) for locks in (LIVE, QUIET)}
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

    async def commit(self, locks: str, epoch: int, parts: Sequence[Part], *, feed: bool) -> Row | None:
        """The batches of these partitions under the locks named; None: nothing was written. Raises Rejected, Unavailable."""
        drafts = [(draft.row, part.partition) for part in parts for draft in part.folded.feed] if feed else []
        entities, entities_of = _together(parts, lambda folded: folded.entities)
        versions, versions_of = _together(parts, lambda folded: folded.versions)
        version_columns = columns(VersionRow, versions)
        timeline, timeline_of = _together(parts, lambda folded: folded.timeline)
        fences, fences_of = _together(parts, lambda folded: folded.fences)
        parked, parked_of = _together(parts, lambda folded: folded.parked)
        return await self.session.fetch_one(
            self._statements[locks],
            self._topic, [part.partition for part in parts],
            [part.before.offset for part in parts], [part.before.term for part in parts], [part.before.fence_offset for part in parts],
            fold_fingerprint(),
            [part.after.offset for part in parts], [part.after.term for part in parts], [part.after.fence_offset for part in parts],
            epoch, self.name, len(drafts),
            *columns(EntityRow, entities),
            *columns(ClosedRow, _together(parts, lambda folded: folded.closed)[0]),
            *version_columns[:_VERSIONS_LISTED_FROM],
            *columns(TimelineRow, timeline),
            *columns(FenceRow, fences),
            *columns(ParkedRow, parked),
            *columns(FeedRow, [row for row, _ in drafts]),
            [part.folded.last_time for part in parts],
            *columns(TextRow, _together(parts, lambda folded: folded.texts)[0]),
            entities_of, versions_of, timeline_of, fences_of, parked_of, [partition for _, partition in drafts],
            *version_columns[_VERSIONS_LISTED_FROM:],
        )  # fmt: skip


R = TypeVar("R")


def _together(parts: Sequence[Part], rows: Callable[[Folded], Sequence[R]]) -> tuple[list[R], list[int]]:
    """Rows of all parts, and of which partition each is."""
    found = [(row, part.partition) for part in parts for row in rows(part.folded)]
    return [row for row, _ in found], [partition for _, partition in found]
