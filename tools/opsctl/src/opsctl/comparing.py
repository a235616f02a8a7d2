"""Whether the row is what the log says, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from opsctl.folding import EntityFold
from opsctl.rows import RowFound, spread
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity
from opsroom_common.postgres.entity_row import memory_json
from opsroom_common.rows import terms_of
from opsroom_domain.registry import KINDS, fold_fingerprint


class Verdict(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    BEHIND = "behind"
    """The projector has not come to the entity's last event; what it has is right."""
    OTHER_FOLD = "other-fold"
    NOT_COMPARED = "not-compared"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field; None where the one side has no value, or no such row."""

    field: str
    log: Any
    row: Any


@dataclass(frozen=True, slots=True)
class Compared:
    """``reason`` says what the verdict means here, and what to do if it is not ``same``."""

    verdict: Verdict
    reason: str
    checkpoint: int | None = None
    differences: Sequence[Difference] = ()


def compare(folded: EntityFold, row: RowFound) -> Compared:
    """``folded`` holds the log below the row's checkpoint."""
    if row.fold != fold_fingerprint():
        reason = (
            f"it was made by another version of the rules ({row.fold}; here {fold_fingerprint()}): run the opsctl of the same release, "
            "or build this release's rows with opsctl projections build"
        )
        return Compared(Verdict.OTHER_FOLD, reason, row.checkpoint)
    differences = [*_parking(folded, row), *_columns(folded, row)]
    if differences:
        names = ", ".join(difference.field for difference in differences)
        reason = f"it DIFFERS from the log in {names}: find out who wrote it, then build the rows anew with opsctl projections build"
        return Compared(Verdict.DIFFERS, reason, row.checkpoint, differences)
    return Compared(
        Verdict.SAME, "it is what the log says" if row.columns is not None else "there is none, as the log says", row.checkpoint
    )


def _parking(folded: EntityFold, row: RowFound) -> list[Difference]:
    # A row is parked now, so it says nothing of a version or moment before that.
    log = None if folded.broken is None else folded.broken.offset
    if folded.until is not None or log == row.parked_offset:
        return []
    return [Difference("parked at offset", log, row.parked_offset)]


def _columns(folded: EntityFold, row: RowFound) -> list[Difference]:
    if folded.entity is None or folded.last is None:
        return [] if row.columns is None else [Difference("the row", None, f"version {row.columns['version']}")]
    if row.columns is None:
        return [Difference("the row", f"version {folded.entity.version}", None)]
    expected = _entity_columns(folded.entity) if folded.until is None else _version_columns(folded.entity, folded.last)
    return [
        Difference(name, expected.get(name), row.columns.get(name))
        for name in sorted(expected.keys() | row.columns.keys())
        if _plain(expected.get(name)) != _plain(row.columns.get(name))
    ]


def _entity_columns(entity: Entity) -> Mapping[str, Any]:
    kind = KINDS[entity.kind]
    columns, tags = kind.columns(entity.state), kind.tags(entity.state)
    return spread(
        {
            "kind": entity.kind,
            "version": entity.version,
            "partition": entity.partition,
            "offset": entity.offset,
            "created_at": entity.created_at,
            "updated_at": entity.updated_at,
            "updated_by": entity.updated_by,
            "state": kind.to_json(entity.state),
            "memory": orjson.loads(memory_json(entity)),
            "tags": tags,
            "title": columns.title,
            "status": columns.status,
            "rank": columns.rank,
            "assignee": columns.assignee,
            "due_at": columns.due_at,
            "terms": terms_of(tags),
            "keys": columns.keys,
        }
    )


def _version_columns(entity: Entity, last: DomainRecord) -> Mapping[str, Any]:
    return spread(
        {
            "kind": entity.kind,
            "version": last.version,
            "partition": entity.partition,
            "offset": entity.offset,
            "command_id": last.command_id,
            "body_hash": last.body_hash,
            "actor": last.envelope.actor,
            "valid_from": last.envelope.time,
            "state": KINDS[entity.kind].to_json(entity.state),
        }
    )


def _plain(value: object) -> object:
    """Equal values of both sides are equal: tuples and lists, instants in any zone."""
    if isinstance(value, datetime):
        return value.timestamp()
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
