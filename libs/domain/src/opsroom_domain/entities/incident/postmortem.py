"""The rules of the postmortem: started from a template once the incident is resolved, written by several, approved by somebody else.

It is part of its incident. While that is open again the postmortem rests: nothing of it can be changed until the incident is resolved.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_domain.changes import Change, due
from opsroom_domain.decider import Invalid, Refused
from opsroom_domain.entities.incident.commands import (
    AskFollowUp,
    AskReview,
    EditPostmortem,
    PickEvent,
    PostmortemCommand,
    ReviewPostmortem,
    SettleFollowUp,
    StartPostmortem,
    UnpickEvent,
)
from opsroom_domain.entities.incident.events import (
    EventPicked,
    EventUnpicked,
    FollowUpAsked,
    FollowUpSettled,
    PostmortemEdited,
    PostmortemEvent,
    PostmortemStarted,
    ReviewAsked,
    Reviewed,
)
from opsroom_domain.entities.incident.limits import AUTHORS_MAX, FOLLOW_UPS_MAX, PICK_NOTE_MAX, PICKS_MAX, SECTION_MAX
from opsroom_domain.entities.incident.state import Incident, Postmortem
from opsroom_domain.entities.incident.template import TEMPLATES
from opsroom_domain.entities.incident.words import Review, Status
from opsroom_domain.ids import prefix_of
from opsroom_domain.shared.limits import REASON_MAX, TITLE_MAX
from opsroom_domain.shared.words import Standing
from opsroom_domain.text import check_line, check_text, fitted_line

FIELD = "postmortem."
"""Before a section's name where it stands among the incident's other fields: in conflicts and in who changed what."""


def decide_postmortem(state: Incident, command: PostmortemCommand) -> Sequence[PostmortemEvent]:
    """The events that ``command`` gives, perhaps none. Raises Refused or EditConflict."""
    match command:
        case StartPostmortem():
            return start(state, command)
        case EditPostmortem():
            return edit(state, command)
        case PickEvent():
            return pick(state, command)
        case UnpickEvent():
            return unpick(state, command)
        case AskFollowUp():
            return ask_follow_up(state, command)
        case AskReview():
            return ask_review(state, command)
        case ReviewPostmortem():
            return review(state, command)


def start(state: Incident, command: StartPostmortem) -> Sequence[PostmortemStarted]:
    """Begin with empty sections. The same template again changes nothing; another one is refused, because texts would be lost."""
    _resolved(state)
    if state.postmortem is not None:
        if state.postmortem.template == command.template:
            return ()
        raise Refused("postmortem-started", f"{state.id} has a postmortem already, of another template; go on with that")
    template = TEMPLATES.get(command.template)
    if template is None:
        raise Invalid("unknown-template", f"there is no such template; choose one of {', '.join(TEMPLATES)}")
    return (PostmortemStarted(at=command.at, by=command.by, template=command.template, sections=tuple(template)),)


def edit(state: Incident, command: EditPostmortem) -> Sequence[PostmortemEdited]:
    """Write in sections, each judged by the text that the editor saw; all of them or, on a conflict, none."""
    known = _open(state)
    names = [change.field for change in command.changes]
    if len(set(names)) != len(names):
        raise Invalid("field-twice", "a section is named twice in one edit; send one change for each section")
    for change in command.changes:
        if change.field not in known.sections:
            raise Invalid("unknown-field", f"the postmortem has no such section; it has {', '.join(known.sections)}")
        check_text(change.field, change.to, SECTION_MAX)
    if command.by not in known.authors and len(known.authors) >= AUTHORS_MAX:
        raise Refused("too-many", f"{AUTHORS_MAX} people have written in it already; let one of them write")
    wanted = [Change(field=FIELD + change.field, seen=change.seen, to=change.to) for change in command.changes]
    changes = due(wanted, {FIELD + name: text for name, text in known.sections.items()})
    plain = tuple(Change(field=change.field.removeprefix(FIELD), seen=change.seen, to=change.to) for change in changes)
    return (PostmortemEdited(at=command.at, by=command.by, changes=plain),) if plain else ()


def pick(state: Incident, command: PickEvent) -> Sequence[EventPicked]:
    """Take an event of the incident's own timeline into the postmortem, with a note; the same one with another note replaces it."""
    known = _open(state)
    check_text("note", command.note, PICK_NOTE_MAX)
    if not 1 <= command.version <= state.event_count:
        raise Invalid("no-such-event", f"{state.id} has the events 1 to {state.event_count}; pick one of them by its version")
    picked = known.picks.get(command.version)
    if picked is not None and picked.note == command.note:
        return ()
    if picked is None and len(known.picks) >= PICKS_MAX:
        raise Refused("too-many", f"{PICKS_MAX} events are picked already; remove one first")
    return (EventPicked(at=command.at, by=command.by, version=command.version, note=command.note),)


