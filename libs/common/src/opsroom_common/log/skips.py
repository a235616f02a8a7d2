"""Skips (R10): a record that a valid skip names does not count, for any reader, whatever its own code could make of it.

A reader that knows the skips of what it reads passes the named record where it stands. One that meets a skip after it has handled the
record, or set its entity aside there, reads that stretch of the entity again, now knowing. Both come to the same: the events that count, in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsroom_common.contracts.codec import decode
from opsroom_common.contracts.envelope import SKIPPED_TYPE, Skip
from opsroom_common.contracts.errors import Undecodable
from opsroom_common.log.entity import Applied, Entity, remembering
from opsroom_common.log.port import Classified, LogRecord, RecordClass
from opsroom_domain.copies import changed
from opsroom_domain.ids import EntityId

_TYPE = SKIPPED_TYPE.encode()

SkipsOf = Mapping[int, Sequence[Skip]]
"""The skips of one entity, by the offset of the record that they name; several of one in the order of the log."""


def is_skip(record: LogRecord) -> bool:
    """Whether the record says that it is a skip. Cheap: the value is not touched."""
    return dict(record.headers).get("ce_type") == _TYPE


def read_skip(classified: Classified) -> Skip | None:
    """The skip that this record is; None for every other, for a void and for one that cannot be read."""
    if classified.what is not RecordClass.EVENT or not is_skip(classified.record):
        return None
    try:
        skip = decode(classified.record)
    except Undecodable:
        return None
    return skip if isinstance(skip, Skip) else None


class Skips:
    """The skips that were seen of some entities of one partition. A few; bounded by what stands in the log."""

    def __init__(self) -> None:
        self._found: dict[EntityId, dict[int, list[Skip]]] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, skip: Skip) -> None:
        """In the order of the log."""
        self._found.setdefault(skip.entity_id, {}).setdefault(skip.skipped, []).append(skip)

    def of(self, entity_id: EntityId) -> SkipsOf:
        return self._found.get(entity_id, {})

    def naming(self, record: LogRecord) -> Sequence[Skip]:
        """Those that name this record."""
        if not self._found or record.key is None:
            return ()
        return self.of(EntityId(record.key.decode("utf-8", "replace"))).get(record.offset, ())


def fitting(skips: Sequence[Skip], version: int) -> Skip | None:
    """The first of ``skips``, all of one record, that fits an entity at ``version``; one that does not says nothing.

    It leaves the version where it is, or passes one: so no two records that count ever get the same version.
    """
    return next((skip for skip in skips if skip.version in {version, version + 1}), None)


def pass_over(entity: Entity, skip: Skip) -> Entity:
    """The entity once the record that ``skip`` names is passed. A retry of that record's command finds itself (R6)."""
    if skip.version == entity.version:
        return entity
    passed = changed(entity, version=skip.version, event=entity.last_event)
    if skip.skipped_command is None or skip.skipped_hash is None:
        return passed
    return remembering(passed, Applied(skip.skipped_command, skip.skipped_hash, skip.version, skip.skipped))


def take_skip(entity: Entity, skip: Skip) -> Entity:
    """The entity once the skip itself is read: its command is remembered as every other (R6)."""
    return remembering(changed(entity, event=entity.last_event), Applied(skip.command_id, skip.body_hash, skip.version, skip.offset))
