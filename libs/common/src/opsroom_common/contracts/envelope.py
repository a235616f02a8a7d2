"""The envelope of a record: CloudEvents 1.0 attributes in Kafka binary mode, and ours. Header names are fixed (ADR 0004).

Headers hold opaque ids and codes only, never names, addresses or free text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsroom_domain.ids import ActorId, CommandId, EntityId, Version

FENCE_TYPE = "opsroom.log.fence"
"""A writer takes the partition over; ``ce_id`` of the record is the term that it starts (R1)."""
MARK_TYPE = "opsroom.log.mark"
"""A record that only says "up to here": it has a term and no entity (R4)."""
SKIPPED_TYPE = "opsroom.log.skipped"
"""A person's decision that one record of an entity does not count, for any reader (R10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Everything of a record that is not its value. ``None`` means that the header is absent."""

    id: str
    """UUID; unique per record. A fence's id is the term that it starts."""
    type: str
    """``opsroom.<kind>.<event>``, e.g. ``opsroom.incident.acknowledged``."""
    source: str
    """Who wrote it: the service's name, ``/command-api``."""
    time: datetime
    """UTC, microseconds. In ``ops.events`` never smaller than the partition's last (R8)."""
    term: str | None = None
    """Id of the fence under which the record was written; void if that is not the last fence before it."""
    subject: EntityId | None = None
    entity_version: Version | None = None
    command_id: CommandId | None = None
    body_hash: str | None = None
    """Hash of the command's body; the same command id with another hash is refused (R6)."""
    actor: ActorId | None = None
    role: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    reason: str | None = None
    proposal_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRecord:
    """A decoded, valid record of ``ops.events``: one event of one entity, at its place in the log."""

    partition: int
    offset: int
    envelope: Envelope
    kind: str
    """Entity kind, e.g. ``incident``."""
    entity_id: EntityId
    version: Version
    command_id: CommandId
    body_hash: str
    event: Any
    """An event dataclass of the kind (see ``opsroom_domain.registry``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A decoded fence: ``owner`` took the partition over with the new ``term``; commands for it go to ``url``."""

    partition: int
    offset: int
    term: str
    owner: str
    url: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A decoded mark: it only says "up to here", under ``term`` (R4)."""

    partition: int
    offset: int
    id: str
    term: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """A decoded skip: the record of ``entity_id`` at offset ``skipped`` of this partition does not count. ``envelope`` says who decided and when."""

    partition: int
    offset: int
    envelope: Envelope
    entity_id: EntityId
    command_id: CommandId
    """Of the command that made this skip."""
    body_hash: str
    skipped: int
    version: Version
    """What the entity has after the skipped record; 0 if it has no good record before it and that one's version cannot be read."""
    reason: str
    skipped_command: CommandId | None
    """Of the skipped record, if its version was passed."""
    skipped_hash: str | None
