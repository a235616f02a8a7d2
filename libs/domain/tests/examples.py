"""Incidents, people and times that the tests tell of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypedDict

from given_when_then import Given

from opsroom_domain.changes import Change
from opsroom_domain.entities.incident import (
    INCIDENT,
    Command,
    Edited,
    Event,
    Incident,
    Opened,
    ReportSignal,
    Resolved,
    Severity,
    SignalAttached,
    SignalStatus,
    Visibility,
)
from opsroom_domain.ids import ActorId, EntityId


class Stamp(TypedDict):
    """When, and by whom."""

    at: datetime
    by: ActorId


ALICE, BOB = ActorId("usr_alice"), ActorId("usr_bob")
INC = EntityId("inc_01k0000000000000000000000a")
OTHER = EntityId("inc_01k0000000000000000000000b")
THIRD = EntityId("inc_01k0000000000000000000000c")


def minute(number: int) -> datetime:
    return datetime(2026, 11, 23, 10, 0, tzinfo=UTC) + timedelta(minutes=number)


THEN: Stamp = {"at": minute(0), "by": ALICE}
"""When it was opened."""
LATER: Stamp = {"at": minute(1), "by": ALICE}
NOW: Stamp = {"at": minute(5), "by": BOB}
"""When the command comes."""

OPENED = Opened(
    **THEN,
    incident_id=INC,
    title="Checkout is slow",
    description="p99 above 3 s",
    severity=Severity.SEV3,
    source="person",
    labels=("env=prod",),
    visibility=Visibility.EVERYONE,
)
RESOLVED = Resolved(**LATER, resolution="rolled back", automatic=False)


def given(*history: Event) -> Given[Incident, Command, Event]:
    return Given(INCIDENT, history)


def edited(field: str, seen: str, to: str) -> Edited:
    return Edited(**LATER, changes=(Change(field=field, seen=seen, to=to),))


def signal(
    fingerprint: str = "f1",
    status: SignalStatus = SignalStatus.FIRING,
    *,
    starts: int = 1,
    ends: int | None = None,
    name: str = "HighLatency",
    summary: str = "p99 is 3 s",
    source_url: str = "http://prometheus/graph",
    labels: tuple[str, ...] = (),
) -> ReportSignal:
    """A report at NOW of the episode that started in minute ``starts``."""
    return ReportSignal(
        **NOW,
        incident_id=INC,
        fingerprint=fingerprint,
        status=status,
        starts_at=minute(starts),
        ends_at=None if ends is None else minute(ends),
        name=name,
        summary=summary,
        severity=Severity.SEV2,
        source="alertmanager",
        source_url=source_url,
        labels=labels,
    )


def attached(
    fingerprint: str = "f1", status: SignalStatus = SignalStatus.FIRING, *, starts: int = 1, ends: int | None = None, stamp: Stamp = LATER
) -> SignalAttached:
    return SignalAttached(
        **stamp,
        fingerprint=fingerprint,
        status=status,
        starts_at=minute(starts),
        ends_at=None if ends is None else minute(ends),
        name="HighLatency",
        summary="p99 is 3 s",
        source_url="http://prometheus/graph",
    )
