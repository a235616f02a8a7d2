"""Whom and what an incident concerns: affected services, and who has which duty."""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_domain.changes import must_change
from opsroom_domain.entities.incident.commands import ChangeDuty, ChangeServices
from opsroom_domain.entities.incident.events import DutyChanged, ServicesChanged
from opsroom_domain.entities.incident.limits import SERVICE_MAX, SERVICES_MAX
from opsroom_domain.entities.incident.state import Incident
from opsroom_domain.entities.incident.words import Duty
from opsroom_domain.ids import ActorId
from opsroom_domain.shared.decide import check_members, set_change
from opsroom_domain.shared.limits import ID_MAX
from opsroom_domain.text import check_line


def change_services(state: Incident, command: ChangeServices) -> Sequence[ServicesChanged]:
    """Affected services are a set, like labels. That a service exists is the organisation's to say, and not checked here."""
    check_members("services", command.add, SERVICE_MAX, SERVICES_MAX)
    added, removed = set_change("services", state.services, command.add, command.remove, SERVICES_MAX)
    return (ServicesChanged(at=command.at, by=command.by, added=added, removed=removed),) if added or removed else ()


def change_duty(state: Incident, command: ChangeDuty) -> Sequence[DutyChanged]:
    """Give a duty to somebody, or to nobody. One person may have both."""
    if command.actor is not None:
        check_line(command.duty.value, command.actor, ID_MAX)
    current = holder(state, command.duty)
    if not must_change(command.duty.value, seen=command.seen, current=current, wanted=command.actor):
        return ()
    return (DutyChanged(at=command.at, by=command.by, duty=command.duty, previous=current, actor=command.actor),)


def holder(state: Incident, duty: Duty) -> ActorId | None:
    """Who has the duty now."""
    return state.commander if duty is Duty.COMMANDER else state.communications
