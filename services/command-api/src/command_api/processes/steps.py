"""What a process is: pure steps from a cause, and what became of each step. No clock, no I/O.

A process is a generator. It is begun with its cause (an event) and the cause's entity as it is now; it yields ``Step``s, commands for one entity each,
and is told what became of each. It is begun anew after a crash, so it looks at the entity first and does only what is still to do; ids of commands
are derived from cause and step, so that a step that was taken already changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity
from opsroom_common.runtime.ids import derived_command_id
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version
from opsroom_domain.shared.commands import CommandBase

ACTOR = ActorId("svc_processes")
"""Who issues the commands of processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command for one entity. ``command.at`` is the cause's time: the engine stamps its own."""

    kind: str
    entity_id: EntityId
    command: CommandBase
    expected_version: Version | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The step is in the log, or what it wants was so already; ``entity`` is the entity after it."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Refusal:
    """The step was refused, and will be. ``code`` is stable; ``entity`` is what it was judged on, or None if it does not exist or is not known."""

    code: str
    message: str
    entity: Entity | None


class NotYet(Exception):
    """The process cannot go on now; it is begun anew a little later. The message says what it waits for."""


Outcome: TypeAlias = Taken | Refusal
Process: TypeAlias = Generator[Step, Outcome, None]
Begin: TypeAlias = Callable[[DomainRecord, Entity], Process]
"""Begins a process: its cause, and the cause's entity, at the cause's version or a later one."""


def step_hash(step: Step) -> str:
    """What makes a step what it is; the same for every try."""
    return sha256(repr((step.kind, step.entity_id, step.command, step.expected_version)).encode()).hexdigest()[:32]


def command_id(cause: DomainRecord, step: Step) -> CommandId:
    """Derived from cause and step (R6): the cause's time, and a hash of both."""
    return derived_command_id(cause.envelope.time, "process", cause.envelope.id, step_hash(step))
