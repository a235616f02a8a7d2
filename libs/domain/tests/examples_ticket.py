"""Tickets that the tests tell of."""

from __future__ import annotations

from examples import LATER, THEN
from given_when_then import Given, folded

from opsroom_domain.entities.ticket import TICKET, Command, Event, Ticket
from opsroom_domain.entities.ticket.events import Created, Replied, Solved
from opsroom_domain.entities.ticket.sla import SlaTarget
from opsroom_domain.entities.ticket.words import Channel, Priority
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.words import Visibility

TKT = EntityId("tkt_01k0000000000000000000000a")
CARLA = ActorId("usr_carla")
"""The requester."""
NORMAL = SlaTarget(priority=Priority.NORMAL, response_s=600, resolution_s=3_600)
URGENT = SlaTarget(priority=Priority.URGENT, response_s=120, resolution_s=600)
CREATED = Created(
    **THEN,
    ticket_id=TKT,
    title="I cannot log in",
    description="Since this morning",
    requester=CARLA,
    channel=Channel.EMAIL,
    priority=Priority.NORMAL,
    targets=(NORMAL, URGENT),
    assignee=None,
    labels=("login",),
    visibility=Visibility.EVERYONE,
    team=None,
)
SOLVED = Solved(**LATER, resolution="Reset")
REPLIED = Replied(**LATER, reply_id="r1", text="We look", from_requester=False)


def given(*history: Event) -> Given[Ticket, Command, Event]:
    return Given(TICKET, history)


def ticket(*events: Event) -> Ticket:
    """The ticket after these."""
    state = folded(TICKET, (CREATED, *events))
    assert state is not None
    return state
