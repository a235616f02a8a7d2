"""The store of a projection that nobody sees: the same statement as the live one's, without the feed."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from opsroom_common.feed.port import FeedEntry
from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.checkpoint import checkpoint_of
from opsroom_common.postgres.pool import Pool, Session
from opsroom_common.postgres.sql import statements
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import fold_fingerprint
from projector.batch_rows import ParkedRow, SkipRow
from projector.fold_batch import Folded
from projector.known import Known
from projector.projections import control
from projector.projections.control import State
from projector.projections.install import layout
from projector.projections.names import written_for
from projector.projections.rows_postgres import QUIET, ProjectionRows
from projector.store import Moved, Opened, Part, another_fold, another_layout

_HANDLED = statements("projector.projections", "sound.sql")["handled_by_live"]
_SKIPS = statements("projector.projections", "sound.sql")["skips"]
_HIDDEN = (State.BUILDING, State.READY, State.OLD)


class Switched(Exception):
    """The projection is live, failed or gone: it is no longer ours to follow."""


class BadProjection(Exception):
    """This code cannot handle a record that the live projection has handled."""


class QuietStore:
    """``Store`` on a projection that is not live. Its epoch is always 0, and it makes no feed entries."""

    def __init__(self, pool: Pool, name: str, topic: str, partitions: int) -> None:
        self._rows = ProjectionRows(pool, name, topic, partitions)
        self._topic = topic

    @property
    def name(self) -> str:
        return self._rows.name

    @contextmanager
    def within(self, transaction: Session) -> Generator[None]:
        """Run everything in this transaction meanwhile, one statement after the other."""
        outside, self._rows.session = self._rows.session, transaction
        try:
            yield
        finally:
            self._rows.session = outside

    async def install(self) -> None:
        """The schema is made when the build begins."""

    async def open(self) -> Opened:
        """Where the partitions stand. Raises Switched, AnotherFold, Unavailable."""
        found = next((each for each in await control.projections(self._rows.session) if each.name == self.name), None)
        if found is None or found.state not in _HIDDEN:
            raise Switched(f"{self.name} is {'gone' if found is None else found.state}")
        if found.fold != fold_fingerprint():
            raise another_fold(self.name, found.fold, fold_fingerprint())
        if found.layout != layout():
            raise another_layout(self.name, found.layout, layout())
        await self._rows.begin()
        return Opened(0, await self._rows.checkpoints())

    async def load(self, ids: Sequence[EntityId]) -> Mapping[EntityId, Known]:
        return await self._rows.load(ids)

    async def commit(self, epoch: int, partition: int, before: Checkpoint, after: Checkpoint, folded: Folded) -> Sequence[FeedEntry]:
        """As the port says. Raises BadProjection before it writes a parked entity that the live projection has not parked."""
        return await self.commit_together(epoch, [Part(partition, before, after, folded)])

    async def commit_together(self, epoch: int, parts: Sequence[Part]) -> Sequence[FeedEntry]:
        for part in parts:
            await self.check(part.folded.newly_parked)
        if await self._rows.commit(QUIET, epoch, parts, feed=False) is None:
            places = ", ".join(f"{self._topic}-{part.partition} at {part.before.offset}" for part in parts)
            raise Moved(f"{self.name}: a checkpoint is no longer where it was ({places}), or the projection is not ours any more")
        return ()

    async def check(self, parked: Sequence[ParkedRow]) -> None:
        """Raises BadProjection for the first of these records that the live projection has handled."""
        if not parked:
            return
        live = await control.live(self._rows.session)
        ids, offsets = [row.entity_id for row in parked], [row.offset for row in parked]
        found = await self._rows.session.fetch_one(written_for(_HANDLED, live.name), ids, offsets)
        if found is not None:
            reason = next(row.reason for row in parked if row.entity_id == found["id"])
            raise BadProjection(
                f"{self.name} cannot handle {found['id']} at {self._topic}-{found['partition']}:{found['offset']}, and {live.name} can: {reason}"
            )

    async def touch(self, epoch: int, positions: Mapping[int, Checkpoint]) -> None:
        del epoch
        offsets = [at.offset for at in positions.values()]
        row = await self._rows.session.fetch_one(self._rows.sql["quiet_touch"], self._topic, list(positions), offsets, self.name)
        if row is None or not row["holds"]:
            raise Moved(f"{self.name} is not ours any more")

    async def place(self, partition: int, offset: int) -> Checkpoint:
        return await self._rows.place(partition, offset)

    async def retries(self, limit: int) -> Sequence[EntityId]:
        """Persons ask the live projection."""
        del limit
        return ()

    async def retried(self, entity_id: EntityId) -> None:
        raise RuntimeError(f"nobody asked for {entity_id}; this is a fault of the projector")

    async def unseen_skips(self, partition: int, until: int) -> Checkpoint | None:
        """From where the log may hold skips below ``until`` that are not known yet; None if there is none, as the live projection says."""
        live = await control.live(self._rows.session)
        exists = await self._rows.session.fetch_one("SELECT to_regclass($1) IS NOT NULL AS skips", f"{live.name}.skips")
        if exists is None or not exists["skips"]:
            return Checkpoint()
        row = await self._rows.session.fetch_one(written_for(_SKIPS, live.name), self._topic, partition)
        if row is None or row["skips"]:
            return Checkpoint()
        return checkpoint_of(row) if row["offset"] < until else None

    async def write_beside(self, transaction: Session, partition: int, skips: Sequence[SkipRow], passed: Mapping[EntityId, int]) -> None:
        """What a chunk of a load has beside its copies."""
        await self._rows.write_beside(transaction, partition, skips, passed)

    async def trim_feed(self, entries_max: int) -> None:
        """It has no feed."""

    async def forget_everything(self) -> None:
        raise RuntimeError("a projection that is not live is dropped, not emptied; this is a fault of the projector")
