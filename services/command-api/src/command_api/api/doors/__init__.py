"""Every door for commands. A new kind is one module here and one line in ``DOORS``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from command_api.api.doors import auction, dependencies, incident, organisation, policy, task, ticket, view
from command_api.api.doors.door import Door

DOORS: tuple[Door[Any], ...] = (
    *incident.DOORS,
    *task.DOORS,
    *dependencies.DOORS,
    *ticket.DOORS,
    *policy.DOORS,
    *auction.DOORS,
    *organisation.DOORS,
    *view.DOORS,
)
BY_NAME: Mapping[str, Door[Any]] = {door.full_name: door for door in DOORS}
"""By ``KIND.COMMAND``."""
