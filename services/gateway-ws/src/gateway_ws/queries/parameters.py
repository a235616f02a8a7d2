"""The parameters of a kind's lists as pydantic models, made from what the kind can be listed by: they check what is sent and describe it in OpenAPI."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
    model_validator,
)

from gateway_ws.queries.asked import Between, Facet, Filter, Moment, OneOf
from gateway_ws.queries.cursor import CURSOR_CHARS_MAX
from gateway_ws.queries.export import Format
from gateway_ws.queries.fields import ASSIGNEE, NEWEST_CHANGE, NOBODY, STATUS, Form, Listing, Sort
from gateway_ws.queries.fields import Field as ListField
from gateway_ws.queries.row_models import camel
from opsroom_domain.shared.limits import COMMENTS_MAX

PAGE_MAX: Final = 200
FILTER_VALUES_MAX: Final = 50
_ZONE_WITHOUT_SIGN: Final = re.compile(r" (\d\d:?\d\d)$")
FACETS_MAX: Final = 10
SEARCH_CHARS_MAX: Final = 200
_Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Id = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[a-z0-9_]+$")]
_After = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")]
_LogPosition = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}:[0-9]{1,18}$")]


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("this moment is outside of the years that there are; take one from 0001 to 9999 in UTC") from None


def _with_plus(text: object) -> object:
    """A + that was not written as %2B arrives as a space; before a zone it can mean nothing else."""
    return _ZONE_WITHOUT_SIGN.sub(r"+\1", text) if isinstance(text, str) else text


Instant = Annotated[AwareDatetime, BeforeValidator(_with_plus), AfterValidator(_utc)]
"""A moment with its zone, such as 2026-11-24T09:30:00Z."""


def _words(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise ValueError("it holds no word; give letters or digits to search for, or leave q out")
    return text.strip()


_Search = Annotated[str, StringConstraints(min_length=1, max_length=SEARCH_CHARS_MAX, pattern=r"^[^\x00]*$"), AfterValidator(_words)]
_Described: TypeAlias = tuple[Any, Any]
_P = TypeVar("_P", bound=BaseModel)


class Parameters(BaseModel):
    """An unknown parameter is refused: a misspelt filter would show the wrong list."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReadAfter(Parameters):
    """Read your writes."""

    wait_for: Annotated[
        _LogPosition | None, Field(description="PARTITION:OFFSET of a command's answer: wait until the rows include it")
    ] = None


class OfMoment(ReadAfter):
    """Of which moment the board is."""

    as_of: Annotated[
        Instant | None, Field(description="the board as it was at this moment (RFC 3339 with a zone); leave it out for the present")
    ] = None


class OneParameters(OfMoment):
    """One entity, at a moment or at one of its versions."""

    version: Annotated[int | None, Field(ge=1, le=2**31 - 1, description="as it was at this version")] = None

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if self.as_of is not None and self.version is not None:
            raise ValueError("as_of and version both name a moment; send one of them")
        return self


class TimelineParameters(OfMoment):
    after: Annotated[int, Field(ge=0, le=2**31 - 1, description="only later versions")] = 0
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 100


class CommentsParameters(OfMoment):
    after: Annotated[_Text | None, Field(description="only comments behind this one")] = None
    limit: Annotated[int, Field(ge=1, le=COMMENTS_MAX)] = 100


class ParkedParameters(Parameters):
    after: Annotated[_After, Field(description="only ids behind this one")] = ""
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50


class Filters(OfMoment):
    """What narrows a list. A kind's own fields are added by ``filters_of``."""

    q: Annotated[
        _Search | None,
        Field(description='words that its texts hold: all of them; "a phrase", or, -not; the last word may be the beginning of one'),
    ] = None
    view: Annotated[
        _Id | None, Field(description="a saved view of this kind: its filters, words and order hold unless the address says otherwise")
    ] = None
    created_after: Annotated[Instant | None, Field(description="created at this moment or later")] = None
    created_before: Annotated[Instant | None, Field(description="created before it")] = None
    updated_after: Annotated[Instant | None, Field(description="last changed at this moment or later")] = None
    updated_before: Annotated[Instant | None, Field(description="last changed before it")] = None


