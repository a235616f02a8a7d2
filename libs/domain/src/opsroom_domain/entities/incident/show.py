"""An incident as JSON and as tags. ``to_json`` and ``from_json`` are inverse and canonical: equal incidents give equal JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsroom_domain.decider import Json, ListColumns
from opsroom_domain.entities.incident.show_parts import moves_from_json, moves_to_json, postmortem_from_json, postmortem_to_json
from opsroom_domain.entities.incident.state import Incident, NoteSeen, Signal
from opsroom_domain.entities.incident.words import Severity, SignalStatus, Status
from opsroom_domain.shared.show import FLAGS, from_time_or_none, listed, shared_from_json, shared_tags, shared_to_json, time_or_none
from opsroom_domain.times import from_rfc3339, rfc3339


def to_json(state: Incident) -> dict[str, Json]:
    """The row's part of the incident: what a dashboard shows. Every key is always there."""
    return {
        **shared_to_json(state),
        "severity": str(state.severity),
        "status": str(state.status),
        "source": state.source,
        "signals": {name: _signal_to_json(state.signals[name]) for name in sorted(state.signals)},
        "notes": {
            "count": state.note_count,
            "recent": [{"id": note.note_id, "hash": note.hash} for note in state.recent_notes],
        },
        "escalation_level": state.escalation_level,
        **moves_to_json(state),
        "services": list(state.services),
        "commander": state.commander,
        "communications": state.communications,
        "postmortem": postmortem_to_json(state.postmortem),
        "event_count": state.event_count,
        "opened_at": rfc3339(state.opened_at),
        "opened_by": state.opened_by,
        "acknowledged_at": time_or_none(state.acknowledged_at),
        "acknowledged_by": state.acknowledged_by,
        "resolved_at": time_or_none(state.resolved_at),
        "resolved_by": state.resolved_by,
        "resolution": state.resolution,
        "resolved_automatically": state.resolved_automatically,
    }


def from_json(row: Mapping[str, Any]) -> Incident:
    """The incident that ``to_json`` showed; other keys are ignored. Raises KeyError or ValueError for anything else."""
    return Incident(
        **shared_from_json(row),
        severity=Severity(row["severity"]),
        status=Status(row["status"]),
        source=row["source"],
        signals={name: _signal_from_json(signal) for name, signal in row["signals"].items()},
        note_count=row["notes"]["count"],
        recent_notes=tuple(NoteSeen(note_id=note["id"], hash=note["hash"]) for note in row["notes"]["recent"]),
        escalation_level=row["escalation_level"],
        **moves_from_json(row),
        services=tuple(row["services"]),
        commander=row["commander"],
        communications=row["communications"],
        postmortem=postmortem_from_json(row["postmortem"]),
        event_count=row["event_count"],
        opened_at=from_rfc3339(row["opened_at"]),
        opened_by=row["opened_by"],
        acknowledged_at=from_time_or_none(row["acknowledged_at"]),
        acknowledged_by=row["acknowledged_by"],
        resolved_at=from_time_or_none(row["resolved_at"]),
        resolved_by=row["resolved_by"],
        resolution=row["resolution"],
        resolved_automatically=row["resolved_automatically"],
    )


def tags(state: Incident) -> dict[str, str]:
    """Flat strings that live filters and indexes match on. The same keys always; "" where there is no value."""
    return {
        **shared_tags(state),
        "status": str(state.status),
        "severity": str(state.severity),
        "source": state.source,
        "live": FLAGS[state.live],
        "firing": FLAGS[state.firing],
        "escalation_level": str(state.escalation_level),
        "opened_by": state.opened_by,
        "merged_into": state.merged_into or "",
        "merge": "" if state.merge is None else state.merge.standing.value,
        "splitting": FLAGS[state.splitting],
        "services": listed(state.services),
        "commander": state.commander or "",
        "communications": state.communications or "",
        "postmortem": "" if state.postmortem is None else state.postmortem.review.value,
    }


def columns(state: Incident) -> ListColumns:
    """What lists sort by and search in: the worst severity ranks first."""
    return ListColumns(
        title=state.title,
        status=str(state.status),
        rank=_RANKS[state.severity],
        assignee=state.assignee,
        text="\n".join((state.title, state.description, *state.labels)),
        keys=tuple(sorted(state.signals)),
    )


_RANKS = {severity: rank for rank, severity in enumerate(Severity, start=1)}


def _signal_to_json(signal: Signal) -> dict[str, Json]:
    return {
        "status": str(signal.status),
        "starts_at": rfc3339(signal.starts_at),
        "ends_at": time_or_none(signal.ends_at),
        "name": signal.name,
        "summary": signal.summary,
        "source_url": signal.source_url,
    }


def _signal_from_json(signal: Mapping[str, Any]) -> Signal:
    return Signal(
        status=SignalStatus(signal["status"]),
        starts_at=from_rfc3339(signal["starts_at"]),
        ends_at=from_time_or_none(signal["ends_at"]),
        name=signal["name"],
        summary=signal["summary"],
        source_url=signal["source_url"],
    )
