"""The rows that a batch makes, one type a table. A table's columns go to Postgres as parallel arrays, in the order of the fields here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar, cast


class EntityRow(NamedTuple):
    id: str
    kind: str
    version: int
    offset: int
    state: str
    memory: str
    tags: str
    created_at: datetime
    updated_at: datetime
    updated_by: str | None
    title: str
    status: str
    rank: int | None
    assignee: str | None
    due_at: datetime | None
    terms: tuple[str, ...]
    keys: tuple[str, ...]


class TextRow(NamedTuple):
    """What a search finds an entity by; only of those whose text is another now."""

    id: str
    kind: str
    text: str


class ClosedRow(NamedTuple):
    """The version of an earlier batch whose valid range ends now."""

    id: str
    version: int
    valid_to: datetime


class VersionRow(NamedTuple):
    """``valid_to`` None: valid until further notice."""

    id: str
    version: int
    kind: str
    offset: int
    command_id: str
    body_hash: str
    actor: str | None
    valid_from: datetime
    valid_to: datetime | None
    state: str
    # What lists as of a moment filter and sort by. They stand last: the statement takes them behind all others.
    created_at: datetime
    rank: int | None
    due_at: datetime | None
    terms: tuple[str, ...]


class TimelineRow(NamedTuple):
    id: str
    version: int
    at: datetime
    type: str
    actor: str | None
    role: str | None
    words: str
    diff: str
    command_id: str
    correlation_id: str | None
    causation_id: str | None
    reason: str | None
    proposal_id: str | None
    offset: int


class FenceRow(NamedTuple):
    offset: int
    term: str
    owner: str
    url: str
    at: datetime


class ParkedRow(NamedTuple):
    """``behind``: how many records of this batch wait behind the one at ``offset``."""

    entity_id: str
    offset: int
    reason: str
    behind: int
    parked_at: datetime


class SkipRow(NamedTuple):
    """A person's decision that the record at ``skipped`` does not count; it stands at ``offset``."""

    offset: int
    entity_id: str
    skipped: int
    version: int
    reason: str
    actor: str | None
    command_id: str
    body_hash: str
    skipped_command: str | None
    skipped_hash: str | None
    at: datetime


class FeedRow(NamedTuple):
    """One entity's part in the batch; the statement numbers them in the order given."""

    kind: str
    entity_id: str
    version: int
    offset: int
    actor: str | None
    event_types: tuple[str, ...]
    was: str | None
    now: str
    row: str
    event_at: datetime


R = TypeVar("R", EntityRow, TextRow, ClosedRow, VersionRow, TimelineRow, FenceRow, ParkedRow, SkipRow, FeedRow)


def columns(row_type: type[R], rows: Sequence[R]) -> list[list[object]]:
    """``rows`` as parallel arrays, one a field; as many empty ones if there are no rows. A tuple of texts becomes an array literal."""
    if not rows:
        return [[] for _ in row_type._fields]
    return [_array(column) for column in zip(*rows, strict=True)]


def _array(column: Sequence[object]) -> list[object]:
    # Arrays of different lengths cannot stand in one array of arrays.
    return [_array_literal(cast("tuple[str, ...]", item)) if isinstance(item, tuple) else item for item in column]


def _array_literal(items: tuple[str, ...]) -> str:
    return "{" + ",".join('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items) + "}"
