"""Fold of one entity from valid records: the domain's state, its version, and the memory of applied commands (R6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opsroom_common.contracts.envelope import DomainRecord
from opsroom_domain.copies import changed, filler, maker
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version
from opsroom_domain.registry import KINDS

REMEMBERED_COMMANDS = 64
"""K of rule R6: how many command ids an entity's state remembers."""


_ABOVE_EVERY_ID = "~"


class VersionGap(Exception):
    """A record's version is not the last plus one (R8): the reader parks the entity and pages."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A command that is in the log: its id, the hash of its body, the version after its last event, that event's offset."""

    command_id: CommandId
    body_hash: str
    version: Version
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One entity as of its last valid record."""

    kind: str
    id: EntityId
    version: Version
    state: Any
    created_at: datetime
    updated_at: datetime
    updated_by: ActorId | None
    partition: int
    offset: int
    """Of its last record in the log."""
    created_by_command: Applied
    """The creating command is remembered for ever, so that a retried create finds itself (R6)."""
    recent: tuple[Applied, ...]
    """The last K commands, oldest first."""
    forgotten_mint_ms: int
    """Newest mint time (Unix ms, from the UUIDv7) of a command id that fell out of ``recent``; 0 if none did."""
    event: Applied | None = None
    """Its last event, if something else was remembered since: a record that does not count, or the skip of one (R10)."""
    id_bound: str = field(default=_ABOVE_EVERY_ID, compare=False)
    """No id in ``recent`` is above it. Ids grow with time, so that a new command is known to be new without a look at each."""

    @property
    def last_event(self) -> Applied:
        """The command, version and offset of its last event. ``version`` is higher if records behind it were passed (R10)."""
        return self.event or self.recent[-1]

    def applied(self, command_id: str) -> Applied | None:
        """The remembered command with this id, or None; None proves nothing if the id is older than ``forgotten_mint_ms``."""
        if command_id <= self.id_bound:
            for known in reversed(self.recent):
                if known.command_id == command_id:
                    return known
        return self.created_by_command if self.created_by_command.command_id == command_id else None


_applied, _entity = maker(Applied), filler(Entity)


def mint_ms(command_id: str) -> int:
    """The time in a UUIDv7, Unix milliseconds (RFC 9562: the first 48 bits)."""
    return int(command_id[:8] + command_id[9:13], 16)


def fold(entity: Entity | None, record: DomainRecord, passed: int = 0) -> Entity:
    """Apply one valid record. Raises VersionGap if it is not the entity's next one, and whatever ``evolve`` raises.

    ``passed``: the versions of an entity that has no event yet, whose records do not count (R10).
    """
    expected = passed + 1 if entity is None else entity.version + 1
    if record.version != expected:
        raise VersionGap(f"{record.entity_id}: version {record.version} at {record.partition}:{record.offset}, expected {expected}")
    kind = KINDS[record.kind]
    applied = _applied(record.command_id, record.body_hash, record.version, record.offset)
    if entity is None:
        return Entity(
            kind=record.kind,
            id=record.entity_id,
            version=record.version,
            state=kind.evolve(None, record.event),
            created_at=record.envelope.time,
            updated_at=record.envelope.time,
            updated_by=record.envelope.actor,
            partition=record.partition,
            offset=record.offset,
            created_by_command=applied,
            recent=(applied,),
            forgotten_mint_ms=0,
            id_bound=record.command_id,
        )
    recent, forgotten = _remember(entity, applied)
    created_by = entity.created_by_command
    return _entity(
        entity.kind,
        entity.id,
        record.version,
        kind.evolve(entity.state, record.event),
        entity.created_at,
        record.envelope.time,
        record.envelope.actor,
        entity.partition,
        record.offset,
        applied if created_by.command_id == applied.command_id else created_by,
        recent,
        forgotten,
        None,
        max(entity.id_bound, record.command_id),
    )


def remembering(entity: Entity, applied: Applied) -> Entity:
    """The entity with one more command in its memory, and nothing else changed."""
    recent, forgotten = _remember(entity, applied)
    return changed(entity, recent=recent, forgotten_mint_ms=forgotten, id_bound=max(entity.id_bound, applied.command_id))


def _remember(entity: Entity, applied: Applied) -> tuple[tuple[Applied, ...], int]:
    """Events of one command stand together, so only the newest entry can be of the same command."""
    if entity.recent and entity.recent[-1].command_id == applied.command_id:
        return (*entity.recent[:-1], applied), entity.forgotten_mint_ms
    recent = (*entity.recent, applied)
    if len(recent) <= REMEMBERED_COMMANDS:
        return recent, entity.forgotten_mint_ms
    return recent[1:], max(entity.forgotten_mint_ms, mint_ms(recent[0].command_id))
