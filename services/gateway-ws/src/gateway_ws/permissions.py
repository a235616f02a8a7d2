"""What a role may follow, and the epoch that makes a change of it visible to every client.

A client's epoch is the feed's epoch and a hash of the client's permissions: nothing is recovered across a change of role, because rows that
the new role may see never came before, and rows that it may not see any more are still on the screen.
"""

from __future__ import annotations

import hashlib
from typing import Final

from opsroom_common.auth.identity import Role

ROLES: Final = tuple(Role)
"""Role classes. Each has channels of its own."""
_RULES: Final = "1"
"""Raised by hand whenever what a role may see changes, so that every client takes a fresh snapshot."""


def permissions_hash(role: Role) -> str:
    """Eight hex digits that change whenever what ``role`` may see changes."""
    return hashlib.sha256(f"{_RULES}:{role}".encode()).hexdigest()[:8]


_HASHES: Final = {role: permissions_hash(role) for role in ROLES}


def client_epoch(feed_epoch: int, role: Role) -> str:
    """The epoch as a client of ``role`` sees it: opaque to the client, compared as a whole."""
    return f"{feed_epoch}.{_HASHES[role]}"
