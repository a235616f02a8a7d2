"""What an entity remembers of a command id (R6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from opsroom_common.log.entity import Applied, Entity, mint_ms
from opsroom_domain.ids import CommandId


class Memory(Enum):
    """What the fold knows of a command id."""

    NEW = auto()
    """Certainly not applied to this state."""
    APPLIED = auto()
    OTHER_BODY = auto()
    """Applied with another body: the id was reused."""
    MAYBE_FORGOTTEN = auto()
    """Minted no later than an id that fell out of the memory: only the versions table or the log can tell."""


@dataclass(frozen=True, slots=True)
class Recall:
    memory: Memory
    applied: Applied | None = None


_NEW = Recall(Memory.NEW)
_FORGOTTEN = Recall(Memory.MAYBE_FORGOTTEN)


def recall(entity: Entity | None, command_id: CommandId, body_hash: str) -> Recall:
    """Look a command id up in an entity's memory."""
    if entity is None:
        return _NEW
    applied = entity.applied(command_id)
    if applied is not None:
        return recognise(applied, body_hash)
    return _FORGOTTEN if mint_ms(command_id) <= entity.forgotten_mint_ms else _NEW


def recognise(applied: Applied, body_hash: str) -> Recall:
    """The id is known: is it the same command?"""
    return Recall(Memory.APPLIED if applied.body_hash == body_hash else Memory.OTHER_BODY, applied)
