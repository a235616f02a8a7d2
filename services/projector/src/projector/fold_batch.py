"""The fold of one batch, pure: what is known of the entities and what the log says next, in; the rows of every table, out.

The result does not depend on where the log was cut into batches, except for the feed, which has one entry per entity and batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from opsroom_common.contracts.envelope import SKIPPED_TYPE, DomainRecord, Fence, Skip
from opsroom_common.log.entity import Entity
from opsroom_common.log.skips import fitting, pass_over, take_skip
from opsroom_common.postgres.entity_row import memory_json
from opsroom_common.rows import row_json
from opsroom_domain.decider import Json
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS
from projector.batch_items import Item, Passed, Poison, storable
from projector.batch_rows import ClosedRow, EntityRow, FeedRow, FenceRow, ParkedRow, SkipRow, TextRow, TimelineRow, VersionRow
from projector.fold_step import Shown, Step, dumps, shown_of, skip_row, step_of, timeline_row, version_row
from projector.known import Absent, Known, Parked


@dataclass(frozen=True, slots=True)
class FeedDraft:
    """A feed entry before it has a position."""

    row: FeedRow
    was: Mapping[str, str] | None
    now: Mapping[str, str]
    row_json: bytes

    def showing(self, was: Mapping[str, str] | None) -> FeedDraft:
        """The entry of one who was shown these tags before."""
        return FeedDraft(self.row._replace(was=None if was is None else dumps(was).decode()), was, self.now, self.row_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """The rows of a batch. ``feed`` is in log order of each entity's last event."""

    entities: Sequence[EntityRow]
    texts: Sequence[TextRow]
    closed: Sequence[ClosedRow]
    versions: Sequence[VersionRow]
    timeline: Sequence[TimelineRow]
    fences: Sequence[FenceRow]
    parked: Sequence[ParkedRow]
    newly_parked: Sequence[ParkedRow]
    """Those of ``parked`` that this batch set aside."""
    feed: Sequence[FeedDraft]
    known: Mapping[EntityId, Known]
    """Of every entity that the batch touched, once it is committed."""
    last_time: datetime | None
    """The newest event time of the batch, also of entities that are set aside; None without an event."""
    skips: Sequence[SkipRow] = ()
    passed: Mapping[EntityId, int] = field(default_factory=dict[EntityId, int])
    """Entities without a row, and how many of their versions were passed."""
    anew: Anew | None = None
    """Rows that go before these come: one entity was folded again."""

    @property
    def waiting(self) -> Sequence[ParkedRow]:
        """Those of ``parked`` that were set aside before: if one is not parked there any more, somebody has had it tried again."""
        fresh = {row.entity_id for row in self.newly_parked}
        return [row for row in self.parked if row.entity_id not in fresh]

    @property
    def ends_epoch(self) -> bool:
        """Whether versions that were shown are other states now."""
        return self.anew is not None and self.anew.whole

    @property
    def plain(self) -> bool:
        """Whether it is a batch like nearly all: nothing in it has to do with entities that were set aside before."""
        return self.anew is None and not self.skips and not self.passed and len(self.parked) == len(self.newly_parked)


@dataclass(frozen=True, slots=True)
class Anew:
    """One entity is folded again: it is set aside no more, unless ``Folded.parked`` says so. ``whole``: nothing of its rows stays."""

    entity_id: EntityId
    parked: int | None
    """The offset at which it is parked. If it is not, somebody else was faster."""
    whole: bool


def fold_batch(known: Mapping[EntityId, Known], items: Iterable[Item]) -> Folded:
    """Fold ``items``, in log order. ``known`` must say something of every entity in them. Raises nothing for a bad record: its entity parks."""
    taken = take_all(known, items)
    changed = taken.changed
    return Folded(
        entities=[entity.row() for entity in changed],
        texts=[row for entity in changed if (row := entity.text()) is not None],
        closed=[row for entity in changed if (row := entity.closed()) is not None],
        versions=[row for entity in changed for row in entity.versions()],
        timeline=[timeline_row(step) for entity in changed for step in entity.steps],
        fences=taken.fences,
        parked=taken.parked(),
        newly_parked=taken.newly_parked(),
        feed=[entity.draft() for entity in changed],
        known=taken.known(),
        last_time=taken.last_time,
        skips=taken.skips(),
        passed=taken.passed(),
    )


