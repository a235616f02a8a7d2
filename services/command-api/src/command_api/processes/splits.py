"""A split: a new incident is opened with the chosen signals, and then this one lets them go; or this one is told why not."""

from __future__ import annotations

from command_api.processes.handing import INCIDENT, ROUNDS_MAX, Handing, hand_over, in_parts, passed_on
from command_api.processes.steps import ACTOR, NotYet, Process, Refusal, Step
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.log.entity import Entity
from opsroom_domain.entities.incident import (
    CompleteSplit,
    Incident,
    OpenSplit,
    RefuseSplit,
    SignalCopy,
    SplitStarted,
    Standing,
    TakenWhy,
    TakeOver,
    copies,
)

NEWS = "signal-news"


def split_started(cause: DomainRecord, here: Entity) -> Process:
    """Carry a pending split out. Reports that come meanwhile are taken along: it is completed only with the episodes that were handed over."""
    event: SplitStarted = cause.event
    for _ in range(ROUNDS_MAX):
        state: Incident = here.state
        split = state.splits.get(event.into)
        if split is None or split.standing is not Standing.PENDING:
            return
        signals = copies(state, split.fingerprints)
        refusal = yield from _open(cause, state, signals)
        if refusal is not None:
            refuse = RefuseSplit(at=cause.envelope.time, by=ACTOR, into=event.into, code=refusal.code, reason=refusal.message)
            yield Step(kind=INCIDENT, entity_id=here.id, command=refuse)
            return
        complete = CompleteSplit(at=cause.envelope.time, by=ACTOR, into=event.into, signals=signals)
        outcome = yield Step(kind=INCIDENT, entity_id=here.id, command=complete)
        if not isinstance(outcome, Refusal) or outcome.code != NEWS or outcome.entity is None:
            return
        here = outcome.entity
    raise NotYet(f"signals of {here.id} get news faster than they can be handed over")


def _open(cause: DomainRecord, state: Incident, signals: tuple[SignalCopy, ...]) -> Handing:
    """Open the new incident with the first part, and let it take the others."""
    event: SplitStarted = cause.event
    first, *more = in_parts(signals)
    opening = OpenSplit(
        at=cause.envelope.time,
        by=ACTOR,
        incident_id=event.into,
        source=state.id,
        title=event.title,
        severity=state.severity,
        labels=state.labels,
        services=state.services,
        visibility=state.visibility,
        viewers=state.viewers,
        team=state.team,
        signals=first,
    )
    outcome = yield Step(kind=INCIDENT, entity_id=event.into, command=opening)
    parts = [TakeOver(at=opening.at, by=ACTOR, source=state.id, why=TakenWhy.SPLIT, signals=part) for part in more]
    if isinstance(outcome, Refusal):
        if passed_on(outcome, state.id, TakenWhy.SPLIT) is None:
            return outcome
        parts = [TakeOver(at=opening.at, by=ACTOR, source=state.id, why=TakenWhy.SPLIT, signals=first), *parts]
    return (yield from hand_over(event.into, parts))
