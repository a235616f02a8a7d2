"""The rows of one projection in Postgres, by its name: what the live store and the quiet one share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.checkpoint import checkpoint_of
from opsroom_common.postgres.pool import Pool, Row, Session
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint
from projector.batch_rows import ClosedRow, EntityRow, FeedRow, FenceRow, ParkedRow, SkipRow, TextRow, TimelineRow, VersionRow, columns
from projector.fold_batch import Folded
from projector.known import Known
from projector.projections.names import statements_for
from projector.store import Part, another_fold, known_of

LIVE = "live_locks"
QUIET = "quiet_locks"
_VERSIONS_LISTED_FROM = VersionRow._fields.index("created_at")


class _Nothing(Exception):
    """The transaction is given up: nothing is written."""


class ProjectionRows:
    """Statements on the schema ``name``. ``session`` is what they run on; it may be changed to a transaction and back."""

    def __init__(self, session: Session, name: str, topic: str, partitions: int) -> None:
        self.session = session
        self.name = name
        self.sql = statements_for("projector.sql", "projector.sql", name)
        self._beside = statements_for("projector.sql", "aside.sql", name)
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
        """The batches of these partitions under the locks named; None: nothing was written. Raises Rejected, Unavailable.

        If one is not plain it is several statements: in a transaction of their own, or, within one already, to be rolled back with it.
        """
        if all(part.folded.plain for part in parts):
            return await self._batch(self.session, locks, epoch, parts, feed=feed)
        if not isinstance(self.session, Pool):
            return await self._aside(self.session, locks, epoch, parts, feed=feed)
        try:
            async with self.session.transaction() as transaction:
                row = await self._aside(transaction, locks, epoch, parts, feed=feed)
                if row is None:
                    raise _Nothing
                return row
        except _Nothing:
            return None

    async def place(self, partition: int, offset: int) -> Checkpoint:
        """Where a reader may begin at ``offset``: with the last fence before it."""
        row = await self.session.fetch_one(self._beside["place"], partition, offset)
        return Checkpoint(offset) if row is None else Checkpoint(offset, row["term"], row["offset"])

    async def write_beside(self, session: Session, partition: int, skips: Sequence[SkipRow], passed: Mapping[EntityId, int]) -> None:
        """The rows of a batch that nearly no batch has."""
        if skips:
            await session.fetch(self._beside["skips"], partition, *columns(SkipRow, skips))
        if passed:
            await session.fetch(self._beside["passed"], partition, list(passed), list(passed.values()))

    async def _aside(self, session: Session, locks: str, epoch: int, parts: Sequence[Part], *, feed: bool) -> Row | None:
        """The batches with what goes before and beside them. Rare: somebody has skipped or retried, or records of a parked entity come."""
        for part in parts:
            if not await self._make_room(session, part):
                return None
        row = await self._batch(session, locks, epoch, parts, feed=feed)
        if row is None:
            return None
        if locks == LIVE and any(part.folded.ends_epoch for part in parts):
            await session.fetch(self._beside["end_epoch"])
        for part in parts:
            await self.write_beside(session, part.partition, part.folded.skips, part.folded.passed)
        return row

    async def _make_room(self, session: Session, part: Part) -> bool:
        """Take away what is folded again. False if the checkpoint has moved, or an entity is no longer parked where this fold knows it to be."""
        before, waiting, anew = part.before, part.folded.waiting, part.folded.anew
        stand = (self._topic, part.partition, before.offset, before.term, before.fence_offset, fold_fingerprint())
        if await session.fetch_one(self._beside["lock_checkpoint"], *stand) is None:
            return False
        if waiting:
            there = await session.fetch(self._beside["parked_there"], [row.entity_id for row in waiting], [row.offset for row in waiting])
            if len(there) < len(waiting):
                return False
        if anew is None:
            return True
        gone = await session.fetch(self._beside["unpark"], anew.entity_id, anew.parked)
        if anew.whole:
            await session.fetch(self._beside["forget_entity"], anew.entity_id)
        return anew.parked is None or bool(gone)

    async def _batch(self, session: Session, locks: str, epoch: int, parts: Sequence[Part], *, feed: bool) -> Row | None:
        drafts = [(draft.row, part.partition) for part in parts for draft in part.folded.feed] if feed else []
        entities, entities_of = _together(parts, lambda folded: folded.entities)
        versions, versions_of = _together(parts, lambda folded: folded.versions)
        version_columns = columns(VersionRow, versions)
        timeline, timeline_of = _together(parts, lambda folded: folded.timeline)
        fences, fences_of = _together(parts, lambda folded: folded.fences)
        parked, parked_of = _together(parts, lambda folded: folded.parked)
        return await session.fetch_one(
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
