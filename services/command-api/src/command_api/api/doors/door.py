"""What a door is: the address of one command, its body, and how the body becomes a command of the domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypedDict, TypeVar

from opsroom_common.http.json import StrictBody
from opsroom_domain.ids import ActorId, CommandId, EntityId
from opsroom_domain.registry import KINDS

HOLE = "{id}"
"""Where the entity's id stands in a door's path."""
B = TypeVar("B", bound=StrictBody)


class Common(TypedDict):
    """What every command of the domain has."""

    at: datetime
    by: ActorId


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what: everything beside the body that a command may be made of."""

    entity_id: EntityId
    command_id: CommandId
    actor: ActorId
    at: datetime

    @property
    def common(self) -> Common:
        return Common(at=self.at, by=self.actor)


@dataclass(frozen=True, slots=True)
class Door(Generic[B]):
    """One command over HTTP. ``name`` is the command's name in the domain's registry and in permissions.

    ``creates``: the entity does not exist before, its id stands in the body as ``id``, and the answer is 201.
    ``only``: the one entity of its kind, which nobody has to name.
    """

    kind: str
    name: str
    method: str
    path: str
    body: type[B]
    build: Callable[[Asked, B], Any]
    summary: str
    creates: bool = False
    only: EntityId | None = None

    @property
    def full_name(self) -> str:
        """Unique among all: ``incident.open``."""
        return f"{self.kind}.{self.name}"


def create(kind: str, name: str, body: type[B], build: Callable[[Asked, B], Any], summary: str) -> Door[B]:
    """``POST /v1/COLLECTION``."""
    return Door(kind, name, "POST", f"/v1/{KINDS[kind].collection}", body, build, summary, creates=True)


def post(kind: str, name: str, last: str, body: type[B], build: Callable[[Asked, B], Any], summary: str) -> Door[B]:
    """``POST /v1/COLLECTION/{id}/LAST``."""
    return Door(kind, name, "POST", f"/v1/{KINDS[kind].collection}/{HOLE}/{last}", body, build, summary)


def on_only(kind: str, name: str, last: str, only: EntityId, body: type[B], build: Callable[[Asked, B], Any], summary: str) -> Door[B]:
    """``POST /v1/COLLECTION/LAST``, on the one entity of the kind."""
    return Door(kind, name, "POST", f"/v1/{KINDS[kind].collection}/{last}", body, build, summary, only=only)


def patch(kind: str, name: str, body: type[B], build: Callable[[Asked, B], Any], summary: str, part: str = "") -> Door[B]:
    """``PATCH /v1/COLLECTION/{id}``, or of a ``part`` of it: ``PATCH /v1/COLLECTION/{id}/PART``."""
    at = f"/v1/{KINDS[kind].collection}/{HOLE}"
    return Door(kind, name, "PATCH", f"{at}/{part}" if part else at, body, build, summary)
