"""What a reported signal does to an incident.

A fingerprint's episodes are ordered by their start, and within an episode firing comes before resolved; a report that says nothing newer
than what is known changes nothing. A signal that is over when it is first heard of is kept as such. So what is known of the signals does not
depend on the order of the reports: redelivered, reordered and repeated ones are harmless.
"""

from __future__ import annotations

import re

from opsroom_domain.decider import Refused
from opsroom_domain.entities.incident.commands import ReportSignal
from opsroom_domain.entities.incident.events import Event, Opened, Reopened, Resolved, SignalAttached, SignalCopy
from opsroom_domain.entities.incident.limits import FINGERPRINT_MAX, SIGNAL_SUMMARY_MAX, SIGNAL_URL_MAX, SIGNALS_MAX, SOURCE_MAX
from opsroom_domain.entities.incident.state import Incident, Signal
from opsroom_domain.entities.incident.words import SignalStatus, Status
from opsroom_domain.shared.limits import DESCRIPTION_MAX, LABEL_MAX, LABELS_MAX, TITLE_MAX
from opsroom_domain.shared.words import Visibility
from opsroom_domain.text import check_line, fitted_line, fitted_text

ALL_RESOLVED = "All signals resolved."
FIRED_AGAIN = "A signal fires again."
_WEB = re.compile(r"https?://[^\s\x00-\x20\x7f\ud800-\udfff]+")


def report_signal(state: Incident | None, command: ReportSignal) -> tuple[Event, ...]:
    """Decide on one report. A text that is too long is cut, because an alert must not be lost for its length.

    The first firing signal opens the incident. When the last firing one resolves, a live incident is resolved automatically. A signal that
    fires in a newer episode reopens a resolved incident. While the incident is being merged a report only attaches: the process takes it along.
    Raises Refused ``nothing-to-resolve``, ``moved`` or ``too-many-signals``.
    """
    check_line("fingerprint", command.fingerprint, FINGERPRINT_MAX)
    if state is None:
        if command.status is SignalStatus.RESOLVED:
            raise Refused("nothing-to-resolve", f"no incident {command.incident_id} exists for this signal; there is nothing to do")
        return (_opened(command), _attached(command))
    if command.fingerprint in state.moved and command.fingerprint not in state.signals:
        there = state.moved[command.fingerprint]
        raise Refused("moved", f"{state.id} has this signal no longer: it went to {there} by a split; report it there")
    if not is_news(state.signals.get(command.fingerprint), command):
        return ()
    if command.fingerprint not in state.signals and len(state.signals) >= SIGNALS_MAX:
        raise Refused("too-many-signals", f"{state.id} has {SIGNALS_MAX} signals already; open another incident for this one")
    attached = _attached(command)
    if state.merging:
        return (attached,)
    if command.status is SignalStatus.FIRING and state.status is Status.RESOLVED:
        return (attached, Reopened(at=command.at, by=command.by, reason=FIRED_AGAIN))
    if command.status is SignalStatus.RESOLVED and state.live and _is_last_firing(state, command.fingerprint):
        return (attached, Resolved(at=command.at, by=command.by, resolution=ALL_RESOLVED, automatic=True))
    return (attached,)


def is_news(known: Signal | None, told: ReportSignal | SignalCopy) -> bool:
    """Whether a report says something newer of a signal than what is known."""
    if known is None:
        return True
    if told.starts_at != known.starts_at:
        return told.starts_at > known.starts_at
    return known.status is SignalStatus.FIRING and told.status is SignalStatus.RESOLVED


def _is_last_firing(state: Incident, fingerprint: str) -> bool:
    return {name for name, signal in state.signals.items() if signal.status is SignalStatus.FIRING} == {fingerprint}


def _opened(command: ReportSignal) -> Opened:
    name = _name(command)
    summary = fitted_line(command.summary, TITLE_MAX)
    labels = {fitted_line(label, LABEL_MAX) for label in command.labels} - {""}
    return Opened(
        at=command.at,
        by=command.by,
        incident_id=command.incident_id,
        title=fitted_line(f"{name}: {summary}" if summary else name, TITLE_MAX),
        description=fitted_text(command.summary, DESCRIPTION_MAX),
        severity=command.severity,
        source=fitted_line(command.source, SOURCE_MAX) or "signal",
        labels=tuple(sorted(labels)[:LABELS_MAX]),
        visibility=Visibility.EVERYONE,
    )


def _attached(command: ReportSignal) -> SignalAttached:
    return SignalAttached(
        at=command.at,
        by=command.by,
        fingerprint=command.fingerprint,
        status=command.status,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        name=_name(command),
        summary=fitted_text(command.summary, SIGNAL_SUMMARY_MAX),
        source_url=_web_address(command.source_url),
    )


def _name(command: ReportSignal) -> str:
    return fitted_line(command.name, TITLE_MAX) or fitted_line(command.fingerprint, TITLE_MAX)


def _web_address(url: str) -> str:
    """A cut address leads nowhere, and only a web address may become a link on a screen."""
    return url if len(url) <= SIGNAL_URL_MAX and _WEB.fullmatch(url) else ""
