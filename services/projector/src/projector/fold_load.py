"""The fold of a chunk of one partition for a load: the same meaning as ``fold_batch``, the rows as bytes ready for COPY, no feed.

A load writes each version once, when it is known until when it is valid. The newest version of an entity is held back: the next chunk that
has an event of the entity closes it. Those that are left at the end are in ``entities`` with all that their rows need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from struct import Struct
from typing import Any, get_type_hints

import orjson

from opsroom_common.log.entity import Entity
from opsroom_common.postgres.copy_format import fields, int4, int8, jsonb, microseconds, text, text_array, timestamptz, whole
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS
from projector.batch_items import Item
from projector.batch_rows import EntityRow, FenceRow, ParkedRow, SkipRow
from projector.fold_batch import EntityFold, take_all
from projector.fold_step import Shown, shown_of
from projector.known import Known

COPY_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "entities": (*EntityRow._fields, "partition"),
    "texts": ("id", "kind", "text"),
    "entity_versions": (
        "id", "kind", "command_id", "body_hash", "actor", "version", "partition", "offset", "valid_from", "state",
        "created_at", "rank", "due_at", "terms", "valid_to",
    ),
    "timeline": (
        "id", "type", "actor", "role", "command_id", "correlation_id", "causation_id", "reason", "proposal_id", "words",
        "version", "partition", "offset", "at", "diff",
    ),
    "fences": (*FenceRow._fields, "partition"),
}  # fmt: skip
"""The columns of each table in the order in which ``LoadedRows.copies`` gives them."""

_VERSION_FIELDS = fields(len(COPY_COLUMNS["entity_versions"]))
_TIMELINE_FIELDS = fields(len(COPY_COLUMNS["timeline"]))
# Each number with its length before it.
_VERSION_NUMBERS = Struct("!iiiiiqiq").pack
_TIMELINE_NUMBERS = Struct("!iiiiiqiq").pack
_END = Struct("!iq").pack
_NULL = "\xff\xff\xff\xff"
_SIZES = tuple(f"\0\0\0{chr(size)}" for size in range(256))
_AS_JSONB = frozenset({"state", "memory", "tags"})
_AS_BIGINT = frozenset({"offset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRows:
    """A chunk, ready to be written. Everything but ``held`` and ``known`` belongs into one transaction with the checkpoint."""

    copies: Mapping[str, bytes]
    """By table: its new rows in the binary COPY format, whole. Tables without new rows are left out."""
    replaced: Sequence[str]
    """Entities that have rows of an earlier chunk; those in ``entities`` go before these come."""
    replaced_texts: Sequence[str]
    """The same for ``texts``."""
    events: int
    rows: int
    """How many are in ``copies``."""
    parked: Sequence[ParkedRow]
    newly_parked: Sequence[ParkedRow]
    known: Mapping[EntityId, Known]
    """Of every entity that the chunk touched, once it is committed."""
    held: Mapping[EntityId, bytes]
    """The newest version of each entity that the chunk changed, without its end, once it is committed."""
    last_time: datetime | None
    skips: Sequence[SkipRow]
    passed: Mapping[EntityId, int]
    """As in ``Folded``: what nearly no chunk has."""


def fold_load(known: Mapping[EntityId, Known], held: Mapping[EntityId, bytes], items: Iterable[Item], partition: int) -> LoadedRows:
    """Fold a chunk of ``partition``, in log order. ``known`` must say something of every entity in it; what ``held`` does not say is made anew.

    Raises nothing for a bad record: its entity parks.
    """
    taken = take_all(known, items)
    changed = taken.changed
    versions: list[bytes] = []
    timeline: list[bytes] = []
    open_ones: dict[EntityId, bytes] = {}
    for entity in changed:
        _add(entity, held, partition, versions, timeline, open_ones)
    at_partition = int4(partition)
    texts = [row for entity in changed if (row := entity.text()) is not None]
    copies = {
        "entities": whole(_row(_ENTITY, entity.row(), at_partition) for entity in changed),
        "texts": whole(fields(3) + text(row.id) + text(row.kind) + text(row.text) for row in texts),
        "entity_versions": whole(versions),
        "timeline": whole(timeline),
        "fences": whole(_row(_FENCE, row, at_partition) for row in taken.fences),
    }
    replaced = [entity.entity_id for entity in changed if isinstance(entity.before, Entity)]
    return LoadedRows(
        copies={table: rows for table, rows in copies.items() if rows},
        replaced=replaced,
        replaced_texts=[row.id for row in texts if isinstance(known[EntityId(row.id)], Entity)],
        events=len(timeline),
        rows=len(changed) + len(texts) + len(versions) + len(timeline) + len(taken.fences),
        parked=taken.parked(),
        newly_parked=taken.newly_parked(),
        known=taken.known(),
        held=open_ones,
        last_time=taken.last_time,
        skips=taken.skips(),
        passed=taken.passed(),
    )


def _add(
    entity: EntityFold,
    held: Mapping[EntityId, bytes],
    partition: int,
    versions: list[bytes],
    timeline: list[bytes],
    open_ones: dict[EntityId, bytes],
) -> None:
    """One entity's rows of the two tables that have a row an event."""
    name = _ascii(entity.entity_id)
    version: bytes | None = None
    if isinstance(entity.before, Entity):
        version = held.get(entity.entity_id) or _open_version(entity.before, partition)
    for step, shown in zip(entity.steps, entity.shown, strict=True):
        record, envelope = step.record, step.record.envelope
        at, command_id, actor = microseconds(envelope.time), _ascii(record.command_id), _ascii(envelope.actor)
        if version is not None:
            versions.append(version + _END(8, at))
        own = f"{name}{_ascii(record.kind)}{command_id}{_ascii(record.body_hash)}{actor}".encode("latin-1")
        version = b"".join(
            (
                _VERSION_FIELDS,
                own,
                _VERSION_NUMBERS(4, record.version, 4, partition, 8, record.offset, 8, at),
                jsonb(step.state),
                _listed(step.entity, shown),
            )
        )
        own = (
            f"{name}{_ascii(envelope.type)}{actor}{_ascii(envelope.role)}{command_id}{_ascii(envelope.correlation_id)}"
            f"{_ascii(envelope.causation_id)}{_ascii(envelope.reason)}{_ascii(envelope.proposal_id)}"
        ).encode("latin-1")
        numbers = _TIMELINE_NUMBERS(4, record.version, 4, partition, 8, record.offset, 8, at)
        timeline.append(b"".join((_TIMELINE_FIELDS, own, text(step.words), numbers, jsonb(step.diff))))
    assert version is not None, "an entity that changed has a version"
    open_ones[entity.entity_id] = version


