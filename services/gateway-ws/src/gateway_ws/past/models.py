"""What the doors to history and activity take and answer, as pydantic models: they check the parameters and make the OpenAPI description."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from gateway_ws.queries.cursor import CURSOR_CHARS_MAX
from gateway_ws.queries.models import LogPlace, Past
from gateway_ws.queries.parameters import PAGE_MAX, Instant, OfMoment, Parameters
from gateway_ws.queries.row_models import Shown
from opsroom_domain.registry import KINDS

_VALUES_MAX: Final = 20
_Name = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,100}$")]
_Names = Annotated[list[_Name], Field(max_length=_VALUES_MAX)]


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"there is no such kind; there are {', '.join(KINDS)}")
    return kind


_KindName = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(KINDS)})]


class HistoryParameters(OfMoment):
    after: Annotated[int, Field(ge=0, le=2**31 - 1, description="only later versions")] = 0
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50


class ActivityParameters(Parameters):
    actor: Annotated[_Names, Field(default_factory=list, description="who: any of these actors")]
    type: Annotated[
        _Names,
        Field(default_factory=list, description="what: any of these event types, such as opsroom.incident.opened, or their last parts"),
    ]
    kind: Annotated[list[_KindName], Field(default_factory=list, max_length=_VALUES_MAX, description="any of these kinds")]
    entity: Annotated[_Names, Field(default_factory=list, description="any of these entities")]
    # ``from`` is a word of Python.
    from_: Annotated[Instant | None, Field(alias="from", description="at this moment or later")] = None
    to: Annotated[Instant | None, Field(description="before this moment")] = None
    cursor: Annotated[str | None, Field(max_length=CURSOR_CHARS_MAX, description="next of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50
    wait_for: Annotated[
        str | None,
        Field(pattern=r"^[0-9]{1,5}:[0-9]{1,18}$", description="PARTITION:OFFSET of a command's answer: wait until the rows include it"),
    ] = None


class Change(Shown):
    """``from`` and ``to``; only ``to`` for a new member; only ``from`` for one that is gone; ``added`` and ``removed`` for a list."""

    path: Annotated[str, Field(description="a JSON Pointer into the row; in a list of objects with ids a member is named by its id")]
    from_: Annotated[Any, Field(alias="from")] = None
    to: Any = None
    added: list[Any] | None = None
    removed: list[Any] | None = None


class _Told(Shown):
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


class History(Shown):
    items: list[HistoryItem]
    version: Annotated[int, Field(description="the newest version, as of the moment asked for")]
    next: Annotated[int | None, Field(description="after of the next page; null when this one reaches the newest version")]
    past: Annotated[Past | None, Field(description="null: all of it, up to the present")]


class ActivityItem(_Told):
    id: Annotated[str, Field(description="of the entity")]
    kind: str
    at: datetime
    diff: dict[str, Any]


class Activity(Shown):
    items: list[ActivityItem]
    next: Annotated[str | None, Field(description="cursor of the next page; null on the last one")]
    complete_before: Annotated[
        datetime | None, Field(description="no event of an earlier time can be added any more; null: that is not known yet")
    ]
