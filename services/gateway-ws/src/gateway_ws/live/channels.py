"""Channel names: ``board:KIND@ROLE`` (every entity of a kind) and ``entity:ID@ROLE`` (one entity), per role class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway_ws.permissions import ROLES
from opsroom_common.auth.identity import Role
from opsroom_domain.ids import prefix_of
from opsroom_domain.registry import KINDS

_PREFIXES: Final = frozenset(kind.prefix for kind in KINDS.values())


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that exists. ``subject`` is a kind for a board, an entity id otherwise."""

    name: str
    is_board: bool
    subject: str
    role: Role

    def carries(self, kind: str, entity_id: str) -> bool:
        """Whether the row of this entity goes to this channel."""
        return self.subject == (kind if self.is_board else entity_id)


def parse_channel(name: str) -> Channel | None:
    """The channel of this name, or None if there is none."""
    scope, _, rest = name.partition(":")
    subject, _, role_name = rest.partition("@")
    if role_name not in ROLES:
        return None
    role = Role(role_name)
    if scope == "board" and subject in KINDS:
        return Channel(name, is_board=True, subject=subject, role=role)
    if scope == "entity" and prefix_of(subject) in _PREFIXES:
        return Channel(name, is_board=False, subject=subject, role=role)
    return None


def channels_of(kind: str, entity_id: str) -> tuple[str, ...]:
    """The names of all channels that an entity's row goes to."""
    return tuple(f"{scope}@{role}" for scope in (f"board:{kind}", f"entity:{entity_id}") for role in ROLES)
