"""One event folded, with everything of it that can fail, and the rows that are made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import orjson

from opsroom_common.contracts.envelope import DomainRecord, Skip
from opsroom_common.log.entity import Entity, fold
from opsroom_common.rows import terms_of
from opsroom_domain.decider import Json, ListColumns
from opsroom_domain.registry import KINDS
from projector.batch_items import storable
from projector.batch_rows import SkipRow, TimelineRow, VersionRow
from projector.known import Absent

_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Unstorable(Exception):
    """A text with a NUL: Postgres holds none."""


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


def step_of(now: Entity | Absent, record: DomainRecord) -> tuple[Step, Mapping[str, Json]]:
    """Fold one record and make everything of it that can fail, so that a failure is this record's alone."""
    before = now if isinstance(now, Entity) else None
    if before is not None and before.kind != record.kind:
        raise ValueError(f"a record of kind {record.kind} for an entity of kind {before.kind}")
    kind = KINDS[record.kind]
    entity = fold(before, record, 0 if isinstance(now, Entity) else now.passed)
    json = kind.to_json(entity.state)
    entry = kind.describe(None if before is None else before.state, record.event)
    # The headers hold no NUL, and tags and columns no text that is not in the state.
    if "\x00" in entry.words:
        raise Unstorable("a text of the record holds a NUL character, which Postgres cannot store")
    return Step(record, entity, dumps(json), entry.words, dumps(entry.diff)), json


def shown_of(entity: Entity) -> Shown:
    """What lists show of it. Raises what its kind raises."""
    kind = KINDS[entity.kind]
    tags = kind.tags(entity.state)
    return Shown(tags, kind.columns(entity.state), terms_of(tags))


def dumps(value: Mapping[str, Json] | Mapping[str, str]) -> bytes:
    """Canonical JSON. Raises Unstorable for a NUL anywhere in it."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    if b"\\u0000" in text and _ESCAPED_NUL.search(text):
        raise Unstorable("the state holds a NUL character, which Postgres cannot store")
    return text


def skip_row(skip: Skip) -> SkipRow:
    return SkipRow(
        offset=skip.offset,
        entity_id=skip.entity_id,
        skipped=skip.skipped,
        version=skip.version,
        reason=storable(skip.reason),
        actor=skip.envelope.actor,
        command_id=skip.command_id,
        body_hash=skip.body_hash,
        skipped_command=skip.skipped_command,
        skipped_hash=skip.skipped_hash,
        at=skip.envelope.time,
    )


def version_row(step: Step, shown: Shown, valid_to: datetime | None) -> VersionRow:
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


def timeline_row(step: Step) -> TimelineRow:
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
