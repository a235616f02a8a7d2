"""A ticket: somebody outside the team asked for something, and was promised an answer within a time.

Read in this order: ``words``, ``events``, ``commands``, ``state``, ``decide`` (the rules), ``sla``, ``evolve``, ``show``, ``describe``.
"""

from __future__ import annotations

from typing import Final

from opsroom_domain.decider import Kind
from opsroom_domain.entities.ticket.commands import COMMANDS, Command
from opsroom_domain.entities.ticket.decide import decide
from opsroom_domain.entities.ticket.describe import describe
from opsroom_domain.entities.ticket.events import EVENTS, Event
from opsroom_domain.entities.ticket.evolve import evolve
from opsroom_domain.entities.ticket.show import columns, from_json, tags, to_json
from opsroom_domain.entities.ticket.state import Ticket
from opsroom_domain.entities.ticket.words import PREFIX

TICKET: Final[Kind[Ticket, Command, Event]] = Kind(
    name="ticket",
    collection="tickets",
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
)

__all__ = ["TICKET", "Command", "Event", "Ticket"]
