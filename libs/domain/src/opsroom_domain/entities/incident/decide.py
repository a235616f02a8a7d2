"""What an incident's commands do: one pure function for each. The business rules are the docstrings.

A command that asks for what is already so gives no events. Nothing is changed in place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar, assert_never

from opsroom_domain.changes import due, hash_of, must_change
from opsroom_domain.decider import AlreadyExists, NotFound, Refused
from opsroom_domain.entities.incident.commands import (
    Acknowledge,
    AddNote,
    Assign,
    ChangeLabels,
    ChangeSeverity,
    ChangeStatus,
    ChangeVisibility,
    ChangeWatchers,
    Command,
    Edit,
    Escalate,
    Link,
    Merge,
    Open,
    Reopen,
    ReportSignal,
    Resolve,
    Unlink,
)
from opsroom_domain.entities.incident.events import (
    Acknowledged,
    Assigned,
    Edited,
    Escalated,
    Event,
    LabelsChanged,
    Linked,
    Merged,
    Noted,
    Opened,
    Reopened,
    Resolved,
    SeverityChanged,
    StatusChanged,
    Unlinked,
    VisibilityChanged,
    WatchersChanged,
)
from opsroom_domain.entities.incident.limits import (
    DESCRIPTION_MAX,
    ESCALATION_LEVEL_MAX,
    ID_MAX,
    LABEL_MAX,
    LABELS_MAX,
    LINKS_MAX,
    NOTE_MAX,
    REASON_MAX,
    RELATION_MAX,
    RESOLUTION_MAX,
    SOURCE_MAX,
    TITLE_MAX,
    WATCHERS_MAX,
)
from opsroom_domain.entities.incident.signals import report_signal
from opsroom_domain.entities.incident.state import Incident, LinkTo
from opsroom_domain.entities.incident.words import Status
from opsroom_domain.ids import EntityId, prefix_of
from opsroom_domain.text import check_line, check_text

PREFIX = "inc"
_IN_WORK = (Status.ACKNOWLEDGED, Status.INVESTIGATING, Status.MITIGATED)
_RELATION = re.compile(r"[a-z][a-z0-9-]*")


def decide(state: Incident | None, command: Command) -> Sequence[Event]:
    """The events that ``command`` gives, perhaps none. Raises Refused, NotFound, AlreadyExists or EditConflict."""
    match command:
        case Open():
            return open_incident(state, command)
        case ReportSignal():
            return report_signal(None if state is None else _unmerged(state), command)
        case Merge():
            return merge(_existing(state), command)
        case _:
            return _decide_on(_unmerged(_existing(state)), command)


def _decide_on(state: Incident, command: _OnExisting) -> Sequence[Event]:
    match command:
        case Acknowledge():
            return acknowledge(state, command)
        case Assign():
            return assign(state, command)
        case ChangeSeverity():
            return change_severity(state, command)
        case ChangeStatus():
            return change_status(state, command)
        case Edit():
            return edit(state, command)
        case AddNote():
            return add_note(state, command)
        case Link():
            return link(state, command)
        case Unlink():
            return unlink(state, command)
        case Escalate():
            return escalate(state, command)
        case Resolve():
            return resolve(state, command)
        case Reopen():
            return reopen(state, command)
        case ChangeLabels():
            return change_labels(state, command)
        case ChangeWatchers():
            return change_watchers(state, command)
        case ChangeVisibility():
            return change_visibility(state, command)
        case _:
            assert_never(command)


def open_incident(state: Incident | None, command: Open) -> Sequence[Event]:
    """An id is opened once. A retried create is recognised by its command id before it gets here."""
    if state is not None:
        raise AlreadyExists("already-exists", f"{state.id} exists already; take a new id for another incident")
    if prefix_of(command.incident_id) != PREFIX:
        raise Refused("bad-id", f"an incident's id looks like {PREFIX}_01k…; mint a new one")
    check_line("title", command.title, TITLE_MAX)
    check_text("description", command.description, DESCRIPTION_MAX)
    check_line("source", command.source, SOURCE_MAX)
    labels = sorted(set(command.labels))
    _check_members("labels", labels, LABEL_MAX, LABELS_MAX)
    opened = Opened(
        at=command.at,
        by=command.by,
        incident_id=command.incident_id,
        title=command.title,
        description=command.description,
        severity=command.severity,
        source=command.source,
        labels=tuple(labels),
        visibility=command.visibility,
    )
    return (opened,)


def acknowledge(state: Incident, command: Acknowledge) -> Sequence[Event]:
    """Somebody has seen it. Whoever comes second changes nothing; a resolved incident must be reopened first."""
    if state.status is Status.OPEN:
        return (Acknowledged(at=command.at, by=command.by),)
    if state.status is Status.RESOLVED:
        raise Refused("resolved", f"{state.id} is resolved; reopen it to work on it again")
    return ()


def assign(state: Incident, command: Assign) -> Sequence[Event]:
    """Give it to someone, or to nobody. It does not acknowledge: being given a thing is not having seen it."""
    if command.assignee is not None:
        check_line("assignee", command.assignee, ID_MAX)
    if not must_change("assignee", seen=command.seen, current=state.assignee, wanted=command.assignee):
        return ()
    return (Assigned(at=command.at, by=command.by, previous=state.assignee, assignee=command.assignee),)


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


def edit(state: Incident, command: Edit) -> Sequence[Event]:
    """Change texts, each judged by the value that the editor saw; all of them or, on a conflict, none."""
    fields = [change.field for change in command.changes]
    if len(set(fields)) != len(fields):
        raise Refused("field-twice", "a field is named twice in one edit; send one change for each field")
    for change in command.changes:
        if change.field == "title":
            check_line("title", change.to, TITLE_MAX)
        elif change.field == "description":
            check_text("description", change.to, DESCRIPTION_MAX)
        else:
            raise Refused("unknown-field", "only title and description can be edited; other fields have commands of their own")
    changes = due(command.changes, state.texts)
    return (Edited(at=command.at, by=command.by, changes=changes),) if changes else ()


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


def link(state: Incident, command: Link) -> Sequence[Event]:
    """Relate it to another entity, once for each relation."""
    _check_target(state, command.target, command.relation)
    if LinkTo(target=command.target, relation=command.relation) in state.links:
        return ()
    if len(state.links) >= LINKS_MAX:
        raise Refused("too-many", f"{state.id} has {LINKS_MAX} links already; remove one first")
    return (Linked(at=command.at, by=command.by, target=command.target, relation=command.relation),)


def unlink(state: Incident, command: Unlink) -> Sequence[Event]:
    """Take a link away; one that is not there is no error."""
    if LinkTo(target=command.target, relation=command.relation) not in state.links:
        return ()
    return (Unlinked(at=command.at, by=command.by, target=command.target, relation=command.relation),)


def merge(state: Incident, command: Merge) -> Sequence[Event]:
    """Declare it a duplicate. From then on nothing changes it; work goes on in the other one, whose existence is not checked here."""
    if state.merged_into == command.into:
        return ()
    _unmerged(state)
    if command.into == state.id:
        raise Refused("merge-into-itself", f"{state.id} cannot be merged into itself; name another incident")
    if prefix_of(command.into) != PREFIX:
        raise Refused("bad-id", "an incident can only be merged into an incident; name one by its id")
    return (Merged(at=command.at, by=command.by, into=command.into),)


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


def change_labels(state: Incident, command: ChangeLabels) -> Sequence[Event]:
    """Labels are a set: adding what is there and removing what is not changes nothing, so that two editors never conflict."""
    _check_members("labels", command.add, LABEL_MAX, LABELS_MAX)
    added, removed = _set_change("labels", state.labels, command.add, command.remove, LABELS_MAX)
    return (LabelsChanged(at=command.at, by=command.by, added=added, removed=removed),) if added or removed else ()


def change_watchers(state: Incident, command: ChangeWatchers) -> Sequence[Event]:
    """Watchers are a set, like labels."""
    _check_members("watchers", command.add, ID_MAX, WATCHERS_MAX)
    added, removed = _set_change("watchers", state.watchers, command.add, command.remove, WATCHERS_MAX)
    return (WatchersChanged(at=command.at, by=command.by, added=added, removed=removed),) if added or removed else ()


def change_visibility(state: Incident, command: ChangeVisibility) -> Sequence[Event]:
    """Who may see it."""
    if not must_change("visibility", seen=command.seen, current=state.visibility, wanted=command.visibility):
        return ()
    return (VisibilityChanged(at=command.at, by=command.by, previous=state.visibility, visibility=command.visibility),)


def _existing(state: Incident | None) -> Incident:
    if state is None:
        raise NotFound("not-found", "there is no such incident; check the id, or open it")
    return state


def _unmerged(state: Incident) -> Incident:
    if state.merged_into is not None:
        raise Refused("merged", f"{state.id} was merged into {state.merged_into}; go on there")
    return state


def _check_target(state: Incident, target: EntityId, relation: str) -> None:
    if target == state.id:
        raise Refused("link-to-itself", f"{state.id} cannot be linked to itself; name another entity")
    if prefix_of(target) is None:
        raise Refused("bad-id", "the target is not an entity's id like inc_01k…; name one")
    if len(relation) > RELATION_MAX or not _RELATION.fullmatch(relation):
        raise Refused("bad-relation", f"a relation is a word like caused-by: a-z, 0-9 and -, up to {RELATION_MAX} characters")


def _check_members(field: str, members: Sequence[str], length_max: int, count_max: int) -> None:
    if len(members) > count_max:
        raise Refused("too-many", f"{len(members)} {field} at once, and an incident may have {count_max}; send fewer")
    for member in members:
        check_line(field, member, length_max)
        if member != member.strip():
            raise Refused("bad-text", f"one of the {field} starts or ends with white space; remove it")


_Member = TypeVar("_Member", bound=str)


def _set_change(
    field: str, current: Sequence[_Member], add: Sequence[_Member], remove: Sequence[_Member], count_max: int
) -> tuple[tuple[_Member, ...], tuple[_Member, ...]]:
    """What is really added and removed, sorted. Raises Refused ``both`` or ``too-many``."""
    if set(add) & set(remove):
        raise Refused("both", f"one of the {field} is to be added and removed at once; choose one")
    added, removed = set(add) - set(current), set(remove) & set(current)
    if added and len(current) + len(added) - len(removed) > count_max:
        raise Refused("too-many", f"an incident may have {count_max} {field}; remove some first")
    return tuple(sorted(added)), tuple(sorted(removed))


_OnExisting = (
    Acknowledge
    | Assign
    | ChangeSeverity
    | ChangeStatus
    | Edit
    | AddNote
    | Link
    | Unlink
    | Escalate
    | Resolve
    | Reopen
    | ChangeLabels
    | ChangeWatchers
    | ChangeVisibility
)
