"""What an incident's commands do: one pure function for each. The business rules are the docstrings.

A command that asks for what is already so gives no events. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_domain.changes import hash_of, must_change
from opsroom_domain.decider import AlreadyExists, NotFound, Refused
from opsroom_domain.entities.incident.commands import (
    Acknowledge,
    AddNote,
    AskFollowUp,
    AskReview,
    ChangeDuty,
    ChangeServices,
    ChangeSeverity,
    ChangeStatus,
    Command,
    CompleteMerge,
    CompleteSplit,
    EditPostmortem,
    Escalate,
    Merge,
    Open,
    OpenSplit,
    PickEvent,
    PostmortemCommand,
    RefuseMerge,
    RefuseSplit,
    Reopen,
    ReportSignal,
    Resolve,
    ReviewPostmortem,
    SettleFollowUp,
    Split,
    StartPostmortem,
    TakeOver,
    UnpickEvent,
)
from opsroom_domain.entities.incident.events import (
    Acknowledged,
    Escalated,
    Event,
    Noted,
    Opened,
    Reopened,
    Resolved,
    SeverityChanged,
    StatusChanged,
)
from opsroom_domain.entities.incident.limits import ESCALATION_LEVEL_MAX, NOTE_MAX, RESOLUTION_MAX, SOURCE_MAX
from opsroom_domain.entities.incident.members import change_duty, change_services
from opsroom_domain.entities.incident.merging import PREFIX, complete_merge, merge, refuse_merge, take_over, unmerged
from opsroom_domain.entities.incident.postmortem import decide_postmortem, settle_follow_up
from opsroom_domain.entities.incident.signals import report_signal
from opsroom_domain.entities.incident.splitting import complete_split, open_split, refuse_split, split
from opsroom_domain.entities.incident.state import Incident
from opsroom_domain.entities.incident.words import Status
from opsroom_domain.shared.commands import Archive, Restore, SettleLink, SharedCommand, UnlinkBack
from opsroom_domain.shared.decide import check_new, decide_shared
from opsroom_domain.shared.limits import ID_MAX, REASON_MAX
from opsroom_domain.text import check_line, check_text

_IN_WORK = (Status.ACKNOWLEDGED, Status.INVESTIGATING, Status.MITIGATED)


def decide(state: Incident | None, command: Command) -> Sequence[Event]:
    """The events that ``command`` gives, perhaps none. Raises Refused, NotFound, AlreadyExists or EditConflict."""
    match command:
        case Open():
            return open_incident(state, command)
        case ReportSignal():
            return report_signal(state if state is None or state.merging else unmerged(state), command)
        case TakeOver():
            return take_over(state, command)
        case OpenSplit():
            return open_split(state, command)
        case Merge() | CompleteMerge() | RefuseMerge() | CompleteSplit() | RefuseSplit() | SettleFollowUp() | SettleLink() | UnlinkBack():
            return _settle(_existing(state), command)
        case Archive() | Restore():
            return decide_shared(_existing(state), command)
        case _:
            return _decide_on(unmerged(_existing(state)), command)


def _settle(state: Incident, command: _OnMerged) -> Sequence[Event]:
    """What can be asked of a merged incident too: to merge it where it is merged, and what ends a process."""
    match command:
        case Merge():
            return merge(state, command)
        case CompleteMerge():
            return complete_merge(state, command)
        case RefuseMerge():
            return refuse_merge(state, command)
        case CompleteSplit():
            return complete_split(state, command)
        case RefuseSplit():
            return refuse_split(state, command)
        case SettleFollowUp():
            return settle_follow_up(state, command)
        case _:
            return decide_shared(state, command)


def _decide_on(state: Incident, command: _OnExisting) -> Sequence[Event]:
    match command:
        case Acknowledge():
            return acknowledge(state, command)
        case ChangeSeverity():
            return change_severity(state, command)
        case ChangeStatus():
            return change_status(state, command)
        case AddNote():
            return add_note(state, command)
        case Escalate():
            return escalate(state, command)
        case Resolve():
            return resolve(state, command)
        case Reopen():
            return reopen(state, command)
        case Split():
            return split(state, command)
        case ChangeServices():
            return change_services(state, command)
        case ChangeDuty():
            return change_duty(state, command)
        case StartPostmortem() | EditPostmortem() | PickEvent() | UnpickEvent() | AskFollowUp() | AskReview() | ReviewPostmortem():
            return decide_postmortem(state, command)
        case _:
            return decide_shared(state, command)


def open_incident(state: Incident | None, command: Open) -> Sequence[Event]:
    """An id is opened once. A retried create is recognised by its command id before it gets here."""
    if state is not None:
        raise AlreadyExists("already-exists", f"{state.id} exists already; take a new id for another incident")
    labels = check_new(
        command.incident_id, PREFIX, title=command.title, description=command.description, labels=command.labels, what="an incident"
    )
    check_line("source", command.source, SOURCE_MAX)
    if command.team is not None:
        check_line("team", command.team, ID_MAX)
    opened = Opened(
        at=command.at,
        by=command.by,
        incident_id=command.incident_id,
        title=command.title,
        description=command.description,
        severity=command.severity,
        source=command.source,
        labels=labels,
        visibility=command.visibility,
        team=command.team,
    )
    return (opened,)


def acknowledge(state: Incident, command: Acknowledge) -> Sequence[Event]:
    """Somebody has seen it. Whoever comes second changes nothing; a resolved incident must be reopened first."""
    if state.status is Status.OPEN:
        return (Acknowledged(at=command.at, by=command.by),)
    if state.status is Status.RESOLVED:
        raise Refused("resolved", f"{state.id} is resolved; reopen it to work on it again")
    return ()


def change_severity(state: Incident, command: ChangeSeverity) -> Sequence[Event]:
    """Allowed after the resolution too: the review often finds that it was worse."""
    if not must_change("severity", seen=command.seen, current=state.severity, wanted=command.severity):
        return ()
    return (SeverityChanged(at=command.at, by=command.by, previous=state.severity, severity=command.severity),)


def change_status(state: Incident, command: ChangeStatus) -> Sequence[Event]:
    """Between acknowledged, investigating and mitigated, in any direction. Whoever starts to work on an open incident acknowledges it."""
    if command.status not in _IN_WORK:
        other = {Status.RESOLVED: "resolve it", Status.MERGED: "merge it"}.get(command.status, "only reopening a resolved one leads there")
        raise Refused("bad-status", f"the status cannot be set to {command.status}; {other}")
    if not must_change("status", seen=command.seen, current=state.status, wanted=command.status):
        return ()
    if state.status is Status.RESOLVED:
        raise Refused("resolved", f"{state.id} is resolved; reopen it to work on it again")
    acknowledged = (Acknowledged(at=command.at, by=command.by),) if state.status is Status.OPEN else ()
    if acknowledged and command.status is Status.ACKNOWLEDGED:
        return acknowledged
    previous = Status.ACKNOWLEDGED if acknowledged else state.status
    return (*acknowledged, StatusChanged(at=command.at, by=command.by, previous=previous, status=command.status))


def add_note(state: Incident, command: AddNote) -> Sequence[Event]:
    """Write into the timeline. The same note again changes nothing, as long as it is among the last ``RECENT_NOTES``."""
    check_line("note_id", command.note_id, ID_MAX)
    check_text("text", command.text, NOTE_MAX)
    if not command.text.strip():
        raise Refused("blank", "the note is empty; write something")
    for known in state.recent_notes:
        if known.note_id == command.note_id:
            if known.hash == hash_of(command.text):
                return ()
            raise Refused("note-id-taken", "another note has this id; take a new one")
    return (Noted(at=command.at, by=command.by, note_id=command.note_id, text=command.text),)


def escalate(state: Incident, command: Escalate) -> Sequence[Event]:
    """Raise the level by one. Asking twice raises it twice: a repeat is known by its command id."""
    check_text("reason", command.reason, REASON_MAX)
    if not state.live:
        raise Refused("resolved", f"{state.id} is resolved; reopen it before you escalate it")
    if state.escalation_level >= ESCALATION_LEVEL_MAX:
        raise Refused("highest-level", f"{state.id} is at level {ESCALATION_LEVEL_MAX}, the highest; call someone")
    return (Escalated(at=command.at, by=command.by, level=state.escalation_level + 1, reason=command.reason),)


def resolve(state: Incident, command: Resolve) -> Sequence[Event]:
    """From any live status. On a resolved one only another resolution text is refused, because it would be lost."""
    check_text("resolution", command.resolution, RESOLUTION_MAX)
    if state.live:
        return (Resolved(at=command.at, by=command.by, resolution=command.resolution, automatic=False),)
    if command.resolution in ("", state.resolution):
        return ()
    raise Refused("already-resolved", f"{state.id} is resolved already; add a note to say more")


def reopen(state: Incident, command: Reopen) -> Sequence[Event]:
    """Back to open: it must be acknowledged again. The escalation level stays, so that who was called in stays in."""
    check_text("reason", command.reason, REASON_MAX)
    if state.live:
        raise Refused("not-resolved", f"{state.id} is {state.status}; only a resolved incident can be reopened; go on with it as it is")
    return (Reopened(at=command.at, by=command.by, reason=command.reason),)


def _existing(state: Incident | None) -> Incident:
    if state is None:
        raise NotFound("not-found", "there is no such incident; check the id, or open it")
    return state


_OnMerged = Merge | CompleteMerge | RefuseMerge | CompleteSplit | RefuseSplit | SettleFollowUp | SettleLink | UnlinkBack
_OnExisting = (
    SharedCommand
    | Acknowledge
    | ChangeSeverity
    | ChangeStatus
    | AddNote
    | Escalate
    | Resolve
    | Reopen
    | Split
    | ChangeServices
    | ChangeDuty
    | PostmortemCommand
)
