"""The bodies of the incident commands, as clients send them: strict, and nothing unknown in them.

What a text may hold and how long it may be is the domain's to say; here is only its shape.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from opsroom_common.http.json import StrictBody
from opsroom_domain.entities.incident import Severity, SignalStatus, Status, Visibility
from opsroom_domain.ids import prefix_of

INCIDENT_PREFIX = "inc"
VERSION_MAX = 2**31 - 1
"""No entity gets so far; a number that JSON or Postgres cannot hold could not even be told back."""


def _incident_id(text: str) -> str:
    if prefix_of(text) != INCIDENT_PREFIX:
        raise ValueError("must be an incident id: inc_ and 26 base32 digits (a TypeID with a UUIDv7 inside), minted by you")
    return text


def _entity_id(text: str) -> str:
    if prefix_of(text) is None:
        raise ValueError("must be an entity id: a prefix like inc_ and 26 base32 digits (a TypeID)")
    return text


def _with_zone(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("must say its time zone, like 2026-11-22T12:00:00Z")
    return at


IncidentId = Annotated[str, AfterValidator(_incident_id), Field(examples=["inc_01kb3f9ph0e5wrt8z2v6q4n7xd"])]
AnyEntityId = Annotated[str, AfterValidator(_entity_id), Field(examples=["inc_01kb3f9ph0e5wrt8z2v6q4n7xd"])]
Actor = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,8}_[A-Za-z0-9_-]{1,64}$"), Field(examples=["usr_maria"])]
Instant = Annotated[datetime, AfterValidator(_with_zone)]
Seen = TypeVar("Seen")


class Body(StrictBody):
    """Common to all commands on an incident that exists."""

    expected_version: int | None = Field(
        default=None,
        ge=1,
        le=VERSION_MAX,
        description="Stricter than the seen values: refuse unless the incident is at exactly this version.",
    )


class OpenBody(StrictBody):
    id: IncidentId = Field(description="Minted by the client, so that a retried create finds itself.")
    title: str
    description: str = ""
    severity: Severity = Severity.SEV3
    source: str = "person"
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE


class FieldChange(StrictBody):
    seen: str = Field(description="The value that the editor saw, or, if it is long, sha256: and its hex digest.")
    to: str


class EditBody(Body):
    changes: dict[str, FieldChange] = Field(min_length=1, max_length=16, examples=[{"title": {"seen": "Disk", "to": "Disk full on db-1"}}])


class AcknowledgeBody(Body):
    pass


class SeenToBody(Body, Generic[Seen]):
    """A change of one value: refused if it is now neither ``seen`` nor ``to``."""

    seen: Seen
    to: Seen


class AssignBody(SeenToBody[Actor | None]):
    """``null`` is nobody."""


class SeverityBody(SeenToBody[Severity]):
    pass


class StatusBody(SeenToBody[Status]):
    pass


class VisibilityBody(SeenToBody[Visibility]):
    pass


class NoteBody(Body):
    text: str


class LinkBody(Body):
    target: AnyEntityId
    relation: str = "related"


class MergeBody(Body):
    into: IncidentId


class EscalateBody(Body):
    reason: str


class ResolveBody(Body):
    resolution: str = ""


class ReopenBody(Body):
    reason: str


class LabelsBody(Body):
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class WatchersBody(Body):
    add: tuple[Actor, ...] = ()
    remove: tuple[Actor, ...] = ()


class SignalBody(Body):
    """A signal that is already known to belong to this incident. ``severity``, ``source`` and ``labels`` count if it opens it."""

    fingerprint: str = Field(min_length=1, max_length=128)
    status: SignalStatus
    starts_at: Instant
    ends_at: Instant | None = None
    name: str
    summary: str = ""
    severity: Severity = Severity.SEV3
    source: str
    source_url: str = ""
    labels: tuple[str, ...] = ()
