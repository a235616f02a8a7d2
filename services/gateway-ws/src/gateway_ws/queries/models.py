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


class Comment(Shown):
    id: str
    by: str
    at: datetime
    edited_at: datetime | None
    hash: Annotated[str, Field(description="of the text: what an edit may name as seen")]
    text: str


class Comments(Shown):
    items: list[Comment]
    version: Annotated[int, Field(description="the entity's present version")]
    next: Annotated[str | None, Field(description="after of the next page; null on the last one")]


class CountShown(Shown):
    count: int
    exact: Annotated[bool, Field(description="false: there are count and more")]
    shown: Annotated[str, Field(description="the count for people: 1,234 or 10,000+")]


class ValueCount(CountShown):
    value: str


class FacetShown(Shown):
    values: Annotated[list[ValueCount], Field(description="the most frequent first")]
    complete: Annotated[bool, Field(description="false: there are values beside these")]


class FacetsShown(Shown):
    total: CountShown
    facets: dict[str, FacetShown]
    as_of: datetime
    past: Annotated[Past | None, Field(description="null: the present")]


class CodeFound(Shown):
    id: str
    kind: str
    code: Annotated[str, Field(description="the shortest code of this entity that nothing else has")]
    title: str


class CodeAmbiguous(Shown):
    candidates: Annotated[list[CodeFound], Field(description="each with a code that tells it apart")]
    complete: Annotated[bool, Field(description="false: there are more; add a character to the code")]


class ParkedShown(Shown):
    id: str
    reason: str
    behind: Annotated[int, Field(description="records of it that wait behind the one that could not be handled")]
    since: Annotated[datetime, Field(description="the time of that record")]
    log: LogPlace


class ParkedList(Shown):
    items: list[ParkedShown]
    next: Annotated[str | None, Field(description="after of the next page; null on the last one")]


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
