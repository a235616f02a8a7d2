"""A batch of classified records as what the fold takes: events, fences, and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import DomainRecord, Fence, Mark, Skip
from opsroom_common.contracts.errors import Undecodable
from opsroom_common.log.port import Classified, LogRecord, RecordClass
from opsroom_common.log.skips import Skips
from opsroom_domain.ids import EntityId, prefix_of

PartitionOf: TypeAlias = Callable[[str], int]
"""The partition that an entity id lives in."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REASON_CHARS_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """A valid record that cannot be handled. It parks its entity."""

    entity_id: EntityId
    offset: int
    reason: str
    at: datetime
    """The record's Kafka time: the same whenever it is read."""
    time: datetime | None = None
    """The event's own time, if it could be read and is refused all the same: the next event must not be earlier (R8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A valid record that cannot be handled and names no entity of its partition: it is passed, counted and told."""

    offset: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A record that ``skips`` name: it does not count (R10). ``otherwise``: what it is if none of them fits."""

    entity_id: EntityId
    offset: int
    skips: Sequence[Skip]
    otherwise: DomainRecord | Poison

    @property
    def time(self) -> datetime | None:
        """The event's own time, if it can be read."""
        return self.otherwise.envelope.time if isinstance(self.otherwise, DomainRecord) else self.otherwise.time


Item: TypeAlias = DomainRecord | Fence | Poison | Passed | Skip


def read_record(classified: Classified, partition_of: PartitionOf) -> Item | Skipped | None:
    """Decode one record. None for voids and marks: only the checkpoint passes them (R8)."""
    if classified.what is RecordClass.VOID or classified.what is RecordClass.MARK:
        return None
    record = classified.record
    try:
        decoded = decode(record)
    except Undecodable as error:
        return poison(record, error.reason, partition_of)
    if isinstance(decoded, Mark):
        return None
    if isinstance(decoded, DomainRecord | Skip) and partition_of(decoded.entity_id) != record.partition:
        # Folding it would make the entity's rows depend on how two partitions happen to interleave.
        return Skipped(offset=record.offset, reason=f"{decoded.entity_id} does not live in partition {record.partition}")
    return decoded


def read_records(records: Sequence[Classified], partition_of: PartitionOf) -> Iterator[Item | Skipped]:
    """Decode what counts, in order."""
    for classified in records:
        read = read_record(classified, partition_of)
        if read is not None:
            yield read


def read_knowing(records: Sequence[Classified], partition_of: PartitionOf, skips: Skips) -> Iterator[Item | Skipped]:
    """As ``read_records``, by one who has seen the skips of what follows: what they name is passed where it stands."""
    for classified in records:
        read = read_record(classified, partition_of)
        if isinstance(read, DomainRecord | Poison) and (naming := skips.naming(classified.record)):
            yield Passed(entity_id=read.entity_id, offset=read.offset, skips=naming, otherwise=read)
        elif read is not None:
            yield read


def poison(record: LogRecord, reason: str, partition_of: PartitionOf) -> Poison | Skipped:
    """What a record that cannot be handled does: park the entity of its key, or, without a usable key, be passed."""
    key = (record.key or b"").decode("utf-8", "replace")
    said = storable(reason)
    if prefix_of(key) is None or partition_of(key) != record.partition:
        return Skipped(offset=record.offset, reason=said)
    at = _EPOCH + timedelta(milliseconds=max(0, record.timestamp_ms))
    return Poison(entity_id=EntityId(key), offset=record.offset, reason=said, at=at)


def refused_item(record: DomainRecord, reason: str) -> Poison:
    """An event that can be folded, and that whoever keeps the rows refuses."""
    time = record.envelope.time
    return Poison(entity_id=record.entity_id, offset=record.offset, reason=storable(reason), at=time, time=time)


def refused(record: LogRecord, read: Sequence[Item | Skipped], reason: str, partition_of: PartitionOf) -> Item | Skipped:
    """What a record does that stands alone, was read as ``read``, and is refused by whoever keeps the rows."""
    event = next((item for item in read if isinstance(item, DomainRecord)), None)
    return poison(record, reason, partition_of) if event is None else refused_item(event, reason)


def storable(reason: str) -> str:
    """A reason that every store takes: bounded, without NUL."""
    return reason.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()[:_REASON_CHARS_MAX]
