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
    """At least one of ``terms`` (``name:value``, see ``rows.terms_of``), or one of ``assignees``, or, if ``or_nobody``, no assignee."""

    terms: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
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
    statuses: tuple[str, ...] = ()
    """One of these, if there are any."""
    one_of: tuple[OneOf, ...] = ()
    all_of: tuple[str, ...] = ()
    between: tuple[Between, ...] = ()
    with_archived: bool = False
    """What was archived passes, too."""
    search: str | None = None
    """In the syntax of web searches; its last word may be the beginning of one."""

    @property
    def is_status(self) -> bool:
        """True if the status alone decides what passes."""
        return bool(self.statuses) and not (self.one_of or self.all_of or self.between or self.search)

    @property
    def is_assignee(self) -> bool:
        """True if one assignee alone, or that there is none, decides what passes."""
        rest = self.statuses or self.all_of or self.between or self.search
        return (
            not rest
            and len(self.one_of) == 1
            and not self.one_of[0].terms
            and len(self.one_of[0].assignees) + self.one_of[0].or_nobody == 1
        )

    @property
    def is_all(self) -> bool:
        """True if every row of the kind passes."""
        return not (self.statuses or self.one_of or self.all_of or self.between or self.search)


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

    @property
    def bounds(self) -> tuple[Between, ...]:
        """The times of the filter that bound the order itself."""
        return tuple(between for between in self.wanted.between if between.moment.value == self.sort.key.value)

    as_of: datetime | None = None
    """The moment that the source of rows was asked for; a cursor goes on in the same one."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a list's order: from the beginning of the page up to ``end``, which belongs to it."""

    end: Key


@dataclass(frozen=True, slots=True)
class Facet:
    """Count the rows of ``wanted`` per value of one tag. ``wanted`` leaves that tag's own filter out, so that other values can be chosen, too.

    ``values``: all values there can be, or None if they are free: then the most frequent ones are counted.
    """

    tag: str
    wanted: Filter
    values: Sequence[str] | None
