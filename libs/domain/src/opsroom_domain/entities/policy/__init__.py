"""A policy: who is called when nobody acts, or who hears of what. People change its draft; what is published never changes.

Read in this order: ``words``, ``events``, ``commands``, ``state``, ``decide`` (the rules), ``content``, ``evaluate``, ``evolve``, ``show``, ``describe``.
"""

from __future__ import annotations

from typing import Final

from opsroom_domain.decider import Kind
from opsroom_domain.entities.policy.commands import COMMANDS, Command
from opsroom_domain.entities.policy.decide import decide
from opsroom_domain.entities.policy.describe import describe
from opsroom_domain.entities.policy.events import EVENTS, Event
from opsroom_domain.entities.policy.evolve import evolve
from opsroom_domain.entities.policy.show import columns, from_json, tags, to_json
from opsroom_domain.entities.policy.state import Policy
from opsroom_domain.entities.policy.words import PREFIX

POLICY: Final[Kind[Policy, Command, Event]] = Kind(
    name="policy",
    collection="policies",
    prefix=PREFIX,
    events=EVENTS,
    commands=COMMANDS,
    decide=decide,
    evolve=evolve,
    to_json=to_json,
    from_json=from_json,
    tags=tags,
    columns=columns,
    describe=describe,
    fold_version=1,
    admin_only=frozenset({"change_visibility", "publish", "activate", "deactivate"}),
)

__all__ = ["POLICY", "Command", "Event", "Policy"]
