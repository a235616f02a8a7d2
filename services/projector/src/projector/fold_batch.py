"""The fold of one batch, pure: what is known of the entities and what the log says next, in; the rows of every table, out.

The result does not depend on where the log was cut into batches, except for the feed, which has one entry per entity and batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import orjson

from opsroom_common.contracts.envelope import DomainRecord, Fence
from opsroom_common.log.entity import Entity, fold
from opsroom_common.postgres.entity_row import memory_json
from opsroom_common.rows import row_json, terms_of
from opsroom_domain.decider import Json, ListColumns
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS
from projector.batch_items import Item, Poison, storable
from projector.batch_rows import ClosedRow, EntityRow, FeedRow, FenceRow, ParkedRow, TextRow, TimelineRow, VersionRow
from projector.known import Known, Parked

_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class FeedDraft:
    """A feed entry before it has a position."""

    row: FeedRow
    was: Mapping[str, str] | None
    now: Mapping[str, str]
    row_json: bytes


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


class Unstorable(Exception):
    """A text with a NUL: Postgres holds none."""


def fold_batch(known: Mapping[EntityId, Known], items: Iterable[Item]) -> Folded:
    """Fold ``items``, in log order. ``known`` must say something of every entity in them. Raises nothing for a bad record: its entity parks."""
    taken = take_all(known, items)
    changed = taken.changed
    return Folded(
        entities=[entity.row() for entity in changed],
        texts=[row for entity in changed if (row := entity.text()) is not None],
        closed=[row for entity in changed if (row := entity.closed()) is not None],
        versions=[row for entity in changed for row in entity.versions()],
        timeline=[_timeline_row(step) for entity in changed for step in entity.steps],
        fences=taken.fences,
        parked=taken.parked(),
        newly_parked=taken.newly_parked(),
        feed=[entity.draft() for entity in changed],
        known=taken.known(),
        last_time=taken.last_time,
    )


def take_all(known: Mapping[EntityId, Known], items: Iterable[Item]) -> Taken:
    """Lead each item to its entity. As ``fold_batch``, before there are rows."""
    taken = Taken()
    for item in items:
        if isinstance(item, DomainRecord):
            taken.see(item.envelope.time)
        elif isinstance(item, Fence):
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
        return sorted((entity for entity in self.entities.values() if entity.steps), key=lambda entity: entity.steps[-1].record.offset)

    def parked(self) -> Sequence[ParkedRow]:
        return [row for entity in self.entities.values() if (row := entity.parked_row()) is not None]

    def newly_parked(self) -> Sequence[ParkedRow]:
        return [row for entity in self.entities.values() if entity.fresh and (row := entity.parked_row()) is not None]

    def known(self) -> Mapping[EntityId, Known]:
        return {entity_id: entity.now for entity_id, entity in self.entities.items()}


class Step(NamedTuple):
    """One event folded, with all that its rows need."""

    record: DomainRecord
    entity: Entity
    state: bytes
    words: str
    diff: bytes


class Shown(NamedTuple):
    """What lists show and filter by, of an entity as it is after an event."""

    tags: Mapping[str, str]
    columns: ListColumns
    terms: tuple[str, ...]


@dataclass(slots=True)
class EntityFold:
    """One entity's way through the batch.

    What is shown of its states (tags, columns) is made when all is taken. If that fails, all is taken again with ``careful``: what is shown is then
    made after each event, so that the record parks the entity after which it fails first.
    """

    entity_id: EntityId
    before: Known
    careful: bool = False
    taken: list[DomainRecord | Poison] = field(default_factory=list["DomainRecord | Poison"])
    steps: list[Step] = field(default_factory=list[Step])
    json: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """The state after the last step."""
    shown: list[Shown] = field(default_factory=list[Shown])
    """After each step, once all is taken."""
    parked: Parked | None = None
    behind: int = 0
    fresh: bool = False

    def __post_init__(self) -> None:
        self.parked = self.before if isinstance(self.before, Parked) else None

    @property
    def now(self) -> Known:
        if self.parked is not None:
            return self.parked
        return self.steps[-1].entity if self.steps else self.before

    def take(self, item: DomainRecord | Poison) -> None:
        self.taken.append(item)
        if self.parked is not None:
            self.behind += 1
        elif isinstance(item, Poison):
            self._park(item.offset, item.reason, item.at)
        else:
            try:
                step, json = _step(self.now, item)
                if self.careful:
                    shown_of(step.entity)
            except Exception as error:  # noqa: BLE001 -- whatever a fold raises, the entity parks and the partition goes on
                self._park(item.offset, f"{type(error).__name__}: {error}", item.envelope.time)
            else:
                self.steps.append(step)
                self.json = json

    def settled(self) -> EntityFold:
        """The same with what is shown of it, or, if that fails, one that parks where it does."""
        if not self.steps:
            return self
        try:
            self.shown = [shown_of(step.entity) for step in self.steps]
        except Exception:  # noqa: BLE001 -- as in ``take``
            again = EntityFold(self.entity_id, self.before, careful=True)
            for item in self.taken:
                again.take(item)
            return again.settled()
        return self

    def _park(self, offset: int, reason: str, at: datetime) -> None:
        self.parked = Parked(offset, storable(reason), at)
        self.fresh = True

    def parked_row(self) -> ParkedRow | None:
        if self.parked is None or not (self.fresh or self.behind):
            return None
        return ParkedRow(self.entity_id, self.parked.offset, self.parked.reason, self.behind, self.parked.at)

    @property
    def told(self) -> Shown:
        return self.shown[-1]

    def row(self) -> EntityRow:
        step, (tags, columns, terms) = self.steps[-1], self.told
        entity = step.entity
        return EntityRow(
            id=entity.id,
            kind=entity.kind,
            version=entity.version,
            offset=entity.offset,
            state=step.state.decode(),
            memory=memory_json(entity),
            tags=_dumps(tags).decode(),
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
        entity, text = self.steps[-1].entity, self.told.columns.text
        before = KINDS[entity.kind].columns(self.before.state).text if isinstance(self.before, Entity) else None
        return None if text == before else TextRow(entity.id, entity.kind, text)

    def closed(self) -> ClosedRow | None:
        if not isinstance(self.before, Entity):
            return None
        return ClosedRow(self.entity_id, self.before.version, self.steps[0].record.envelope.time)

    def versions(self) -> list[VersionRow]:
        ends = [step.record.envelope.time for step in self.steps[1:]]
        return [_version_row(step, shown, end) for step, shown, end in zip(self.steps, self.shown, [*ends, None], strict=True)]

    def draft(self) -> FeedDraft:
        entity, now = self.steps[-1].entity, self.told.tags
        was = KINDS[entity.kind].tags(self.before.state) if isinstance(self.before, Entity) else None
        ready = row_json(entity, self.json)
        types = tuple(step.record.envelope.type for step in self.steps)
        row = FeedRow(
            kind=entity.kind,
            entity_id=entity.id,
            version=entity.version,
            offset=entity.offset,
            actor=entity.updated_by,
            event_types=types,
            was=None if was is None else _dumps(was).decode(),
            now=_dumps(now).decode(),
            row=ready.decode(),
            event_at=entity.updated_at,
        )
        return FeedDraft(row, was, now, ready)


def _step(now: Known, record: DomainRecord) -> tuple[Step, Mapping[str, Json]]:
    """Fold one record and make everything of it that can fail, so that a failure is this record's alone."""
    before = now if isinstance(now, Entity) else None
    if before is not None and before.kind != record.kind:
        raise ValueError(f"a record of kind {record.kind} for an entity of kind {before.kind}")
    kind = KINDS[record.kind]
    entity = fold(before, record)
    json = kind.to_json(entity.state)
    entry = kind.describe(None if before is None else before.state, record.event)
    # The headers hold no NUL, and tags and columns no text that is not in the state.
    if "\x00" in entry.words:
        raise Unstorable("a text of the record holds a NUL character, which Postgres cannot store")
    return Step(record, entity, _dumps(json), entry.words, _dumps(entry.diff)), json