def unpick(state: Incident, command: UnpickEvent) -> Sequence[EventUnpicked]:
    """Leave an event out again; one that is not picked is no error."""
    if command.version not in _open(state).picks:
        return ()
    return (EventUnpicked(at=command.at, by=command.by, version=command.version),)


def ask_follow_up(state: Incident, command: AskFollowUp) -> Sequence[FollowUpAsked]:
    """Note that something is to be done; a process makes a task of it. A refused one can be asked for again."""
    known = _open(state)
    check_line("title", command.title, TITLE_MAX)
    if prefix_of(command.task_id) is None:
        raise Invalid("bad-id", "the task's id is not an entity's id like tsk_01k…; mint one")
    asked = known.follow_ups.get(command.task_id)
    if asked is not None and asked.standing is not Standing.REFUSED:
        if asked.title == command.title:
            return ()
        raise Refused("follow-up-taken", "another follow-up has this task; take a new id")
    if asked is None and len(known.follow_ups) >= FOLLOW_UPS_MAX:
        raise Refused("too-many", f"{FOLLOW_UPS_MAX} follow-ups are asked for already; link a task of your own instead")
    return (FollowUpAsked(at=command.at, by=command.by, task_id=command.task_id, title=command.title),)


def settle_follow_up(state: Incident, command: SettleFollowUp) -> Sequence[FollowUpSettled]:
    """Say what became of a follow-up, whatever the incident is by now. Told again, it changes nothing."""
    known = None if state.postmortem is None else state.postmortem.follow_ups.get(command.task_id)
    if known is None or known.standing is not Standing.PENDING:
        return ()
    return (FollowUpSettled(at=command.at, by=command.by, task_id=command.task_id, reason=fitted_line(command.reason, REASON_MAX)),)


def ask_review(state: Incident, command: AskReview) -> Sequence[ReviewAsked]:
    """Hand it to the others. Asked again, it changes nothing."""
    known = _open(state)
    if known.review is Review.IN_REVIEW:
        return ()
    if not any(text.strip() for text in known.sections.values()):
        raise Refused("postmortem-empty", "nothing is written in it yet; fill a section in before others read it")
    return (ReviewAsked(at=command.at, by=command.by),)


def review(state: Incident, command: ReviewPostmortem) -> Sequence[Reviewed]:
    """Approve it, or ask for changes and say which. Whoever wrote in it cannot approve it: that takes somebody else.

    Changes can be asked for of an approved one too: that opens it again.
    """
    known = _started(_resolved(state))
    check_text("note", command.note, REASON_MAX)
    match command.verdict:
        case Review.APPROVED:
            if known.review is Review.APPROVED:
                return ()
            if known.review is not Review.IN_REVIEW:
                raise Refused("not-in-review", f"the postmortem is {known.review}; ask for its review first")
            if command.by in known.authors:
                raise Refused("own-postmortem", "you wrote in this postmortem; let somebody approve it who did not")
        case Review.CHANGES_REQUESTED:
            if known.review not in {Review.IN_REVIEW, Review.APPROVED}:
                raise Refused("not-in-review", f"the postmortem is {known.review}; write in it, or ask for its review")
            if not command.note.strip():
                raise Invalid("blank", "no change is named; say in the note what is to be changed")
        case _:
            raise Invalid("bad-verdict", f"a review ends with {Review.APPROVED} or {Review.CHANGES_REQUESTED}; choose one")
    return (Reviewed(at=command.at, by=command.by, verdict=command.verdict, note=command.note),)


def _resolved(state: Incident) -> Incident:
    if state.status is not Status.RESOLVED:
        raise Refused("not-resolved", f"{state.id} is {state.status}; its postmortem can be written once it is resolved: resolve it first")
    return state


def _started(state: Incident) -> Postmortem:
    if state.postmortem is None:
        raise Refused("no-postmortem", f"{state.id} has no postmortem yet; start one")
    return state.postmortem


def _open(state: Incident) -> Postmortem:
    known = _started(_resolved(state))
    if known.review is Review.APPROVED:
        raise Refused("approved", "the postmortem is approved; ask for changes in a review before you change it")
    return known
