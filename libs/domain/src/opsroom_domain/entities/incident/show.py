"""An incident as JSON and as tags. ``to_json`` and ``from_json`` are inverse and canonical: equal incidents give equal JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from opsroom_domain.decider import Json
from opsroom_domain.entities.incident.state import FieldChange, Incident, LinkTo, NoteSeen, Signal
from opsroom_domain.entities.incident.words import Severity, SignalStatus, Status, Visibility
from opsroom_domain.times import from_rfc3339, rfc3339

_FLAGS = {True: "true", False: "false"}


def to_json(state: Incident) -> dict[str, Json]:
    """The row's part of the incident: what a dashboard shows. Every key is always there."""
    changes = state.field_changes
    return {
        "id": state.id,
        "title": state.title,
        "description": state.description,
        "severity": str(state.severity),
        "status": str(state.status),
        "assignee": state.assignee,
        "visibility": str(state.visibility),
        "source": state.source,
        "labels": list(state.labels),
        "watchers": list(state.watchers),
        "signals": {name: _signal_to_json(state.signals[name]) for name in sorted(state.signals)},
        "links": [{"target": link.target, "relation": link.relation} for link in state.links],
        "notes": {
            "count": state.note_count,
            "recent": [{"id": note.note_id, "hash": note.hash} for note in state.recent_notes],
        },
        "escalation_level": state.escalation_level,
        "merged_into": state.merged_into,
        "opened_at": rfc3339(state.opened_at),
        "opened_by": state.opened_by,
        "acknowledged_at": _time(state.acknowledged_at),
        "acknowledged_by": state.acknowledged_by,
        "resolved_at": _time(state.resolved_at),
        "resolved_by": state.resolved_by,
        "resolution": state.resolution,
        "resolved_automatically": state.resolved_automatically,
        "field_changes": {name: {"by": changes[name].by, "at": rfc3339(changes[name].at)} for name in sorted(changes)},
    }


def from_json(row: Mapping[str, Any]) -> Incident:
    """The incident that ``to_json`` showed; other keys are ignored. Raises KeyError or ValueError for anything else."""
    return Incident(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        severity=Severity(row["severity"]),
        status=Status(row["status"]),
        assignee=row["assignee"],
        visibility=Visibility(row["visibility"]),
        source=row["source"],
        labels=tuple(row["labels"]),
        watchers=tuple(row["watchers"]),
        signals={name: _signal_from_json(signal) for name, signal in row["signals"].items()},
        links=tuple(LinkTo(target=link["target"], relation=link["relation"]) for link in row["links"]),
        note_count=row["notes"]["count"],
        recent_notes=tuple(NoteSeen(note_id=note["id"], hash=note["hash"]) for note in row["notes"]["recent"]),
        escalation_level=row["escalation_level"],
        merged_into=row["merged_into"],
        opened_at=from_rfc3339(row["opened_at"]),
        opened_by=row["opened_by"],
        acknowledged_at=_from_time(row["acknowledged_at"]),
        acknowledged_by=row["acknowledged_by"],
        resolved_at=_from_time(row["resolved_at"]),
        resolved_by=row["resolved_by"],
        resolution=row["resolution"],
        resolved_automatically=row["resolved_automatically"],
        field_changes={name: FieldChange(by=change["by"], at=from_rfc3339(change["at"])) for name, change in row["field_changes"].items()},
    )


def tags(state: Incident) -> dict[str, str]:
    r"""Flat strings that live filters and indexes match on. The same keys always; "" where there is no value.

    ``labels`` and ``watchers`` are lists in one string, each member between line feeds, so that *contains* "\nNAME\n" finds exactly NAME.
    """
    return {
        "status": str(state.status),
        "severity": str(state.severity),
        "assignee": state.assignee or "",
        "visibility": str(state.visibility),
        "source": state.source,
        "live": _FLAGS[state.live],
        "firing": _FLAGS[state.firing],
        "escalation_level": str(state.escalation_level),
        "opened_by": state.opened_by,
        "merged_into": state.merged_into or "",
        "labels": _listed(state.labels),
        "watchers": _listed(state.watchers),
    }


def _signal_to_json(signal: Signal) -> dict[str, Json]:
    return {
        "status": str(signal.status),
        "starts_at": rfc3339(signal.starts_at),
        "ends_at": _time(signal.ends_at),
        "name": signal.name,
        "summary": signal.summary,
        "source_url": signal.source_url,
    }


def _signal_from_json(signal: Mapping[str, Any]) -> Signal:
    return Signal(
        status=SignalStatus(signal["status"]),
        starts_at=from_rfc3339(signal["starts_at"]),
        ends_at=_from_time(signal["ends_at"]),
        name=signal["name"],
        summary=signal["summary"],
        source_url=signal["source_url"],
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)


def _from_time(text: str | None) -> datetime | None:
    return None if text is None else from_rfc3339(text)


def _listed(members: Iterable[str]) -> str:
    joined = "\n".join(members)
    return f"\n{joined}\n" if joined else ""
