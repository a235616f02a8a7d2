"""A link has two halves. Whoever links or unlinks changes the half of one entity; these processes make the other one follow."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias

from command_api.processes.steps import ACTOR, Outcome, Process, Refusal, Step
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity
from opsroom_domain.decider import Kind
from opsroom_domain.ids import EntityId, prefix_of
from opsroom_domain.registry import kind_of_prefix
from opsroom_domain.shared.commands import LinkBack, SettleLink, UnlinkBack
from opsroom_domain.shared.events import Linked, Unlinked
from opsroom_domain.shared.state import SharedState
from opsroom_domain.shared.words import INVERSE, Standing

_Asking: TypeAlias = Generator[Step, Outcome, str]


def linked(cause: DomainRecord, here: Entity) -> Process:
    """Ask the target for its half, and settle this one with the answer. One that is no longer pending needs nothing."""
    event: Linked = cause.event
    state: SharedState = here.state
    known = state.link(event.target, event.relation)
    if known is None or known.standing is not Standing.PENDING:
        return
    reason = yield from _other_half(cause, here, event)
    settle = SettleLink(at=cause.envelope.time, by=ACTOR, target=event.target, relation=event.relation, reason=reason)
    yield Step(kind=here.kind, entity_id=here.id, command=settle)


def unlinked(cause: DomainRecord, here: Entity) -> Process:
    """Take the target's half away, unless this one is linked again: then that later link is the cause of what is to do."""
    event: Unlinked = cause.event
    state: SharedState = here.state
    kind, inverse = _takes(event.target, "unlink_back"), INVERSE.get(event.relation)
    if state.link(event.target, event.relation) is not None or kind is None or inverse is None:
        return
    command = UnlinkBack(at=cause.envelope.time, by=ACTOR, target=here.id, relation=inverse)
    yield Step(kind=kind.name, entity_id=event.target, command=command)


def _other_half(cause: DomainRecord, here: Entity, event: Linked) -> _Asking:
    """Returns why the target has no half, or nothing if it has."""
    kind, inverse = _takes(event.target, "link_back"), INVERSE.get(event.relation)
    if inverse is None:
        return f"{event.relation} has no inverse; remove the link, and choose one of {', '.join(INVERSE)}"
    if kind is None:
        return f"{event.target} is of a kind that takes no links; remove the link"
    command = LinkBack(at=cause.envelope.time, by=ACTOR, target=here.id, relation=inverse)
    outcome = yield Step(kind=kind.name, entity_id=event.target, command=command)
    return outcome.message if isinstance(outcome, Refusal) else ""


def _takes(target: EntityId, command: str) -> Kind[Any, Any, Any] | None:
    """The target's kind, if it takes the command."""
    kind = kind_of_prefix(prefix_of(target))
    return kind if kind is not None and command in kind.commands else None
