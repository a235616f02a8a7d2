"""Which incident a signal belongs to, and the command that says so: pure, and the same for every delivery of the same signal.

A signal *is* its fingerprint, start, status and end. What else a delivery carries (annotations with the latest value, the receiver) may
differ from one delivery to the next and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from opsroom_common.contracts.signals import AlertmanagerAlert
from opsroom_common.runtime.ids import derived_command_id, derived_uuid7, type_id
from opsroom_domain.entities.incident import PREFIX, Incident, ReportSignal, Severity
from opsroom_domain.ids import ActorId, CommandId, EntityId
from opsroom_domain.times import rfc3339

SOURCE = "alertmanager"
ACTOR = ActorId("svc_signals")
SEVERITIES: Mapping[str, Severity] = {
    "critical": Severity.SEV1,
    "page": Severity.SEV1,
    "error": Severity.SEV2,
    "high": Severity.SEV2,
    "warning": Severity.SEV3,
    "info": Severity.SEV4,
    "none": Severity.SEV5,
}
"""Value of the label ``severity`` -> severity; a site may bring its own table."""
SEVERITY_IF_UNSAID = Severity.SEV3
_FUTURE_MAX = timedelta(minutes=5)
_LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Candidate:
    """The latest incident that knows a fingerprint."""

    incident_id: EntityId
    last_starts_at: datetime
    """Start of the fingerprint's newest episode that the incident knows."""
    live: bool
    """False once it is resolved or merged."""
    merged: bool = False
    """It is merged, or is being merged, into another one, to which its signals go."""


def candidate_of(incident: Incident, fingerprint: str) -> Candidate | None:
    """The incident as a candidate, or None if it does not know the fingerprint."""
    signal = incident.signals.get(fingerprint)
    return None if signal is None else Candidate(incident.id, signal.starts_at, incident.live, incident.merged_into is not None)


def target(alert: AlertmanagerAlert, candidate: Candidate | None) -> EntityId:
    """The incident that the signal goes to; deciding there tells whether it is news.

    A known or older episode goes to the candidate, where it changes nothing or resolves; a newer one attaches while the candidate is live. One that is
    merged is asked too: it names the incident where its signals go now (``onward``).
    Else it is a new incident, whose id comes from fingerprint and start, so that a second try opens the same one.
    """
    if candidate is not None and (candidate.live or candidate.merged or candidate.last_starts_at >= alert.starts_at):
        return candidate.incident_id
    return type_id(PREFIX, derived_uuid7(alert.starts_at, "incident", SOURCE, alert.fingerprint, rfc3339(alert.starts_at)))


def onward(incident: Incident, fingerprint: str) -> EntityId | None:
    """Where the signal goes instead of this incident, which refused it: where it was merged to, or where a split took the signal; or nothing."""
    return incident.merged_into or incident.moved.get(fingerprint)


def target_there(alert: AlertmanagerAlert, there: Incident | None) -> EntityId:
    """As ``target``, for an incident to which another one sent the signal on: it takes it although it may not know it yet."""
    if there is None:
        return target(alert, None)
    known = candidate_of(there, alert.fingerprint)
    if known is None and (there.live or onward(there, alert.fingerprint) is not None):
        return there.id
    return target(alert, known)


def command_id(alert: AlertmanagerAlert, incident_id: EntityId, taken_at: datetime) -> CommandId:
    """The id of the signal's one command to this incident. Its time is the signal's own; one from beyond ``taken_at`` would outlive all
    memory of ids (R6). When one incident refuses the signal and another must take it, that is another command: a refused id stays refused (R7).
    """
    at = alert.ends_at or alert.starts_at
    return derived_command_id(at if at <= taken_at + _FUTURE_MAX else _LONG_AGO, "report-signal", incident_id, *_identity(alert))


def body_hash(alert: AlertmanagerAlert) -> str:
    """Of the signal's identity alone: another delivery of it is the same command."""
    return sha256("\n".join(("report-signal", *_identity(alert))).encode()).hexdigest()[:32]


def command(alert: AlertmanagerAlert, incident_id: EntityId, at: datetime, severities: Mapping[str, Severity] = SEVERITIES) -> ReportSignal:
    """What to ask of the incident. Texts that are too long are cut by the domain: an alert is never lost for its length."""
    labels, notes = alert.labels, alert.annotations
    return ReportSignal(
        at=at,
        by=ACTOR,
        incident_id=incident_id,
        fingerprint=alert.fingerprint,
        status=alert.status,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        name=labels.get("alertname", ""),
        summary=notes.get("summary") or notes.get("description") or notes.get("message") or "",
        severity=severities.get(labels.get("severity", "").strip().lower(), SEVERITY_IF_UNSAID),
        source=SOURCE,
        source_url=alert.generator_url,
        labels=tuple(f"{name}={labels[name]}" for name in sorted(labels)),
    )


def _identity(alert: AlertmanagerAlert) -> tuple[str, ...]:
    end = "" if alert.ends_at is None else rfc3339(alert.ends_at)
    return (SOURCE, alert.fingerprint, rfc3339(alert.starts_at), alert.status.value, end)