def take_all(known: Mapping[EntityId, Known], items: Iterable[Item]) -> Taken:
    """Lead each item to its entity. As ``fold_batch``, before there are rows."""
    taken = Taken()
    for item in items:
        if isinstance(item, DomainRecord | Skip):
            taken.see(item.envelope.time)
        elif isinstance(item, Poison | Passed):
            if item.time is not None:
                taken.see(item.time)
        elif isinstance(item, Fence):  # pyright: ignore[reportUnnecessaryIsInstance] -- says what the others are
            taken.fences.append(FenceRow(item.offset, item.term, item.owner, item.url, item.time))
            continue
        entity = taken.entities.get(item.entity_id)
        if entity is None:
            entity = taken.entities[item.entity_id] = EntityFold(item.entity_id, known[item.entity_id])
        entity.take(item)
    taken.entities = {entity_id: entity.settled() for entity_id, entity in taken.entities.items()}
    return taken


@dataclass(slots=True)
class Taken:
    """A batch whose items are all folded."""

    fences: list[FenceRow] = field(default_factory=list[FenceRow])
    entities: dict[EntityId, EntityFold] = field(default_factory=dict[EntityId, "EntityFold"])
    last_time: datetime | None = None

    def see(self, at: datetime) -> None:
        if self.last_time is None or at > self.last_time:
            self.last_time = at

    @property
    def changed(self) -> Sequence[EntityFold]:
        """Those with another row than before, in log order of their last event."""
        return sorted((entity for entity in self.entities.values() if entity.touched), key=lambda entity: entity.last)

    def parked(self) -> Sequence[ParkedRow]:
        return [row for entity in self.entities.values() if (row := entity.parked_row()) is not None]

    def newly_parked(self) -> Sequence[ParkedRow]:
        return [row for entity in self.entities.values() if entity.fresh and (row := entity.parked_row()) is not None]

    def skips(self) -> Sequence[SkipRow]:
        return [skip_row(item) for entity in self.entities.values() for item in entity.taken if isinstance(item, Skip)]

    def passed(self) -> Mapping[EntityId, int]:
        return {entity.entity_id: entity.passed for entity in self.entities.values() if entity.passed is not None}

    def known(self) -> Mapping[EntityId, Known]:
        return {entity_id: entity.now for entity_id, entity in self.entities.items()}


OfEntity: TypeAlias = DomainRecord | Poison | Passed | Skip
"""An item of one entity."""


