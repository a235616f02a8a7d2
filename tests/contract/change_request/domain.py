"""A change request: somebody wants to change something in production, and somebody else says whether they may.

Proposed, then approved or rejected by another person, then done. What all kinds have comes from ``opsroom_domain.shared``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from opsroom_domain.changes import must_change
from opsroom_domain.copies import changed
from opsroom_domain.decider import AlreadyExists, Invalid, Json, Kind, ListColumns, NotFound, Refused, TimelineEntry
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared.commands import COMMANDS as SHARED_COMMANDS
from opsroom_domain.shared.commands import CommandBase, SharedCommand
from opsroom_domain.shared.decide import check_new, decide_shared
from opsroom_domain.shared.describe import describe_shared, quote, step
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS
from opsroom_domain.shared.events import EventBase, SharedEvent
from opsroom_domain.shared.evolve import TRACKED, evolve_shared, first_changes, touched
from opsroom_domain.shared.show import FLAGS, from_time_or_none, shared_from_json, shared_tags, shared_to_json, time_or_none
from opsroom_domain.shared.state import SharedState

PREFIX = "chg"
_TRACKED = (*TRACKED, "status")


class Status(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose(CommandBase):
    change_request_id: EntityId
    title: str
    description: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatus(CommandBase):
    seen: Status
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed(EventBase):
    change_request_id: EntityId
    title: str
    description: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(EventBase):
    previous: Status
    status: Status


Command: TypeAlias = SharedCommand | Propose | ChangeStatus
Event: TypeAlias = SharedEvent | Proposed | StatusChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest(SharedState):
    status: Status
    proposed_by: ActorId
    decided_by: ActorId | None = None
    decided_at: datetime | None = None


_STEPS: Mapping[Status, frozenset[Status]] = {
    Status.PROPOSED: frozenset({Status.APPROVED, Status.REJECTED}),
    Status.APPROVED: frozenset({Status.DONE}),
    Status.REJECTED: frozenset(),
    Status.DONE: frozenset(),
}


def decide(state: ChangeRequest | None, command: Command) -> Sequence[Event]:
    """Two people for one change: whoever proposed it does not decide on it."""
    if isinstance(command, Propose):
        if state is not None:
            raise AlreadyExists("already-exists", f"{state.id} exists already; take a new id for another change request")
        labels = check_new(
            command.change_request_id,
            PREFIX,
            title=command.title,
            description=command.description,
            labels=command.labels,
            what="a change request",
        )
        return (
            Proposed(
                at=command.at,
                by=command.by,
                change_request_id=command.change_request_id,
                title=command.title,
                description=command.description,
                labels=labels,
            ),
        )
    if state is None:
        raise NotFound("not-found", "there is no such change request; check the id, or propose it")
    if isinstance(command, ChangeStatus):
        return _change_status(state, command)
    return decide_shared(state, command)


def _change_status(state: ChangeRequest, command: ChangeStatus) -> Sequence[StatusChanged]:
    if command.status is Status.PROPOSED:
        raise Invalid("bad-status", "a change request begins as proposed and never comes back to it; propose another one")
    if not must_change("status", seen=command.seen, current=state.status, wanted=command.status):
        return ()
    if command.status not in _STEPS[state.status]:
        raise Refused("wrong-step", f"{state.id} is {state.status}; from there it can become {_next(state.status)}")
    if command.status in _STEPS[Status.PROPOSED] and command.by == state.proposed_by:
        raise Refused("own-change", f"{state.proposed_by} proposed it; somebody else has to decide: assign it to them")
    return (StatusChanged(at=command.at, by=command.by, previous=state.status, status=command.status),)


def _next(status: Status) -> str:
    return " or ".join(sorted(_STEPS[status])) or "nothing else: propose another one"


def evolve(state: ChangeRequest | None, event: Event) -> ChangeRequest:
    """Raises ValueError for a broken history."""
    if isinstance(event, Proposed):
        if state is not None:
            raise ValueError(f"{state.id} is proposed a second time; its history is broken")
        return ChangeRequest(
            id=event.change_request_id,
            title=event.title,
            description=event.description,
            labels=event.labels,
            status=Status.PROPOSED,
            proposed_by=event.by,
            field_changes=first_changes(event, _TRACKED),
        )
    if state is None:
        raise ValueError(f"a change request's history starts with {type(event).__name__} instead of Proposed; it is broken")
    if not isinstance(event, StatusChanged):
        return evolve_shared(state, event)
    decided = {"decided_by": event.by, "decided_at": event.at} if event.previous is Status.PROPOSED else {}
    return changed(state, status=event.status, field_changes=touched(state, event, "status"), **decided)


def describe(state: ChangeRequest | None, event: Event) -> TimelineEntry:
    """``state`` is the change request before ``event``."""
    if isinstance(event, Proposed):
        return TimelineEntry(f"Proposed {quote(event.title)}", {"title": step(None, event.title), "status": step(None, "proposed")})
    if state is None:
        raise ValueError("a history begins with Proposed")
    match event:
        case StatusChanged():
            return TimelineEntry(f"Marked it as {event.status}", {"status": step(event.previous.value, event.status.value)})
        case _:
            return describe_shared(state, event)


def to_json(state: ChangeRequest) -> dict[str, Json]:
    return {
        **shared_to_json(state),
        "status": state.status.value,
        "proposed_by": state.proposed_by,
        "decided_by": state.decided_by,
        "decided_at": time_or_none(state.decided_at),
    }


def from_json(row: Mapping[str, Any]) -> ChangeRequest:
    return ChangeRequest(
        **shared_from_json(row),
        status=Status(row["status"]),
        proposed_by=row["proposed_by"],
        decided_by=row["decided_by"],
        decided_at=from_time_or_none(row["decided_at"]),
    )


def tags(state: ChangeRequest) -> dict[str, str]:
    return {
        **shared_tags(state),
        "status": state.status.value,
        "live": FLAGS[bool(_STEPS[state.status])],
        "proposed_by": state.proposed_by,
    }


def columns(state: ChangeRequest) -> ListColumns:
    return ListColumns(title=state.title, status=state.status.value, assignee=state.assignee, text=f"{state.title}\n{state.description}")


CHANGE_REQUEST: Final[Kind[ChangeRequest, Command, Event]] = Kind(
    name="change_request",
    collection="change-requests",
    prefix=PREFIX,
    events={**SHARED_EVENTS, "proposed": Proposed, "status_changed": StatusChanged},
    commands={**SHARED_COMMANDS, "propose": Propose, "change_status": ChangeStatus},
    decide=decide,
    evolve=evolve,
    to_json=to_json,
    from_json=from_json,
    tags=tags,
    columns=columns,
    describe=describe,
    fold_version=1,
)
