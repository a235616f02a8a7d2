"""What a ticket's commands do: one pure function for each. The business rules are the docstrings.

A command that asks for what is already so gives no events. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_domain.changes import hash_of, must_change
from opsroom_domain.decider import Invalid, Refused
from opsroom_domain.entities.ticket.commands import (
    AddNote,
    ChangePriority,
    ChangeStatus,
    CheckSla,
    Close,
    Command,
    Create,
    Reopen,
    Reply,
    Solve,
)
from opsroom_domain.entities.ticket.events import (
    Closed,
    Created,
    Event,
    Noted,
    PriorityChanged,
    Reopened,
    Replied,
    SlaBreached,
    Solved,
    StatusChanged,
)
from opsroom_domain.entities.ticket.evolve import evolve
from opsroom_domain.entities.ticket.sla import checked_targets
from opsroom_domain.entities.ticket.state import Ticket, Written
from opsroom_domain.entities.ticket.words import PREFIX, REPLY_MAX, RESOLUTION_MAX, Status
from opsroom_domain.shared.commands import CommandBase, SharedCommand
from opsroom_domain.shared.decide import check_new, decide_shared
from opsroom_domain.shared.limits import ID_MAX, REASON_MAX
from opsroom_domain.shared.new import existing, must_be_new
from opsroom_domain.text import check_line, check_text

REPLIED = "The requester replied."
_SETTABLE = (Status.OPEN, Status.PENDING, Status.ON_HOLD)


def decide(state: Ticket | None, command: Command) -> Sequence[Event]:
    """The events that ``command`` gives, perhaps none. Raises Refused, NotFound, AlreadyExists or EditConflict.

    If something is overdue when an event happens, that is said first: so a breach stands in the log at the first event after it, and
    ``CheckSla`` says it when nothing else happens.
    """
    if isinstance(command, Create):
        return create(state, command)
    ticket = existing(state, "ticket")
    if isinstance(command, CheckSla):
        return _breaches(ticket, command)
    events = tuple(_decide_on(ticket, command))
    if not events:
        return ()
    before = _breaches(ticket, command)
    after = ticket
    for event in (*before, *events):
        after = evolve(after, event)
    return (*before, *events, *_breaches(after, command))


def _decide_on(state: Ticket, command: _OnExisting) -> Sequence[Event]:
    match command:
        case Reply():
            return reply(state, command)
        case AddNote():
            return add_note(state, command)
        case ChangeStatus():
            return change_status(state, command)
        case Solve():
            return solve(state, command)
        case Reopen():
            return reopen(state, command)
        case Close():
            return close(state, command)
        case ChangePriority():
            return change_priority(state, command)
        case _:
            return decide_shared(state, command)


def create(state: Ticket | None, command: Create) -> Sequence[Created]:
    """A new ticket is new, and its SLA clock runs."""
    must_be_new(state, "ticket")
    title, description = command.title, command.description
    labels = check_new(command.ticket_id, PREFIX, title=title, description=description, labels=command.labels, what="a ticket")
    for field, value in (("requester", command.requester), ("assignee", command.assignee), ("team", command.team)):
        if value is not None:
            check_line(field, value, ID_MAX)
    created = Created(
        at=command.at,
        by=command.by,
        ticket_id=command.ticket_id,
        title=title,
        description=description,
        requester=command.requester,
        channel=command.channel,
        priority=command.priority,
        targets=checked_targets(command.targets),
        assignee=command.assignee,
        labels=labels,
        visibility=command.visibility,
        team=command.team,
    )
    return (created,)


def reply(state: Ticket, command: Reply) -> Sequence[Event]:
    """A public answer. The requester's makes a pending ticket open again and reopens a solved one; ours makes a new ticket open.

    A closed ticket takes none. The same reply again changes nothing, as long as it is among the last ones.
    """
    check_line("reply_id", command.reply_id, ID_MAX)
    if _is_repeat(state.recent_replies, command.reply_id, command.text, "reply"):
        return ()
    _not_closed(state)
    from_requester = command.from_requester or command.by == state.requester
    at, by = command.at, command.by
    replied = Replied(at=at, by=by, reply_id=command.reply_id, text=command.text, from_requester=from_requester)
    if from_requester and state.status is Status.SOLVED:
        return (replied, Reopened(at=at, by=by, reason=REPLIED, by_reply=True))
    answered = Status.PENDING if from_requester else Status.NEW
    if state.status is answered:
        return (replied, StatusChanged(at=at, by=by, previous=answered, status=Status.OPEN))
    return (replied,)


def add_note(state: Ticket, command: AddNote) -> Sequence[Noted]:
    """Internal: it is no answer to the requester and moves nothing, so a closed ticket takes it too."""
    check_line("note_id", command.note_id, ID_MAX)
    if _is_repeat(state.recent_notes, command.note_id, command.text, "note"):
        return ()
    return (Noted(at=command.at, by=command.by, note_id=command.note_id, text=command.text),)


def change_status(state: Ticket, command: ChangeStatus) -> Sequence[StatusChanged]:
    """Between open, pending and on hold, in any direction. A new one stays new only until somebody touches it."""
    if command.status not in _SETTABLE:
        other = {Status.SOLVED: "solve it", Status.CLOSED: "close it"}.get(command.status, "it is so only until somebody works on it")
        raise Invalid("bad-status", f"the status cannot be set to {command.status}; {other}")
    if not must_change("status", seen=command.seen, current=state.status, wanted=command.status):
        return ()
    _not_closed(state)
    if not state.live:
        raise Refused("solved", f"{state.id} is solved; reopen it to work on it again")
    return (StatusChanged(at=command.at, by=command.by, previous=state.status, status=command.status),)


def solve(state: Ticket, command: Solve) -> Sequence[Solved]:
    """From any live status. On a solved one only another resolution text is refused, because it would be lost."""
    check_text("resolution", command.resolution, RESOLUTION_MAX)
    if state.live:
        return (Solved(at=command.at, by=command.by, resolution=command.resolution),)
    if command.resolution in ("", state.resolution):
        return ()
    raise Refused("already-solved", f"{state.id} is {state.status} already; add a note to say more")


def reopen(state: Ticket, command: Reopen) -> Sequence[Reopened]:
    """Only a solved one: what is closed is past, and goes on in another ticket."""
    check_text("reason", command.reason, REASON_MAX)
    _not_closed(state)
    if state.live:
        raise Refused("not-solved", f"{state.id} is {state.status}; only a solved ticket can be reopened; go on with it as it is")
    return (Reopened(at=command.at, by=command.by, reason=command.reason, by_reply=False),)


def close(state: Ticket, command: Close) -> Sequence[Closed]:
    """Only a solved one, and for good."""
    if state.status is Status.CLOSED:
        return ()
    if state.live:
        raise Refused("not-solved", f"{state.id} is {state.status}; solve it before you close it")
    return (Closed(at=command.at, by=command.by),)


def change_priority(state: Ticket, command: ChangePriority) -> Sequence[PriorityChanged]:
    """From the seen one to another, with that one's targets. The time that has passed stays, so a target may be missed at once."""
    if not must_change("priority", seen=command.seen, current=state.priority, wanted=command.priority):
        return ()
    _not_closed(state)
    return (PriorityChanged(at=command.at, by=command.by, previous=state.priority, priority=command.priority),)


def _breaches(state: Ticket, command: CommandBase) -> tuple[SlaBreached, ...]:
    goals = state.overdue(command.at)
    return (SlaBreached(at=command.at, by=command.by, goals=goals),) if goals else ()


def _is_repeat(recent: Sequence[Written], name: str, text: str, what: str) -> bool:
    check_text("text", text, REPLY_MAX)
    if not text.strip():
        raise Invalid("blank", f"the {what} is empty; write something")
    for known in recent:
        if known.id == name:
            if known.hash == hash_of(text):
                return True
            raise Refused(f"{what}-id-taken", f"another {what} has this id; take a new one")
    return False


def _not_closed(state: Ticket) -> None:
    if state.status is Status.CLOSED:
        raise Refused("closed", f"{state.id} is closed; create another ticket and link it to this one")


_OnExisting = SharedCommand | Reply | AddNote | ChangeStatus | Solve | Reopen | Close | ChangePriority
