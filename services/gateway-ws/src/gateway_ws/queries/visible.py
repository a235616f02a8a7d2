"""What a viewer may see of the board, as a condition of every statement. It is the one place where that is decided."""

from __future__ import annotations

from gateway_ws.queries.statement import Statement
from opsroom_common.auth.identity import Identity


def visible(statement: Statement, viewer: Identity) -> str:
    """Text that begins with AND, about the entity ``e``; nothing while everybody who is signed in may see everything."""
    del statement, viewer
    return ""
