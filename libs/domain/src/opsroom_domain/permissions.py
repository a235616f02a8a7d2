"""Which role may issue which command. What is not allowed here is denied at every door (promise 8)."""

from __future__ import annotations

from typing import Final

from opsroom_domain.registry import KINDS
from opsroom_domain.roles import Role

__all__ = ["Role", "able", "allowed"]


PROCESS: Final = "process"
"""The role of the process managers (``svc_processes``). No person and no key can have it: it is no ``Role``, and it opens no door."""


def allowed(role: str, kind: str, command: str) -> bool:
    """True if ``role`` may issue the command of this name on this kind. An unknown role may nothing, and nobody an unknown command.

    A process may do what an operator may, and what is ``process_only``, which nobody else may.
    """
    known = KINDS.get(kind)
    if known is None or command not in known.commands:
        return False
    if command in known.process_only:
        return role == PROCESS
    return role == Role.ADMIN or (role in {Role.OPERATOR, PROCESS} and command not in known.admin_only)


def able(kind: str, command: str) -> list[str]:
    """The roles that may issue it, from the least to the most."""
    return [role.value for role in Role if allowed(role, kind, command)]
