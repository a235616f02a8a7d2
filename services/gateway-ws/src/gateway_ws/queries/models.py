"""What the queries answer, as pydantic models: they make the OpenAPI description. The answers themselves are written from ready bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, create_model

from gateway_ws.queries.row_models import Shown, camel

_POSITION = "holds for these rows; null for the past, and while there is no change feed: ask again"


class Position(Shown):
    """Subscribe from here and nothing is missed. Opaque: do not compare or compute."""

    epoch: str
    offset: int


class Past(Shown):
    """Of which moment an answer is, and whether it is final."""

    at: Annotated[datetime, Field(description="the moment asked for")]
    complete: Annotated[bool, Field(description="true: this answer never changes again; false: an event of that time may still come")]
    complete_before: Annotated[
        datetime | None, Field(description="answers as of moments before this one are complete; null: there is no such moment yet")
    ]


class PastOfOne(Past):
    """The same of one entity, and from when to when it was as shown. Read-only: commands go to the present."""

    valid_from: datetime
    valid_to: Annotated[datetime | None, Field(description="when the next version came; null: no later one is known")]


class _Dated(Shown):
    position: Annotated[Position | None, Field(description=_POSITION)]
    as_of: datetime


class LogPlace(Shown):
    partition: int
    offset: int


class TimelineItem(Shown):
    version: int
    at: datetime
    type: str
    actor: str | None
    role: str | None
    words: str
    diff: dict[str, object]
    command_id: str
    correlation_id: str | None
    causation_id: str | None
    reason: str | None
    proposal_id: str | None
    log: LogPlace


class Timeline(Shown):
    items: list[TimelineItem]
    version: Annotated[int, Field(description="the entity's present version")]
    next: Annotated[int | None, Field(description="after of the next page; null when this one reaches the present version")]


class ProblemAnswer(BaseModel):
    """RFC 9457; switch on ``code``."""

    type: str
    code: str
    title: str
    status: int
    detail: str


def _past_or_none(past: type[Past]) -> Any:
    return Annotated[past | None, Field(description="null: the present")]


def list_model(kind: str, row: type[Shown]) -> type[Shown]:
    """A page of a kind's list."""
    after = Annotated[str | None, Field(description="cursor of the next page; null on the last one")]
    members: dict[str, Any] = {"items": (list[row], ...), "next": (after, ...), "past": (_past_or_none(Past), ...)}
    return create_model(f"{camel(kind)}List", __base__=_Dated, **members)


def detail_model(kind: str, row: type[Shown]) -> type[Shown]:
    """One entity of a kind."""
    members: dict[str, Any] = {"item": (row, ...), "version": (int, ...), "past": (_past_or_none(PastOfOne), ...)}
    return create_model(f"{camel(kind)}Detail", __base__=_Dated, **members)
