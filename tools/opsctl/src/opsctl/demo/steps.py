"""What a story is made of: steps that somebody takes, and what they are answered.

An arc is a generator: it yields steps and is sent the answers, so that each step can use the rows of earlier ones. It does no input or output.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from opsroom_domain.decider import Json
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.roles import Role

Row: TypeAlias = Mapping[str, Json]
"""An entity as an answer shows it."""


@dataclass(frozen=True, slots=True)
class Person:
    actor: ActorId
    role: Role = Role.OPERATOR


@dataclass(frozen=True, slots=True)
class Command:
    """``name`` is the command's in a batch, like ``incident.acknowledge``. ``expects``: codes of refusals that belong to the story."""

    name: str
    entity: EntityId
    body: Mapping[str, Json]
    expects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ask:
    """What one person asks for, at once. Several commands go in one batch."""

    who: Person
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """Alertmanager tells of an alert. ``tag`` is a label that only this alert has. The incident that it opens gets ``labels`` in the same step,
    so that no end of the play leaves it unmarked, and is the answer's row.

    With ``ends_at`` it is over: then there is no row.
    """

    tag: str
    fingerprint: str
    name: str
    service: str
    severity: str
    summary: str
    starts_at: datetime
    labels: tuple[str, ...]
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    until: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one command. ``code`` is None if it was accepted, else the refusal's.

    ``row`` is the entity as it is now, also after an edit conflict; empty if nobody showed it. ``details`` are a refusal's facts.
    """

    code: str | None = None
    row: Row = field(default_factory=dict[str, Json])
    details: Row = field(default_factory=dict[str, Json])


Step: TypeAlias = Ask | Alert | Pause
Arc: TypeAlias = Generator[Step, tuple[Answer, ...], None]
Part: TypeAlias = Generator[Step, tuple[Answer, ...], Answer]
"""A piece of an arc: ``answer = yield from say(...)``."""


def say(who: Person, name: str, entity: EntityId, body: Mapping[str, Json], *expects: str) -> Part:
    """One command by one person."""
    answers = yield Ask(who, (Command(name, entity, body, frozenset(expects)),))
    return answers[-1]


def size(step: Ask | Alert) -> int:
    """How many commands it is, for the rate."""
    match step:
        case Ask():
            return len(step.commands)
        case Alert():
            return 1 if step.ends_at is not None else 2
