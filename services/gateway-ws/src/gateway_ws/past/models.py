"""What the doors to the past take and answer, as pydantic models: they check the parameters and make the OpenAPI description."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway_ws.queries.models import PAGE_MAX, LogPlace, ReadAfter
from opsroom_domain.registry import KINDS

_VALUES_MAX = 20
_Name = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,100}$")]
_Names = Annotated[list[_Name], Field(max_length=_VALUES_MAX)]
Moment = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]
"""An instant: RFC 3339 with its zone, such as 2026-11-24T09:30:00Z. A + in an address is written %2B."""


class AsOf(ReadAfter):
    """The board at a moment."""

    as_of: Annotated[Moment | None, Field(description="as it was at this moment (RFC 3339 with a zone); leave it out for the present")] = None


class MomentOrVersion(AsOf):
    """An entity at a moment or at one of its versions."""

    version: Annotated[int | None, Field(ge=1, le=2**31 - 1, description="as it was at this version")] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.as_of is not None and self.version is not None:
            raise ValueError("as_of and version both name a moment; send one of them")
        return self


class HistoryParameters(AsOf):
    after: Annotated[int, Field(ge=0, le=2**31 - 1, description="only later versions")] = 0
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50


class ActivityParameters(ReadAfter):
    # ``from`` is a word of Python.
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    actor: Annotated[_Names, Field(description="who: any of these actors")] = []
    type: Annotated[_Names, Field(description="what: any of these event types, such as opsroom.incident.opened, or their last parts")] = []
    kind: Annotated[list[Literal[tuple(KINDS)]], Field(max_length=_VALUES_MAX, description="any of these kinds")] = []  # pyright: ignore[reportInvalidTypeForm]
    entity: Annotated[_Names, Field(description="any of these entities")] = []
    from_: Annotated[Moment | None, Field(alias="from", description="at this moment or later")] = None
    to: Annotated[Moment | None, Field(description="before this moment")] = None
    cursor: Annotated[str | None, Field(max_length=2000, description="next of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Past(_Answer):
    """Of when an answer is, and whether it is final."""

    at: Annotated[datetime, Field(description="the moment asked for")]
    complete: Annotated[bool, Field(description="true: this answer never changes again; false: an event of that time may still come")]
    complete_before: Annotated[
        datetime | None, Field(description="answers as of moments before this one are complete; null: there is none yet")
    ]


class PastOfOne(Past):
    """The same for one entity, and when it was as shown. Read-only: commands go to the present."""

    valid_from: datetime
    valid_to: Annotated[datetime | None, Field(description="when the next version came; null: no later one is known")]


class Change(_Answer):
    """``from`` and ``to``; only ``to`` for a new member; only ``from`` for one that is gone; ``added`` and ``removed`` for a list."""

    path: Annotated[str, Field(description="a JSON Pointer into the row; in a list of objects with ids a member is named by its id")]
    from_: Annotated[Any, Field(alias="from")] = None
    to: Any = None
    added: list[Any] = []
    removed: list[Any] = []


class _Told(_Answer):
    version: int
    type: str
    actor: str | None
    role: str | None
    words: str
    command_id: str
    correlation_id: str | None
    causation_id: str | None
    reason: str | None
    proposal_id: str | None
    log: LogPlace


class HistoryItem(_Told):
    valid_from: datetime
    valid_to: Annotated[datetime | None, Field(description="when the next version came; null: it was the newest")]
    changes: Annotated[list[Change], Field(description="what differs from the version before, found by comparing the two states")]


class History(_Answer):
    items: list[HistoryItem]
    version: Annotated[int, Field(description="the newest version, as of the moment asked for")]
    next: Annotated[int | None, Field(description="after of the next page; null when this one reaches the newest version")]
    past: Annotated[Past | None, Field(description="null without as_of")]


class ActivityItem(_Told):
    id: Annotated[str, Field(description="of the entity")]
    kind: str
    at: datetime
    diff: dict[str, Any]


class Activity(_Answer):
    items: list[ActivityItem]
    next: Annotated[str | None, Field(description="cursor of the next page; null on the last one")]
    complete_before: Annotated[
        datetime | None, Field(description="nothing earlier than this can be added any more; null: that is not known yet")
    ]
