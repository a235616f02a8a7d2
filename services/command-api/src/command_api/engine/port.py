"""The engine as the doors see it: hand in a command, get a truthful answer (promise 1).

Domain refusals (``opsroom_domain.decider.Refused`` and its subclasses) arrive in a ``CommandRefused`` beside the entity as it was judged. The
errors here say what is known of the command: ``applied`` is False when this attempt certainly changed nothing, None when nobody can know yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol

from opsroom_common.log.entity import Entity
from opsroom_domain.decider import Refused
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRequest:
    """One attempt of one command. ``command`` is a command dataclass of the kind; the engine stamps its ``at``."""

    command_id: CommandId
    body_hash: str
    """Hash of everything that makes the command what it is (method, path, body): same id, other hash is refused."""
    kind: str
    entity_id: EntityId
    command: Any
    actor: ActorId
    role: str
    deadline: float
    """``Clock.monotonic`` seconds; past it the attempt is dropped undecided (R7)."""
    expected_version: Version | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    reason: str | None = None
    proposal_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The command is in the log, or its wish was already true.

    ``entity`` is the state after the command (for a no-op the one in which it was already so, for a retry the present one). ``partition`` and ``offset`` are the log's, of the
    entity's last event that belongs to this answer: a query can wait for it.
    """

    entity: Entity
    partition: int
    offset: int
    version: Version
    """The entity's version right after this command's last event; ``entity.version`` may be newer on a retry."""
    replayed: bool
    """True if the command had been applied before this attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRecord:
    """What a person wants of a parked entity: that the record at ``offset`` of its partition, where it is parked, does not count (R10)."""

    offset: int
    reason: str
    """Why, in words."""


@dataclass(frozen=True, slots=True)
class RecordSkipped:
    """The skip is in the log, at ``offset`` of ``partition``. ``version`` is the entity's after the record that does not count."""

    partition: int
    offset: int
    version: Version
    replayed: bool
    """True if the command had been applied before this attempt."""


class EngineError(Exception):
    """Base. ``code`` ends in the problem's type, ``status`` is the HTTP status, ``retry_after_s`` is a hint or None."""

    code: ClassVar[str]
    status: ClassVar[int]
    applied: ClassVar[bool | None] = False
    retry_after_s: float | None = None


class CommandRefused(Exception):
    """The business refused the command (promise 2's 409, a wrong status, an unknown entity). This attempt changed nothing (R7).

    ``entity`` is the state that it was judged on, or None if the entity does not exist.
    """

    def __init__(self, refusal: Refused, entity: Entity | None) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.entity = entity


class CommandIdReused(EngineError):
    """The command id is known with another body."""

    code = "idempotency-key-reused"
    status = 422


class VersionMismatch(EngineError):
    """``expected_version`` is not the entity's version; carries the current row and who changed it last."""

    code = "version-mismatch"
    status = 409

    def __init__(self, entity: Entity, expected: int) -> None:
        super().__init__(f"expected version {expected}, but the entity is at {entity.version}; read it and decide again")
        self.entity = entity
        self.expected = expected


class EntityParked(EngineError):
    """A record of the entity could not be handled, and the entity is set aside until a person retries or skips it."""

    code = "entity-parked"
    status = 423


class NotParked(EngineError):
    """The entity is not parked at the record that was to be skipped."""

    code = "not-parked"
    status = 409


class CommandTooLarge(EngineError):
    """The command's events are above the batch limit; refused before sending (R3)."""

    code = "command-too-large"
    status = 413


class CommandInvalid(EngineError):
    """A value of the command cannot stand in a record (a NUL in a text, a blank in an id); refused before sending."""

    code = "command-invalid"
    status = 422


class NotServing(EngineError):
    """This partition has no serving owner right now (start, takeover, hand-over, broker away). Nothing was decided."""

    code = "not-serving"
    status = 503
    retry_after_s = 1.0


class Overloaded(EngineError):
    """The partition's queue is full. Nothing was decided."""

    code = "overloaded"
    status = 503
    retry_after_s = 1.0


class DeadlinePassed(EngineError):
    """The attempt's deadline passed before it was decided; it was dropped."""

    code = "deadline-passed"
    status = 503
    retry_after_s = 1.0


class OutcomeUnknown(EngineError):
    """Nobody can say yet whether the command is in the log. Repeat it with the same command id: that tells, without a second effect."""

    code = "outcome-unknown"
    status = 503
    applied = None
    retry_after_s = 1.0


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """For health and metrics."""

    partition: int
    serving: bool
    reason: str
    """One line: what the partition waits for when it does not serve."""
    since: datetime


class Engine(Protocol):
    """Decides commands and appends their events; the only writer of ``ops.events``."""

    async def submit(self, request: CommandRequest) -> Accepted:
        """Decide and append one command; answer after its durable, contiguous ack (R4).

        Raises CommandRefused (after a barrier, so that a zombie's stale "no" is impossible, R4) and EngineError.
        Cancelling the call does not cancel the command.
        """
        ...

    async def skip(self, request: CommandRequest) -> RecordSkipped:
        """Append the skip that ``request.command``, a SkipRecord, asks for; answer after its durable, contiguous ack (R4).

        The only command that a parked entity takes. Raises NotParked (after a barrier, as a refusal) and EngineError.
        """
        ...

    async def current(self, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        """The entity's confirmed state on this owner, or None. Raises NotServing, EntityParked. Not a linearisable read."""
        ...

    def status(self) -> tuple[PartitionStatus, ...]: ...