def shown_of(entity: Entity) -> Shown:
    """What lists show of it. Raises what its kind raises."""
    kind = KINDS[entity.kind]
    tags = kind.tags(entity.state)
    return Shown(tags, kind.columns(entity.state), terms_of(tags))


def _dumps(value: Mapping[str, Json] | Mapping[str, str]) -> bytes:
    """Canonical JSON. Raises Unstorable for a NUL anywhere in it."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if b"\\u0000" in text and _ESCAPED_NUL.search(text):
        raise Unstorable("the state holds a NUL character, which Postgres cannot store")
    return text


def _version_row(step: Step, shown: Shown, valid_to: datetime | None) -> VersionRow:
    record = step.record
    return VersionRow(
        id=record.entity_id,
        version=record.version,
        kind=record.kind,
        offset=record.offset,
        command_id=record.command_id,
        body_hash=record.body_hash,
        actor=record.envelope.actor,
        valid_from=record.envelope.time,
        valid_to=valid_to,
        state=step.state.decode(),
        created_at=step.entity.created_at,
        rank=shown.columns.rank,
        due_at=shown.columns.due_at,
        terms=shown.terms,
    )


def _timeline_row(step: Step) -> TimelineRow:
    record, envelope = step.record, step.record.envelope
    return TimelineRow(
        id=record.entity_id,
        version=record.version,
        at=envelope.time,
        type=envelope.type,
        actor=envelope.actor,
        role=envelope.role,
        words=step.words,
        diff=step.diff.decode(),
        command_id=record.command_id,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
        reason=envelope.reason,
        proposal_id=envelope.proposal_id,
        offset=record.offset,
    )