@dataclass(slots=True)
class EntityFold:
    """One entity's way through the batch.

    What is shown of its states (tags, columns) is made when all is taken. If that fails, all is taken again with ``careful``: what is shown is then
    made after each event, so that the record parks the entity after which it fails first.
    """

    entity_id: EntityId
    before: Known
    careful: bool = False
    taken: list[OfEntity] = field(default_factory=list["OfEntity"])
    steps: list[Step] = field(default_factory=list[Step])
    json: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """The state after the last step."""
    shown: list[Shown] = field(default_factory=list[Shown])
    """After each step, once all is taken."""
    parked: Parked | None = None
    behind: int = 0
    fresh: bool = False
    entity: Entity | Absent = field(init=False)
    """What its rows say by now."""
    touched: bool = False
    """Whether there is a row, and it is another one than before."""
    last: int = -1
    """Offset of the last record that changed it."""
    passed: int | None = None
    """Versions that were passed before its first event, if this batch passed one."""

    def __post_init__(self) -> None:
        self.parked = self.before if isinstance(self.before, Parked) else None
        self.entity = self.before.before if isinstance(self.before, Parked) else self.before

    @property
    def now(self) -> Known:
        return self.entity if self.parked is None else self.parked

    def take(self, item: OfEntity) -> None:
        self.taken.append(item)
        self._take(item)

    def _take(self, item: OfEntity) -> None:
        if isinstance(item, Skip):
            # What it names was passed before; here its own command is remembered.
            if self.parked is None and isinstance(self.entity, Entity):
                self._changed(take_skip(self.entity, item), item.offset)
        elif self.parked is not None:
            self.behind += 1
        elif isinstance(item, Passed):
            self._pass(item)
        elif isinstance(item, Poison):
            self._park(item.offset, item.reason, item.at)
        else:
            try:
                step, json = step_of(self.entity, item)
                if self.careful:
                    shown_of(step.entity)
            except Exception as error:  # noqa: BLE001 -- whatever a fold raises, the entity parks and the partition goes on
                self._park(item.offset, f"{type(error).__name__}: {error}", item.envelope.time)
            else:
                self.steps.append(step)
                self.json = json
                self._changed(step.entity, item.offset)

    def _pass(self, item: Passed) -> None:
        """The record does not count (R10)."""
        version = self.entity.version if isinstance(self.entity, Entity) else self.entity.passed
        skip = fitting(item.skips, version)
        if skip is None:
            self._take(item.otherwise)
        elif isinstance(self.entity, Absent):
            self.passed = skip.version
            self.entity = Absent(self.passed)
        elif skip.version != version:
            self._changed(pass_over(self.entity, skip), item.offset)

    def _changed(self, entity: Entity, offset: int) -> None:
        self.entity, self.last, self.touched = entity, offset, True

    def settled(self) -> EntityFold:
        """The same with what is shown of it, or, if that fails, one that parks where it does."""
        if not self.touched or not isinstance(self.entity, Entity):
            return self
        if not self.steps:
            self.json = KINDS[self.entity.kind].to_json(self.entity.state)
        try:
            self.shown = [shown_of(step.entity) for step in self.steps]
        except Exception:  # noqa: BLE001 -- as in ``take``
            again = EntityFold(self.entity_id, self.before, careful=True)
            for item in self.taken:
                again.take(item)
            return again.settled()
        return self

    def _park(self, offset: int, reason: str, at: datetime) -> None:
        self.parked = Parked(offset, storable(reason), at, self.entity)
        self.fresh = True

    def parked_row(self) -> ParkedRow | None:
        if self.parked is None or not (self.fresh or self.behind):
            return None
        return ParkedRow(self.entity_id, self.parked.offset, self.parked.reason, self.behind, self.parked.at)

    @property
    def told(self) -> Shown:
        """After all of it."""
        return self.shown[-1] if self.shown else shown_of(self.shows)

    @property
    def shows(self) -> Entity:
        assert isinstance(self.entity, Entity), "only an entity that has events has a row"
        return self.entity

    def row(self) -> EntityRow:
        entity, (tags, columns, terms) = self.shows, self.told
        return EntityRow(
            id=entity.id,
            kind=entity.kind,
            version=entity.version,
            offset=entity.offset,
            state=(self.steps[-1].state if self.steps else dumps(self.json)).decode(),
            memory=memory_json(entity),
            tags=dumps(tags).decode(),
            created_at=entity.created_at,
            updated_at=entity.updated_at,
            updated_by=entity.updated_by,
            title=columns.title,
            status=columns.status,
            rank=columns.rank,
            assignee=columns.assignee,
            due_at=columns.due_at,
            terms=terms,
            keys=columns.keys,
        )

    def text(self) -> TextRow | None:
        entity, text = self.shows, self.told.columns.text
        before = KINDS[entity.kind].columns(self.before.state).text if isinstance(self.before, Entity) else None
        return None if text == before else TextRow(entity.id, entity.kind, text)

    def closed(self) -> ClosedRow | None:
        if not isinstance(self.before, Entity) or not self.steps:
            return None
        return ClosedRow(self.entity_id, self.before.last_event.version, self.steps[0].record.envelope.time)

    def versions(self) -> list[VersionRow]:
        ends = [step.record.envelope.time for step in self.steps[1:]]
        return [
            version_row(step, shown, end) for step, shown, end in zip(self.steps, self.shown, [*ends, None][: len(self.steps)], strict=True)
        ]

    def draft(self) -> FeedDraft:
        entity, now = self.shows, self.told.tags
        was = KINDS[entity.kind].tags(self.before.state) if isinstance(self.before, Entity) else None
        ready = row_json(entity, self.json)
        changes = [(step.record.offset, step.record.envelope.type) for step in self.steps]
        changes += [(item.offset, SKIPPED_TYPE) for item in self.taken if isinstance(item, Skip) and item.offset <= self.last]
        types = tuple(type_ for _, type_ in sorted(changes))
        row = FeedRow(
            kind=entity.kind,
            entity_id=entity.id,
            version=entity.version,
            offset=self.last,
            actor=entity.updated_by,
            event_types=types,
            was=None if was is None else dumps(was).decode(),
            now=dumps(now).decode(),
            row=ready.decode(),
            event_at=entity.updated_at,
        )
        return FeedDraft(row, was, now, ready)
