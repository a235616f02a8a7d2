"""Webhooks as Alertmanager 0.25 sends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from opsroom_common.contracts.signals import AlertmanagerAlert
from opsroom_domain.entities.incident import SignalStatus

T0 = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def go_time(when: datetime) -> str:
    """Go writes nanoseconds without trailing zeros."""
    return when.isoformat(timespec="microseconds").replace("+00:00", "123Z")


def alert(fingerprint: str = "f1", start: float = 0, end: float | None = None, **annotations: str) -> dict[str, Any]:
    return {
        "status": "firing" if end is None else "resolved",
        "labels": {"alertname": "DiskFull", "instance": "db-1:9100", "job": "node", "severity": "critical"},
        "annotations": {"summary": "Disk is full on db-1"} | annotations,
        "startsAt": go_time(at(start)),
        "endsAt": "0001-01-01T00:00:00Z" if end is None else go_time(at(end)),
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
        "fingerprint": fingerprint,
    }


def webhook(*alerts: dict[str, Any], version: str = "4") -> dict[str, Any]:
    return {
        "receiver": "opsroom",
        "status": "firing" if any(a["status"] == "firing" for a in alerts) else "resolved",
        "alerts": list(alerts),
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": {"alertname": "DiskFull", "job": "node"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": version,
        "groupKey": '{}:{alertname="DiskFull"}',
        "truncatedAlerts": 0,
    }


def decoded(fingerprint: str = "f1", start: float = 0, end: float | None = None, annotations: Sequence[str] = ()) -> AlertmanagerAlert:
    """The same alert as the consumer reads it."""
    return AlertmanagerAlert(
        version="4",
        receiver="opsroom",
        group_key="{}",
        external_url="",
        fingerprint=fingerprint,
        status=SignalStatus.FIRING if end is None else SignalStatus.RESOLVED,
        labels={"alertname": "DiskFull", "severity": "critical"},
        annotations={"summary": " ".join(annotations) or "Disk is full on db-1"},
        starts_at=at(start),
        ends_at=None if end is None else at(end),
        generator_url="http://prometheus:9090/graph",
    )
