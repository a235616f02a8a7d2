"""What a saved view shows of a list: which rows, in which order, in which columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from opsroom_domain.decider import Invalid, Json, Kind
from opsroom_domain.samples import samples
from opsroom_domain.shared.limits import TITLE_MAX
from opsroom_domain.text import check_line, check_text

FILTERS_MAX, VALUES_MAX, VALUE_MAX = 30, 50, 200
COLUMNS_MAX = 50
WIDTH_MIN, WIDTH_MAX = 20, 2_000
SEARCH_MAX = 200
POSITION_MAX = 10_000
SORTS = frozenset(f"{sign}{key}" for key in ("updated", "created", "rank", "due", "title") for sign in ("", "-"))
"""The orders of a list, as its address says them."""
_OF_EVERY_ROW = ("id", "kind", "code", "version", "created_at", "updated_at", "updated_by")


class Scope(StrEnum):
    """Whose a view is: its owner's, a team's, or everybody's."""

    PERSONAL = "personal"
    TEAM = "team"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterOn:
    """Rows whose tag ``field`` is one of ``values``."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``name`` is a key of the row; ``width`` in pixels, None as the screen likes."""

    name: str
    width: int | None
    pinned: bool
    hidden: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The parts of a view. Each can be changed alone: two people who change different parts do not meet."""

    title: str
    filters: tuple[FilterOn, ...]
    """Sorted by field."""
    search: str
    """As the list's ``q``; may be empty."""
    sort: str
    columns: tuple[Column, ...]
    """In the order of the screen."""
    group_by: str | None
    """A tag."""
    position: int
    """Where it stands among the views of its scope, from 0."""


PARTS = ("title", "filters", "search", "sort", "columns", "group_by", "position")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the rows of one kind have: tags to filter and group by, keys for columns."""

    tags: frozenset[str]
    keys: frozenset[str]


def shown_by(kind: Kind[Any, Any, Any]) -> Shown:
    """Derived from sample states, so that a new kind has views without a line about them."""
    made = samples(kind)
    tags = {tag for state in made for tag in kind.tags(state)}
    return Shown(frozenset(tags), frozenset({key for state in made for key in kind.to_json(state)}.union(_OF_EVERY_ROW)))


def checked(definition: Definition, of: str, shown: Shown) -> Definition:
    """The definition in one order. Raises Invalid ``bad-view``, Refused for texts that do not fit."""
    check_line("title", definition.title, TITLE_MAX)
    check_text("search", definition.search, SEARCH_MAX)
    _known("filter", [each.field for each in definition.filters], shown.tags, of, FILTERS_MAX)
    _known("column", [each.name for each in definition.columns], shown.keys, of, COLUMNS_MAX)
    _known("group", [definition.group_by] if definition.group_by is not None else [], shown.tags, of, 1)
    if definition.sort not in SORTS:
        raise Invalid("bad-view", f"{definition.sort[:40]!r} is no order; choose one of {', '.join(sorted(SORTS))}")
    if not 0 <= definition.position <= POSITION_MAX:
        raise Invalid("bad-view", f"the position is from 0 to {POSITION_MAX}; choose one")
    for column in definition.columns:
        if column.width is not None and not WIDTH_MIN <= column.width <= WIDTH_MAX:
            raise Invalid(
                "bad-view", f"the column {column.name} may be {WIDTH_MIN} to {WIDTH_MAX} pixels wide; correct it, or leave it to the screen"
            )
    for each in definition.filters:
        _check_values(each)
    return in_one_order(definition)


def in_one_order(definition: Definition) -> Definition:
    """The definition with its filters and their values sorted, each once: as it is kept, and as what somebody saw is compared with it."""
    filters = sorted(definition.filters, key=lambda each: each.field)
    return replace(
        definition,
        filters=tuple(FilterOn(field=each.field, values=tuple(sorted(set(each.values)))) for each in filters),
        search=definition.search.strip(),
    )


def part_to_json(definition: Definition, part: str) -> Json:
    """One part as rows, diffs and conflicts show it."""
    value: Any = getattr(definition, part)
    if part == "filters":
        return {each.field: [*each.values] for each in definition.filters}
    if part == "columns":
        return [{"name": c.name, "width": c.width, "pinned": c.pinned, "hidden": c.hidden} for c in definition.columns]
    return value


def _check_values(filter_on: FilterOn) -> None:
    if not 0 < len(set(filter_on.values)) <= VALUES_MAX:
        raise Invalid("bad-view", f"the filter {filter_on.field} needs 1 to {VALUES_MAX} values; correct it, or leave the filter out")
    for value in filter_on.values:
        check_line(filter_on.field, value, VALUE_MAX)


def _known(what: str, names: list[str], known: Iterable[str], of: str, most: int) -> None:
    if len(names) > most:
        raise Invalid("bad-view", f"a view may have {most} {what}s; use fewer")
    if len(set(names)) != len(names):
        raise Invalid("bad-view", f"a {what} is named twice; name it once")
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise Invalid("bad-view", f"{unknown[0][:40]!r} is no {what} of {of}; choose one of {', '.join(sorted(known))}")