class ListParameters(Filters):
    """The filters, the order and the page of a list. A kind's own fields and orders are added by ``list_parameters``."""

    sort: str = NEWEST_CHANGE.parameter
    cursor: Annotated[str | None, Field(max_length=CURSOR_CHARS_MAX, description="next of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 50


class FacetParameters(Filters):
    """The filters of the rows that are counted, and by what. A kind's own fields are added by ``facet_parameters``."""

    facet: Annotated[list[str], Field(max_length=FACETS_MAX)] = []


class ExportParameters(Filters):
    """The filters of the rows that are exported. A kind's own fields are added by ``export_parameters``."""

    format: Annotated[Format, Field(description="csv for spreadsheets, ndjson for programs")] = Format.CSV


def facet_parameters(listing: Listing) -> type[FacetParameters]:
    """The filters of a kind, and the tags that can be counted."""
    names = Literal[tuple(listing.fields)]
    described = Annotated[list[names], Field(max_length=FACETS_MAX, description="count the rows for each value of these")]
    return _model(listing, "FacetParameters", FacetParameters, facet=(described, []))


def export_parameters(listing: Listing) -> type[ExportParameters]:
    """The filters of a kind, and the form of the file."""
    return _model(listing, "ExportParameters", ExportParameters)


def list_parameters(listing: Listing) -> type[ListParameters]:
    """The filters, the orders and the page of a kind's list."""
    orders = Literal[tuple(listing.sorts)]
    described = Annotated[orders, Field(description="the order; - is descending; rows without it come last")]
    return _model(listing, "ListParameters", ListParameters, sort=(described, NEWEST_CHANGE.parameter))


def wanted_of(asked: Filters, listing: Listing) -> Filter:
    """What checked parameters ask for."""
    one_of: list[OneOf] = []
    statuses: list[str] = []
    all_of: list[str] = []
    for parameter, field in listing.fields.items():
        sent = getattr(asked, parameter)
        if sent is None or sent == []:
            continue
        values: list[str] = [str(sent).lower()] if isinstance(sent, bool) else sent
        if field.form is Form.LIST:
            all_of.extend(field.term(value) for value in values)
        elif field.tag == STATUS:
            statuses = values
        else:
            one_of.append(_one_of(field, values))
    moments = [_between(moment, asked) for moment in Moment]
    return Filter(
        kind=listing.kind,
        statuses=tuple(sorted(set(statuses))),
        one_of=tuple(one_of),
        all_of=tuple(sorted(set(all_of))),
        between=tuple(between for between in moments if between is not None),
        with_archived=getattr(asked, "archived", None) is not None,
        search=asked.q,
    )


def facets_of(asked: FacetParameters, listing: Listing) -> dict[str, Facet]:
    """What checked parameters ask to be counted, by parameter, each without its own filter."""
    return {name: _facet(asked, listing, name) for name in asked.facet}


def sort_of(asked: ListParameters, listing: Listing) -> Sort:
    """The order that checked parameters ask for."""
    return listing.sorts[asked.sort]


def _facet(asked: FacetParameters, listing: Listing, name: str) -> Facet:
    field = listing.fields[name]
    others = wanted_of(asked.model_copy(update={name: None}), listing)
    return Facet(field.tag, others, field.choices or None)


def _one_of(field: ListField, values: list[str]) -> OneOf:
    if field.tag == ASSIGNEE:
        return OneOf(assignees=tuple(sorted(set(values) - {NOBODY})), or_nobody=NOBODY in values)
    return OneOf(tuple(sorted({field.term(value) for value in values})))


def _between(moment: Moment, asked: Filters) -> Between | None:
    start, end = getattr(asked, f"{moment}_after", None), getattr(asked, f"{moment}_before", None)
    return None if start is None and end is None else Between(moment, start, end)


def _model(listing: Listing, name: str, base: type[_P], **more: Any) -> type[_P]:
    own: dict[str, Any] = {parameter: _described(field) for parameter, field in listing.fields.items()}
    if listing.has_due:
        own["due_after"] = (Annotated[Instant | None, Field(description="due at this moment or later")], None)
        own["due_before"] = (Annotated[Instant | None, Field(description="due before it")], None)
    if clash := sorted(set(base.model_fields) & set(own)):
        raise ValueError(f"{listing.kind}: the tags {', '.join(clash)} have the names of parameters that every list has; rename them")
    return create_model(f"{camel(listing.kind)}{name}", __base__=base, **own, **more)


def _described(field: ListField) -> _Described:
    match field.form:
        case Form.FLAG:
            return (Annotated[bool | None, Field(description="yes or no")], None)
        case Form.CHOICE:
            choices = Literal[field.choices]
            return (Annotated[list[choices], Field(max_length=FILTER_VALUES_MAX, description="any of these")], [])
        case Form.LIST:
            return (Annotated[list[_Text], Field(max_length=FILTER_VALUES_MAX, description=f"all of these are among its {field.tag}")], [])
        case Form.TEXT:
            nobody = f"; {NOBODY!r} finds those that have none" if field.tag == ASSIGNEE else ""
            return (Annotated[list[_Text], Field(max_length=FILTER_VALUES_MAX, description=f"any of these{nobody}")], [])
