"""What merging does: an incident becomes part of another one, which takes over what it has.

A process carries it out (``command_api.processes``): this incident is pending, the other one takes over, and then this one is told. A refusal of
the other one is told too, and this incident is what it was before. So no two can end up merged into each other: the one that is being merged
takes nothing from anybody new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from opsroom_domain.decider import NotFound, Refused
from opsroom_domain.entities.incident.commands import CompleteMerge, Merge, RefuseMerge, TakeOver
from opsroom_domain.entities.incident.events import Event, MergeCompleted, Merged, MergeRefused, Reopened, Resolved, SignalCopy, TookOver
from opsroom_domain.entities.incident.limits import LEFT_NAMED_MAX, SERVICES_MAX, SIGNALS_MAX, TAKEN_MAX
from opsroom_domain.entities.incident.signals import ALL_RESOLVED, FIRED_AGAIN, is_news
from opsroom_domain.entities.incident.state import LIVE, Incident
from opsroom_domain.entities.incident.words import SignalStatus, Status
from opsroom_domain.ids import EntityId, prefix_of
from opsroom_domain.shared.events import Linked
from opsroom_domain.shared.limits import ID_MAX, LABELS_MAX, LINKS_MAX, REASON_MAX, WATCHERS_MAX
from opsroom_domain.shared.words import INVERSE, Standing
from opsroom_domain.text import fitted_line

PREFIX = "inc"
T = TypeVar("T")


def unmerged(state: Incident) -> Incident:
    """Raises Refused for an incident that is merged, or is being merged."""
    if state.merged_into is None:
        return state
    if state.merging:
        raise Refused("merged", f"{state.id} is being merged into {state.merged_into}; wait a moment, or go on there")
    raise Refused("merged", f"{state.id} was merged into {state.merged_into}; go on there")


def merge(state: Incident, command: Merge) -> Sequence[Merged]:
    """Declare it a duplicate. From then on people cannot change it; work goes on in the other one, once that has taken it over."""
    if state.merged_into == command.into:
        return ()
    unmerged(state)
    if command.into == state.id:
        raise Refused("merge-into-itself", f"{state.id} cannot be merged into itself; name another incident")
    if prefix_of(command.into) != PREFIX:
        raise Refused("bad-id", "an incident can only be merged into an incident; name one by its id")
    if state.splitting:
        raise Refused("splitting", f"signals of {state.id} are on their way to a new incident; merge it in a moment")
    return (Merged(at=command.at, by=command.by, into=command.into),)


def complete_merge(state: Incident, command: CompleteMerge) -> Sequence[MergeCompleted]:
    """The other one has everything. Told again, it changes nothing."""
    if not _is_pending(state, command.into):
        return ()
    return (MergeCompleted(at=command.at, by=command.by, into=command.into),)


def refuse_merge(state: Incident, command: RefuseMerge) -> Sequence[Event]:
    """The other one does not take it: back to what it was. What signals said meanwhile takes its effect now."""
    known = state.merge
    if known is None or not _is_pending(state, command.into):
        return ()
    code, reason = fitted_line(command.code, ID_MAX), fitted_line(command.reason, REASON_MAX)
    refused = MergeRefused(at=command.at, by=command.by, into=command.into, code=code, reason=reason)
    if known.before is Status.RESOLVED and known.heard is SignalStatus.FIRING and state.firing:
        return (refused, Reopened(at=command.at, by=command.by, reason=FIRED_AGAIN))
    if known.before in LIVE and known.heard is not None and not state.firing:
        return (refused, Resolved(at=command.at, by=command.by, resolution=ALL_RESOLVED, automatic=True))
    return (refused,)


def take_over(state: Incident | None, command: TakeOver) -> Sequence[Event]:
    """Take what another incident has and this one has not. What finds no room stays there, and the event says so.

    One that is merged takes nothing; but while it is being merged it takes what still comes from an incident that it has taken over before, since
    that goes on with it. Taken signals do what reported ones do: they reopen and resolve.
    """
    if state is None:
        raise NotFound("not-found", "there is no such incident to take it over; check the id")
    known = state.taken_from.get(command.source)
    # Only in the same way: one that was split off must not take its origin in while it is being merged into that.
    goes_on = known is not None and known.why is command.why
    if not (state.merging and goes_on):
        unmerged(state)
    if known is None and len(state.taken_from) >= TAKEN_MAX:
        raise Refused("too-many", f"{state.id} has taken over {TAKEN_MAX} incidents already; choose another one")
    took = _took(state, command)
    links = _links(state, command)
    if goes_on and not links and not (took.signals or took.labels or took.watchers or took.services):
        return ()
    return (took, *_effects(state, took), *links)


def _took(state: Incident, command: TakeOver) -> TookOver:
    news = [signal for signal in command.signals if is_news(state.signals.get(signal.fingerprint), signal)]
    known = [signal for signal in news if signal.fingerprint in state.signals]
    new = [signal for signal in news if signal.fingerprint not in state.signals]
    signals, no_signals = _fitting(new, SIGNALS_MAX - len(state.signals))
    labels, no_labels = _fitting([x for x in command.labels if x not in state.labels], LABELS_MAX - len(state.labels))
    watchers, no_watchers = _fitting([x for x in command.watchers if x not in state.watchers], WATCHERS_MAX - len(state.watchers))
    services, no_services = _fitting([x for x in command.services if x not in state.services], SERVICES_MAX - len(state.services))
    no_links = _new_links(state, command)[max(0, LINKS_MAX - len(state.links)) :]
    left = [
        *(f"signal {signal.fingerprint}" for signal in no_signals),
        *(f"label {label}" for label in no_labels),
        *(f"watcher {watcher}" for watcher in no_watchers),
        *(f"service {service}" for service in no_services),
        *(f"link {relation} {target}" for target, relation in no_links),
    ]
    if len(left) > LEFT_NAMED_MAX:
        left = [*left[:LEFT_NAMED_MAX], f"and {len(left) - LEFT_NAMED_MAX} more"]
    return TookOver(
        at=command.at,
        by=command.by,
        source=command.source,
        why=command.why,
        signals=tuple(sorted((*known, *signals), key=lambda signal: signal.fingerprint)),
        labels=tuple(labels),
        watchers=tuple(watchers),
        services=tuple(services),
        left=tuple(left),
    )


def _fitting(things: Sequence[T], room: int) -> tuple[Sequence[T], Sequence[T]]:
    return things[: max(0, room)], things[max(0, room) :]


def _effects(state: Incident, took: TookOver) -> Sequence[Event]:
    """A signal that fires reopens a resolved incident; when the last firing one is resolved, so is a live incident."""
    if state.merging:
        return ()
    statuses = {name: signal.status for name, signal in state.signals.items()} | {each.fingerprint: each.status for each in took.signals}
    fires = any(signal.status is SignalStatus.FIRING for signal in took.signals)
    if fires and state.status is Status.RESOLVED:
        return (Reopened(at=took.at, by=took.by, reason=FIRED_AGAIN),)
    if state.live and state.firing and SignalStatus.FIRING not in statuses.values():
        return (Resolved(at=took.at, by=took.by, resolution=ALL_RESOLVED, automatic=True),)
    return ()


def _links(state: Incident, command: TakeOver) -> Sequence[Linked]:
    """Links of the other one become this one's own: pending, until each target has its half."""
    room = max(0, LINKS_MAX - len(state.links))
    return tuple(
        Linked(at=command.at, by=command.by, target=target, relation=relation) for target, relation in _new_links(state, command)[:room]
    )


def _new_links(state: Incident, command: TakeOver) -> Sequence[tuple[EntityId, str]]:
    return [
        (link.target, link.relation)
        for link in command.links
        if link.target not in {state.id, command.source} and link.relation in INVERSE and state.link(link.target, link.relation) is None
    ]


def _is_pending(state: Incident, into: EntityId) -> bool:
    return state.merge is not None and state.merge.into == into and state.merge.standing is Standing.PENDING


def copies(state: Incident, fingerprints: Sequence[str] | None = None) -> tuple[SignalCopy, ...]:
    """The incident's signals, or those of them that are named, for another one; by fingerprint."""
    names = sorted(state.signals) if fingerprints is None else sorted(name for name in fingerprints if name in state.signals)
    return tuple(
        SignalCopy(
            fingerprint=name,
            status=signal.status,
            starts_at=signal.starts_at,
            ends_at=signal.ends_at,
            name=signal.name,
            summary=signal.summary,
            source_url=signal.source_url,
        )
        for name, signal in ((name, state.signals[name]) for name in names)
    )