def _ascii(value: str | None) -> str:
    """A field of type ``text`` as characters that are to be encoded as Latin-1, so that several fields are encoded at once.

    For what stands in headers, which is printable ASCII.
    """
    if value is None:
        return _NULL
    size = len(value)
    return (_SIZES[size] if size < len(_SIZES) else "".join(map(chr, size.to_bytes(4)))) + value


def _open_version(entity: Entity, partition: int) -> bytes:
    """The newest version of an entity that was read from its row: everything in it is also in the entity itself."""
    last = entity.last_event
    state = orjson.dumps(KINDS[entity.kind].to_json(entity.state), option=orjson.OPT_SORT_KEYS)
    return b"".join(
        (
            _VERSION_FIELDS, text(entity.id), text(entity.kind), text(last.command_id), text(last.body_hash), text(entity.updated_by),
            _VERSION_NUMBERS(4, last.version, 4, partition, 8, entity.offset, 8, microseconds(entity.updated_at)), jsonb(state), _listed(entity, shown_of(entity)),
        )
    )  # fmt: skip


def _listed(entity: Entity, shown: Shown) -> bytes:
    """What lists as of a moment filter and sort by."""
    columns = shown.columns
    return timestamptz(entity.created_at) + int4(columns.rank) + timestamptz(columns.due_at) + text_array(shown.terms)


def _encoders(row_type: type[Any]) -> tuple[Callable[[Any], bytes], ...]:
    """How each field of a row is written, from its name and its type."""
    by_type: dict[Any, Callable[[Any], bytes]] = {
        str: text, str | None: text, int: int4, int | None: int4, datetime: timestamptz, datetime | None: timestamptz, tuple[str, ...]: text_array,
    }  # fmt: skip
    by_name: dict[str, Callable[[Any], bytes]] = {**dict.fromkeys(_AS_JSONB, _json_text), **dict.fromkeys(_AS_BIGINT, int8)}
    return tuple(by_name.get(name) or by_type[hint] for name, hint in get_type_hints(row_type).items())


def _json_text(value: str) -> bytes:
    return jsonb(value.encode())


def _row(encoders: Sequence[Callable[[Any], bytes]], row: Sequence[object], partition: bytes) -> bytes:
    """A row of any type, with its partition last."""
    return b"".join((fields(len(row) + 1), *(encode(value) for encode, value in zip(encoders, row, strict=True)), partition))


_ENTITY = _encoders(EntityRow)
_FENCE = _encoders(FenceRow)
