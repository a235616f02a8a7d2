"""The parts of bodies that all kinds use, as clients send them: strict, and nothing unknown in them.

What a text may hold and how long it may be is the domain's to say; here is only its shape.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from opsroom_common.http.json import StrictBody
from opsroom_domain.ids import ActorId, EntityId, prefix_of
from opsroom_domain.shared.words import Relation, Visibility

VERSION_MAX = 2**31 - 1
"""No entity gets so far; a number that JSON or Postgres cannot hold could not even be told back."""


def id_with(prefix: str, what: str) -> Callable[[str], str]:
    """A check for the ids of one kind. ``what``: ``an incident id``."""

    def check(text: str) -> str:
        if prefix_of(text) != prefix:
            raise ValueError(f"must be {what}: {prefix}_ and 26 base32 digits (a TypeID with a UUIDv7 inside), minted by you")
        return text

    return check


def _entity_id(text: str) -> str:
    if prefix_of(text) is None:
        raise ValueError("must be an entity id: a prefix like inc_ and 26 base32 digits (a TypeID)")
    return text


def _with_zone(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("must say its time zone, like 2026-11-22T12:00:00Z")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must be a time that can be written in UTC, from year 1 to 9999") from error


IncidentId = Annotated[str, AfterValidator(id_with("inc", "an incident id")), Field(examples=["inc_01kb3f9ph0e5wrt8z2v6q4n7xd"])]
TaskId = Annotated[str, AfterValidator(id_with("tsk", "a task id")), Field(examples=["tsk_01kb3f9ph0e5wrt8z2v6q4n7xd"])]
TicketId = Annotated[str, AfterValidator(id_with("tkt", "a ticket id")), Field(examples=["tkt_01kb3f9ph0e5wrt8z2v6q4n7xd"])]
PolicyId = Annotated[str, AfterValidator(id_with("pol", "a policy id")), Field(examples=["pol_01kb3f9ph0e5wrt8z2v6q4n7xd"])]
AnyEntityId = Annotated[str, AfterValidator(_entity_id), Field(examples=["inc_01kb3f9ph0e5wrt8z2v6q4n7xd"])]
Actor = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,8}_[A-Za-z0-9_-]{1,64}$"), Field(examples=["usr_maria"])]
TeamId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$"), Field(examples=["payments"])]
ServiceId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$"), Field(examples=["checkout"])]
Instant = Annotated[datetime, AfterValidator(_with_zone)]
Seen = TypeVar("Seen")


class Body(StrictBody):
    """Common to all commands on an entity that exists."""

    expected_version: int | None = Field(
        default=None,
        ge=1,
        le=VERSION_MAX,
        description="Stricter than the seen values: refuse unless the entity is at exactly this version.",
    )


class FieldChange(StrictBody):
    seen: str = Field(description="The value that the editor saw, or, if it is long, sha256: and its hex digest.")
    to: str


class EditBody(Body):
    changes: dict[str, FieldChange] = Field(min_length=1, max_length=16, examples=[{"title": {"seen": "Disk", "to": "Disk full on db-1"}}])


class SeenToBody(Body, Generic[Seen]):
    """A change of one value: refused if it is now neither ``seen`` nor ``to``."""

    seen: Seen
    to: Seen


class AssignBody(SeenToBody[Actor | None]):
    """``null`` is nobody."""


class LinkBody(Body):
    target: AnyEntityId
    relation: str = Field(default="related", description=f"What this entity is to the target: one of {', '.join(Relation)}.")


class LabelsBody(Body):
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class WatchersBody(Body):
    add: tuple[Actor, ...] = ()
    remove: tuple[Actor, ...] = ()


class VisibilityBody(SeenToBody[Visibility]):
    """``viewers``: the people who may see it if it is ``named``."""

    viewers: tuple[Actor, ...] = ()


class TeamBody(SeenToBody[TeamId | None]):
    """``null`` is no team."""


class ArchiveBody(Body):
    pass


class RestoreBody(Body):
    pass


class CommentBody(Body):
    text: str = Field(description="@usr_… mentions somebody.")


class CommentEditBody(Body):
    comment_id: str = Field(min_length=1, max_length=100)
    seen: str = Field(description="The text that the editor saw, or sha256: and its hex digest.")
    to: str


class CommentDeleteBody(Body):
    comment_id: str = Field(min_length=1, max_length=100)


def entity(name: str | None) -> EntityId | None:
    """An entity of a body, or none."""
    return None if name is None else EntityId(name)


def actors(names: tuple[str, ...]) -> tuple[ActorId, ...]:
    """The people of a body."""
    return tuple(ActorId(name) for name in names)


def actor(name: str | None) -> ActorId | None:
    """A person of a body, or nobody."""
    return None if name is None else ActorId(name)
