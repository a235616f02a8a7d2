"""A merge: the other incident takes over what this one has, and then this one is told; or this one is told why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from command_api.processes.handing import INCIDENT, ROUNDS_MAX, hand_over, in_parts
from command_api.processes.steps import ACTOR, NotYet, Process, Refusal, Step
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity
from opsroom_domain.entities.incident import CompleteMerge, Incident, Merged, RefuseMerge, SignalCopy, TakenWhy, TakeOver, copies

CHANGED = "version-mismatch"


def merged(cause: DomainRecord, here: Entity) -> Process:
    """Carry a pending merge out. Signals that come meanwhile are taken along: it is completed only at the version that was handed over."""
    event: Merged = cause.event
    handed: frozenset[SignalCopy] = frozenset()
    for round_ in range(ROUNDS_MAX):
        state: Incident = here.state
        if not state.merging or state.merged_into != event.into:
            return
        news = [signal for signal in copies(state) if signal not in handed]
        refusal = (yield from hand_over(event.into, _parts(cause, state, news))) if news or round_ == 0 else None
        if refusal is not None:
            refuse = RefuseMerge(at=cause.envelope.time, by=ACTOR, into=event.into, code=refusal.code, reason=refusal.message)
            yield Step(kind=INCIDENT, entity_id=here.id, command=refuse)
            return
        handed |= set(copies(state))
        complete = CompleteMerge(at=cause.envelope.time, by=ACTOR, into=event.into)
        outcome = yield Step(kind=INCIDENT, entity_id=here.id, command=complete, expected_version=here.version)
        if not isinstance(outcome, Refusal) or outcome.code != CHANGED or outcome.entity is None:
            return
        here = outcome.entity
    raise NotYet(f"{here.id} gets news faster than they can be handed over")


def _parts(cause: DomainRecord, state: Incident, signals: Sequence[SignalCopy]) -> Sequence[TakeOver]:
    """Everything but signals goes with the first part."""
    first, *more = in_parts(signals)
    empty = TakeOver(at=cause.envelope.time, by=ACTOR, source=state.id, why=TakenWhy.MERGE)
    whole = replace(empty, signals=first, labels=state.labels, watchers=state.watchers, services=state.services, links=state.links)
    return [whole, *(replace(empty, signals=part) for part in more)]
