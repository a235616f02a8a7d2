"""The fold of one batch, pure: what is known of the entities and what the log says next, in; the rows of every table, out.

The result does not depend on where the log was cut into batches, except for the feed, which has one entry per entity and batch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

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
    fences: list[FenceRow] = []
    entities: dict[EntityId, _EntityFold] = {}
    times: list[datetime] = []
    for item in items:
        if isinstance(item, DomainRecord):
            times.append(item.envelope.time)
        elif isinstance(item, Fence):
            fences.append(FenceRow(item.offset, item.term, item.owner, item.url, item.time))
            continue
        entity = entities.get(item.entity_id)
        if entity is None:
            entity = entities[item.entity_id] = _EntityFold(item.entity_id, known[item.entity_id])
        entity.take(item)
    changed = sorted((e for e in entities.values() if e.steps), key=lambda e: e.steps[-1].record.offset)
    return Folded(
        entities=[entity.row() for entity in changed],
        texts=[row for entity in changed if (row := entity.text()) is not None],
        closed=[row for entity in changed if (row := entity.closed()) is not None],
        versions=[row for entity in changed for row in entity.versions()],
        timeline=[_timeline_row(step) for entity in changed for step in entity.steps],
        fences=fences,
        parked=[row for entity in entities.values() if (row := entity.parked_row()) is not None],
        newly_parked=[row for entity in entities.values() if entity.fresh and (row := entity.parked_row()) is not None],
        feed=[entity.draft() for entity in changed],
        known={entity_id: entity.now for entity_id, entity in entities.items()},
        last_time=max(times, default=None),
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """One event folded, with all that its rows need."""

    record: DomainRecord
    entity: Entity
    state: str
    words: str
    diff: str
    tags: Mapping[str, str]
    columns: ListColumns


@dataclass(slots=True)
class _EntityFold:
    """One entity's way through the batch."""

    entity_id: EntityId
    before: Known
    steps: list[_Step] = field(default_factory=list[_Step])
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
        if self.parked is not None:
            self.behind += 1
        elif isinstance(item, Poison):
            self._park(item.offset, item.reason, item.at)
        else:
            try:
                self.steps.append(_step(self.now, item))
            except Exception as error:  # noqa: BLE001 -- whatever a fold raises, the entity parks and the partition goes on
                self._park(item.offset, f"{type(error).__name__}: {error}", item.envelope.time)

    def _park(self, offset: int, reason: str, at: datetime) -> None:
        self.parked = Parked(offset, storable(reason), at)
        self.fresh = True

    def parked_row(self) -> ParkedRow | None:
        if self.parked is None or not (self.fresh or self.behind):
            return None
        return ParkedRow(self.entity_id, self.parked.offset, self.parked.reason, self.behind, self.parked.at)

    def row(self) -> EntityRow:
        step = self.steps[-1]
        entity, columns = step.entity, step.columns
        return EntityRow(
            id=entity.id,
            kind=entity.kind,
            version=entity.version,
            offset=entity.offset,
            state=step.state,
            memory=memory_json(entity),
            tags=_dumps(step.tags),
            created_at=entity.created_at,
            updated_at=entity.updated_at,
            updated_by=entity.updated_by,
            title=columns.title,
            status=columns.status,
            rank=columns.rank,
            assignee=columns.assignee,
            due_at=columns.due_at,
            terms=terms_of(step.tags),
            keys=columns.keys,
        )

    def text(self) -> TextRow | None:
        step = self.steps[-1]
        before = KINDS[step.entity.kind].columns(self.before.state).text if isinstance(self.before, Entity) else None
        return None if step.columns.text == before else TextRow(step.entity.id, step.entity.kind, step.columns.text)

    def closed(self) -> ClosedRow | None:
        if not isinstance(self.before, Entity):
            return None
        return ClosedRow(self.entity_id, self.before.version, self.steps[0].record.envelope.time)

    def versions(self) -> list[VersionRow]:
        ends = [step.record.envelope.time for step in self.steps[1:]]
        return [_version_row(step, end) for step, end in zip(self.steps, [*ends, None], strict=True)]

    def draft(self) -> FeedDraft:
        entity, now = self.steps[-1].entity, self.steps[-1].tags
        was = KINDS[entity.kind].tags(self.before.state) if isinstance(self.before, Entity) else None
        ready = row_json(entity)
        types = tuple(step.record.envelope.type for step in self.steps)
        row = FeedRow(
            kind=entity.kind,
            entity_id=entity.id,
            version=entity.version,
            offset=entity.offset,
            actor=entity.updated_by,
            event_types=types,
            was=None if was is None else _dumps(was),
            now=_dumps(now),
            row=ready.decode(),
            event_at=entity.updated_at,
        )
        return FeedDraft(row, was, now, ready)


def _step(now: Known, record: DomainRecord) -> _Step:
    """Fold one record and make everything of it that can fail, so that a failure is this record's alone."""
    before = now if isinstance(now, Entity) else None
    if before is not None and before.kind != record.kind:
        raise ValueError(f"a record of kind {record.kind} for an entity of kind {before.kind}")
    kind = KINDS[record.kind]
    entity = fold(before, record)
    entry = kind.describe(None if before is None else before.state, record.event)
    step = _Step(
        record,
        entity,
        _dumps(kind.to_json(entity.state)),
        entry.words,
        _dumps(entry.diff),
        kind.tags(entity.state),
        kind.columns(entity.state),
    )
    envelope = record.envelope
    texts = (
        entry.words, step.columns.text, *step.columns.keys, record.command_id, record.body_hash, envelope.type, envelope.actor, envelope.role,
        envelope.correlation_id, envelope.causation_id, envelope.reason, envelope.proposal_id,
    )  # fmt: skip
    for text in texts:
        if text is not None and "\x00" in text:
            raise Unstorable("a text of the record holds a NUL character, which Postgres cannot store")
    return step


def _dumps(value: Mapping[str, Json] | Mapping[str, str]) -> str:
    """Canonical JSON. Raises Unstorable for a NUL anywhere in it."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if b"\\u0000" in text and _ESCAPED_NUL.search(text):
        raise Unstorable("the state holds a NUL character, which Postgres cannot store")
    return text.decode()


def _version_row(step: _Step, valid_to: datetime | None) -> VersionRow:
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
        state=step.state,
        created_at=step.entity.created_at,
        rank=step.columns.rank,
        due_at=step.columns.due_at,
        terms=terms_of(step.tags),
    )


def _timeline_row(step: _Step) -> TimelineRow:
    record, envelope = step.record, step.record.envelope
    return TimelineRow(
        id=record.entity_id,
        version=record.version,
        at=envelope.time,
        type=envelope.type,
        actor=envelope.actor,
        role=envelope.role,
        words=step.words,
        diff=step.diff,
        command_id=record.command_id,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
        reason=envelope.reason,
        proposal_id=envelope.proposal_id,
        offset=record.offset,
    )
