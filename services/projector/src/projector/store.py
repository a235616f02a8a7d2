"""The projector's rows, as the projector sees them: one atomic commit a batch, and the few questions beside it. All of it is bound to one feed epoch.

Two adapters keep one test suite: ``store_postgres`` and ``store_memory``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from opsroom_common.feed.port import FeedEntry, Position
from opsroom_common.log.port import Checkpoint
from opsroom_common.postgres.entity_row import entity_of
from opsroom_common.postgres.pool import Row
from opsroom_domain.ids import EntityId
from projector.fold_batch import FeedDraft, Folded
from projector.known import Absent, Known, Parked

PROJECTION = "read_v1"


class Moved(Exception):
    """Nothing was written: the checkpoint has moved (another projector is ahead) or the feed's epoch is over. Open again."""


class AnotherFold(Exception):
    """The live rows are another release's; folding on would mix the two. Wait until a projection of this fold is switched in."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The feed epoch that everything until the next ``open`` is bound to, and where each partition stands."""

    epoch: int
    checkpoints: Mapping[int, Checkpoint]


@dataclass(frozen=True, slots=True)
class Part:
    """One partition's batch, and where the partition's checkpoint goes with it."""

    partition: int
    before: Checkpoint
    after: Checkpoint
    folded: Folded


class Store(Protocol):
    """The rows of one topic's projection. Every method raises ``postgres.errors.Unavailable`` when the rows cannot be reached."""

    async def install(self) -> None:
        """Make the schema if this version of it is not there. Several projectors may do so at once."""
        ...

    async def open(self) -> Opened:
        """Find the live projection; make sure of a valid feed head and of a checkpoint for each partition, and read them. Raises AnotherFold, Moved.

        A new epoch is durable before it is seen, so that no epoch is ever given twice.
        """
        ...

    async def load(self, ids: Sequence[EntityId]) -> Mapping[EntityId, Known]:
        """What the rows say of ``ids``, each with an answer."""
        ...

    async def commit_together(self, epoch: int, parts: Sequence[Part]) -> Sequence[FeedEntry]:
        """Write the batches of one or more partitions and move their checkpoints, all or nothing; return their feed entries, numbered in order.

        ``folded.anew`` names the entity whose rows go before the new ones come; if that is all of them, versions that were shown are other
        states now: no entries, and the feed's epoch is over.

        A commit may be lost by a crash of the server, with all that came after it; then the epoch is over, too.
        Raises Moved (nothing written), Rejected (nothing written; a value that cannot be stored), Unavailable (written or not: open again and see).
        """
        ...

    async def commit(self, epoch: int, partition: int, before: Checkpoint, after: Checkpoint, folded: Folded) -> Sequence[FeedEntry]:
        """As ``commit_together``, of one partition."""
        ...

    async def touch(self, epoch: int, positions: Mapping[int, Checkpoint]) -> None:
        """Say that the rows of these partitions, if they still stand there, are current now.

        Raises Moved if the epoch is over: the server was started anew, and may have lost commits that this process believes in.
        """
        ...

    async def place(self, partition: int, offset: int) -> Checkpoint:
        """Where a reader may begin at ``offset``, which is below the partition's checkpoint: with the last fence before it (R8)."""
        ...

    async def retries(self, limit: int) -> Sequence[EntityId]:
        """Parked entities that a person wants to have tried again, the longest waiting first."""
        ...

    async def retried(self, entity_id: EntityId) -> None:
        """That was done, whatever came of it."""
        ...

    async def trim_feed(self, entries_max: int) -> None:
        """Drop the oldest feed entries beyond ``entries_max``, a bounded number at a time."""
        ...

    async def forget_everything(self) -> None:
        """Empty every table of the projection and the feed: the next ``open`` starts at 0 with a new epoch."""
        ...


_TO_DO = "a projector of the release that made them goes on with them. To go over to this one: `opsctl projections build`, then compare and switch"


def another_fold(where: str, found: str, ours: str) -> AnotherFold:
    """The error that says which folds these are, and what to do."""
    return AnotherFold(f"{where}: the rows were made by the fold {found}, this is {ours}; {_TO_DO}")


def another_layout(where: str, found: int, ours: int) -> AnotherFold:
    """The same for tables that another release laid out."""
    return AnotherFold(f"{where}: the tables have the layout {found}, this release writes {ours}; {_TO_DO}")


def entry_of(draft: FeedDraft, position: Position, topic: str, partition: int, projected_at: datetime) -> FeedEntry:
    """A draft with its position: what is published."""
    row = draft.row
    return FeedEntry(
        position=position,
        kind=row.kind,
        entity_id=row.entity_id,
        version=row.version,
        topic=topic,
        partition=partition,
        offset=row.offset,
        actor=row.actor,
        event_types=row.event_types,
        was=draft.was,
        now=draft.now,
        row=draft.row_json,
        times={"event": row.event_at.timestamp(), "projected": projected_at.timestamp()},
    )


def entries_of(parts: Sequence[Part], epoch: int, base: int, topic: str, projected_at: datetime) -> Sequence[FeedEntry]:
    """The drafts of all parts, numbered from ``base + 1``."""
    drafts = [(draft, part.partition) for part in parts for draft in part.folded.feed]
    return [
        entry_of(draft, Position(epoch, base + number), topic, partition, projected_at)
        for number, (draft, partition) in enumerate(drafts, start=1)
    ]


def moved(parts: Sequence[Part], topic: str, epoch: int) -> Moved:
    """The error of a commit that wrote nothing."""
    places = ", ".join(f"{topic}-{part.partition} at {part.before.offset}" for part in parts)
    return Moved(f"a checkpoint is no longer where it was ({places}), or the feed epoch {epoch} is over")


def known_of(row: Row) -> Known:
    """What a row of ``entities`` beside those of ``parked`` and ``passed`` says; any may be missing."""
    before = Absent(row["passed"] or 0) if row["id"] is None else entity_of(row)
    if row["parked_reason"] is not None:
        return Parked(row["parked_offset"], row["parked_reason"], row["parked_at"], before)
    return before
