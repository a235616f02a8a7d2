"""Which role may issue which command. What is not allowed here is denied at every door (promise 8)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from opsroom_domain.entities.incident import ChangeVisibility
from opsroom_domain.registry import KINDS


class Role(StrEnum):
    """A person's or service's role, from the least to the most."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


ADMIN_ONLY: frozenset[type[Any]] = frozenset({ChangeVisibility})
"""Commands that decide who sees what."""

_ALL: frozenset[type[Any]] = frozenset(command for kind in KINDS.values() for command in kind.commands.values())
ALLOWED: Mapping[str, frozenset[type[Any]]] = {
    Role.VIEWER.value: frozenset(),
    Role.OPERATOR.value: _ALL - ADMIN_ONLY,
    Role.ADMIN.value: _ALL,
}


def allowed(role: str, command: type[Any]) -> bool:
    """True if ``role`` may issue this type of command. An unknown role may nothing, and nobody may issue an unknown command."""
    return command in ALLOWED.get(role, frozenset())
