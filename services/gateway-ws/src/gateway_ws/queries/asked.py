"""What a query asks for, checked and ready: plain values that a source of rows answers, whichever moment's rows it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from gateway_ws.queries.fields import NEWEST_CHANGE, Sort

Key: TypeAlias = datetime | int | str | None
"""A row's value of what a list is sorted by; None if it has none."""


class Moment(StrEnum):
    """Times of a row that a list can be bounded by."""

    CREATED = "created"
    UPDATED = "updated"
    DUE = "due"


@dataclass(frozen=True, slots=True)
class OneOf:
    """At least one of ``terms`` (``name:value``, see ``rows.terms_of``), or, if ``or_nobody``, no assignee."""

    terms: tuple[str, ...]
    or_nobody: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """``start`` <= the moment < ``end``; None is open."""

    moment: Moment
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Rows of one kind that pass all of it."""

    kind: str
    one_of: tuple[OneOf, ...] = ()
    all_of: tuple[str, ...] = ()
    between: tuple[Between, ...] = ()
    search: str | None = None
    """In the syntax of web searches; its last word may be the beginning of one."""


@dataclass(frozen=True, slots=True)
class After:
    """The last row of a page: the next page starts behind it."""

    key: Key
    entity_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list."""

    wanted: Filter
    sort: Sort = NEWEST_CHANGE
    after: After | None = None
    limit: int = 50
    as_of: datetime | None = None
    """The moment that the source of rows was asked for; a cursor goes on in the same one."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: what a row's visibility will be judged by."""

    actor: str
    role: str


@dataclass(frozen=True, slots=True)
class FacetAsked:
    """Count the rows per value of one tag. ``wanted`` leaves that tag's own filter out, so that the other values can be chosen, too.

    ``values``: all values there can be, or None if they are free: then the most frequent ones are counted.
    """

    tag: str
    wanted: Filter
    values: Sequence[str] | None
