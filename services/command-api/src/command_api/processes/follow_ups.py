"""A follow-up of a postmortem becomes a task, and the incident is told that it exists, or why not."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

from command_api.processes.steps import ACTOR, Outcome, Process, Refusal, Step
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity
from opsroom_domain.entities.incident import FollowUpAsked, Incident, SettleFollowUp, Standing
from opsroom_domain.ids import prefix_of
from opsroom_domain.registry import kind_of_prefix

CREATE = "create"
_Asking: TypeAlias = Generator[Step, Outcome, str]


def follow_up_asked(cause: DomainRecord, here: Entity) -> Process:
    """Make the task, with the incident as its parent, as visible as that. One that is settled needs nothing."""
    event: FollowUpAsked = cause.event
    state: Incident = here.state
    known = None if state.postmortem is None else state.postmortem.follow_ups.get(event.task_id)
    if known is None or known.standing is not Standing.PENDING:
        return
    reason = yield from _made(cause, state)
    settle = SettleFollowUp(at=cause.envelope.time, by=ACTOR, task_id=event.task_id, reason=reason)
    yield Step(kind=here.kind, entity_id=here.id, command=settle)


def _made(cause: DomainRecord, state: Incident) -> _Asking:
    """Returns why there is no task, or nothing if there is."""
    event: FollowUpAsked = cause.event
    kind = kind_of_prefix(prefix_of(event.task_id))
    create = None if kind is None else kind.commands.get(CREATE)
    if kind is None or create is None:
        return f"{event.task_id} is of a kind that cannot be created; ask for the follow-up again with a task's id"
    command = create(
        at=cause.envelope.time,
        by=ACTOR,
        task_id=event.task_id,
        title=event.title,
        parent=state.id,
        visibility=state.visibility,
        team=state.team,
    )
    outcome = yield Step(kind=kind.name, entity_id=event.task_id, command=command)
    return outcome.message if isinstance(outcome, Refusal) else ""
