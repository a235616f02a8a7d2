"""What splitting does: chosen signals leave an incident for a new one.

A process carries it out: the split is pending here, the new incident is opened with the signals, and then this one lets them go. Reports that come
meanwhile are taken here, and the process takes them along: it is only completed with the episodes that the new incident has.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_domain.decider import AlreadyExists, Invalid, Refused
from opsroom_domain.entities.incident.commands import CompleteSplit, OpenSplit, RefuseSplit, Split, TakeOver
from opsroom_domain.entities.incident.events import Event, Opened, SplitCompleted, SplitRefused, SplitStarted, TookOver
from opsroom_domain.entities.incident.limits import MOVED_MAX, SIGNALS_MAX, SPLITS_MAX
from opsroom_domain.entities.incident.merging import PREFIX, copies, take_over
from opsroom_domain.entities.incident.state import Incident
from opsroom_domain.entities.incident.words import TakenWhy
from opsroom_domain.ids import EntityId, prefix_of
from opsroom_domain.shared.events import VisibilityChanged
from opsroom_domain.shared.limits import ID_MAX, REASON_MAX, TITLE_MAX
from opsroom_domain.shared.words import Standing
from opsroom_domain.text import check_line, fitted_line

SOURCE = "split"


def split(state: Incident, command: Split) -> Sequence[SplitStarted]:
    """Choose signals of this incident for a new one. They stay until that has them."""
    if prefix_of(command.into) != PREFIX or command.into == state.id:
        raise Invalid("bad-id", f"the new incident's id looks like {PREFIX}_01k…; mint a new one")
    check_line("title", command.title, TITLE_MAX)
    fingerprints = tuple(sorted(set(command.fingerprints)))
    known = state.splits.get(command.into)
    if known is not None and known.standing is not Standing.REFUSED:
        if known.standing is Standing.PENDING and known.fingerprints != fingerprints:
            raise Refused("split-id-taken", f"another split of {state.id} goes to {command.into}; mint a new id")
        return ()
    if not fingerprints:
        raise Invalid("blank", "no signal is chosen; name at least one by its fingerprint")
    if len(fingerprints) > SIGNALS_MAX:
        raise Invalid("too-many", f"{len(fingerprints)} signals at once, and there may be {SIGNALS_MAX}; choose fewer")
    _check_signals(state, fingerprints)
    if known is None and len(state.splits) >= SPLITS_MAX:
        raise Refused("too-many", f"{state.id} was split {SPLITS_MAX} times already; open another incident and report the signals there")
    leaving = sum(len(each.fingerprints) for each in state.splits.values())
    if len({*state.moved, *fingerprints}) + leaving > MOVED_MAX:
        raise Refused("too-many", f"{MOVED_MAX} signals may leave {state.id} by splits; choose fewer")
    return (SplitStarted(at=command.at, by=command.by, into=command.into, title=command.title, fingerprints=fingerprints),)


def open_split(state: Incident | None, command: OpenSplit) -> Sequence[Event]:
    """Open the new incident, as visible as the one that it comes from, with the signals. Asked again, it takes what is news."""
    if state is not None:
        taken = state.taken_from.get(command.source)
        if taken is None or taken.why is not TakenWhy.SPLIT:
            raise AlreadyExists("already-exists", f"{state.id} exists already; mint a new id and split again")
        more = TakeOver(at=command.at, by=command.by, source=command.source, why=TakenWhy.SPLIT, signals=command.signals)
        return take_over(state, more)
    opened = Opened(
        at=command.at,
        by=command.by,
        incident_id=command.incident_id,
        title=command.title,
        description="",
        severity=command.severity,
        source=SOURCE,
        labels=command.labels,
        visibility=command.visibility,
        team=command.team,
    )
    seen = VisibilityChanged(
        at=command.at, by=command.by, previous=command.visibility, visibility=command.visibility, viewers=command.viewers
    )
    took = TookOver(
        at=command.at,
        by=command.by,
        source=command.source,
        why=TakenWhy.SPLIT,
        signals=command.signals,
        labels=(),
        watchers=(),
        services=command.services,
        left=(),
    )
    return (opened, *((seen,) if command.viewers else ()), took)


def complete_split(state: Incident, command: CompleteSplit) -> Sequence[SplitCompleted]:
    """The new incident has the signals: let them go. Refused if one of them has news that the new one cannot know."""
    pending = _pending(state, command.into)
    if pending is None:
        return ()
    if copies(state, pending) != command.signals:
        raise Refused("signal-news", f"a signal that goes to {command.into} has news; take that along first")
    return (SplitCompleted(at=command.at, by=command.by, into=command.into, fingerprints=pending),)


def refuse_split(state: Incident, command: RefuseSplit) -> Sequence[SplitRefused]:
    """The new incident could not be opened: the signals stay."""
    if _pending(state, command.into) is None:
        return ()
    code, reason = fitted_line(command.code, ID_MAX), fitted_line(command.reason, REASON_MAX)
    return (SplitRefused(at=command.at, by=command.by, into=command.into, code=code, reason=reason),)


def _check_signals(state: Incident, fingerprints: Sequence[str]) -> None:
    missing = [name for name in fingerprints if name not in state.signals]
    if missing:
        raise Refused("no-such-signal", f"{state.id} has no signal {missing[0][:ID_MAX]}; choose among those that it shows")
    leaving = {name for each in state.splits.values() for name in each.fingerprints}
    if leaving & set(fingerprints):
        raise Refused("splitting", f"a signal of these is on its way to another incident; choose others, or wait a moment at {state.id}")


def _pending(state: Incident, into: EntityId) -> tuple[str, ...] | None:
    known = state.splits.get(into)
    return known.fingerprints if known is not None and known.standing is Standing.PENDING else None
