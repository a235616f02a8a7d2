"""How a postmortem becomes what its events say."""

from __future__ import annotations

from typing import assert_never

from opsroom_domain.copies import changed
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
from opsroom_domain.entities.incident.postmortem import FIELD
from opsroom_domain.entities.incident.state import FollowUp, Incident, Pick, Postmortem
from opsroom_domain.entities.incident.words import Review
from opsroom_domain.shared.evolve import touched, with_members
from opsroom_domain.shared.words import Standing


def evolve_postmortem(state: Incident, event: PostmortemEvent) -> Incident:
    """The incident after ``event``."""
    if isinstance(event, PostmortemStarted):
        started = Postmortem(
            template=event.template,
            started_at=event.at,
            started_by=event.by,
            sections=dict.fromkeys(event.sections, ""),
            authors=(event.by,),
        )
        return changed(state, postmortem=started)
    known = state.postmortem
    if known is None:
        raise ValueError(f"{state.id} has no postmortem, and {type(event).__name__} is about it; its history is broken")
    if isinstance(event, PostmortemEdited):
        sections = {**known.sections, **{change.field: change.to for change in event.changes}}
        after = changed(known, sections=sections, authors=with_members(known.authors, (event.by,), ()))
        fields = (FIELD + change.field for change in event.changes)
        return changed(state, postmortem=after, field_changes=touched(state, event, *fields))
    return changed(state, postmortem=_evolved(known, event))


def _evolved(known: Postmortem, event: _Later) -> Postmortem:
    match event:
        case EventPicked():
            picks = {**known.picks, event.version: Pick(note=event.note, by=event.by)}
            return changed(known, picks=dict(sorted(picks.items())))
        case EventUnpicked():
            return changed(known, picks={version: pick for version, pick in known.picks.items() if version != event.version})
        case FollowUpAsked():
            asked = FollowUp(title=event.title, standing=Standing.PENDING)
            return changed(known, follow_ups={**known.follow_ups, event.task_id: asked})
        case FollowUpSettled():
            standing = Standing.REFUSED if event.reason else Standing.DONE
            settled = changed(known.follow_ups[event.task_id], standing=standing, reason=event.reason)
            return changed(known, follow_ups={**known.follow_ups, event.task_id: settled})
        case ReviewAsked():
            return changed(known, review=Review.IN_REVIEW, reviewed_by=None, reviewed_at=None, review_note="")
        case Reviewed():
            return changed(known, review=event.verdict, reviewed_by=event.by, reviewed_at=event.at, review_note=event.note)
        case _:
            assert_never(event)


_Later = EventPicked | EventUnpicked | FollowUpAsked | FollowUpSettled | ReviewAsked | Reviewed
