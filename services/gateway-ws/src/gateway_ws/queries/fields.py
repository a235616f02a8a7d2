"""What the lists of a kind can be filtered and sorted by, derived from the kind itself: a new kind needs no line here.

The fields are the kind's tags. What each may hold is seen on sample states: a tag that only ever holds words of one vocabulary is a choice of
them, the rest is free.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from opsroom_domain.decider import Kind, ListColumns
from opsroom_domain.samples import FREE_TEXT, samples, vocabularies
from opsroom_domain.times import from_rfc3339

NOBODY: Final = "none"
"""As a value of ``assignee``: those that have none."""
ASSIGNEE: Final = "assignee"
STATUS: Final = "status"
_FLAGS: Final = frozenset({"true", "false"})
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class Form(StrEnum):
    """What a tag holds."""

    FLAG = "flag"
    CHOICE = "choice"
    TEXT = "text"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Field:
    """One tag as a filter. ``parameter`` is its name in an address: the singular of a list's (``label`` for ``labels``)."""

    tag: str
    parameter: str
    form: Form
    choices: tuple[str, ...] = ()

    def term(self, value: str) -> str:
        """As it stands in the rows' terms."""
        return f"{self.tag}:{value}"


class SortKey(StrEnum):
    """What a list may be sorted by."""

    UPDATED = "updated"
    CREATED = "created"
    RANK = "rank"
    DUE = "due"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Sort:
    """Rows without the key come last, whatever the direction; rows with an equal key are in the order of their ids, in the same direction."""

    key: SortKey
    descending: bool

    @property
    def parameter(self) -> str:
        """As an address says it: ``-updated``."""
        return f"-{self.key}" if self.descending else str(self.key)


NEWEST_CHANGE: Final = Sort(SortKey.UPDATED, descending=True)


@dataclass(frozen=True, slots=True)
class Listing:
    """How one kind can be listed."""

    kind: str
    collection: str
    fields: Mapping[str, Field]
    """By parameter, in order."""
    sort_keys: tuple[SortKey, ...]
    has_due: bool

    @property
    def sorts(self) -> Mapping[str, Sort]:
        """Every order, by its parameter."""
        orders = [Sort(key, descending) for key in self.sort_keys for descending in (True, False)]
        return {order.parameter: order for order in orders}


def listing(kind: Kind[Any, Any, Any]) -> Listing:
    """Derive how ``kind`` can be listed. Raises NoSample, ValueError for two fields of one name."""
    shown = samples(kind)
    seen: dict[str, set[str]] = {}
    for state in shown:
        for tag, value in kind.tags(state).items():
            seen.setdefault(tag, set()).add(value)
    words = vocabularies(kind)
    fields = [_field(tag, frozenset(values - {""}), words) for tag, values in sorted(seen.items())]
    by_parameter = {field.parameter: field for field in fields}
    if len(by_parameter) != len(fields):
        raise ValueError(f"{kind.name}: two tags would be filtered by the same parameter; rename one")
    columns = [kind.columns(state) for state in shown]
    has_due = any(column.due_at is not None for column in columns)
    return Listing(kind.name, kind.collection, by_parameter, _sort_keys(columns, has_due=has_due), has_due)


def _sort_keys(columns: list[ListColumns], *, has_due: bool) -> tuple[SortKey, ...]:
    there = {SortKey.UPDATED, SortKey.CREATED, SortKey.TITLE}
    if any(column.rank is not None for column in columns):
        there.add(SortKey.RANK)
    if has_due:
        there.add(SortKey.DUE)
    return tuple(key for key in SortKey if key in there)


def _field(tag: str, seen: frozenset[str], words: list[tuple[str, ...]]) -> Field:
    if any(value.startswith("\n") for value in seen):
        return Field(tag, tag.removesuffix("s"), Form.LIST)
    if any(_is_free(value) for value in seen) or not seen:
        return Field(tag, tag, Form.TEXT)
    if seen <= _FLAGS:
        return Field(tag, tag, Form.FLAG, ("true", "false"))
    # A word that no sample showed is still a word of its vocabulary; words of no vocabulary may be some of many.
    whole = next((vocabulary for vocabulary in words if seen <= set(vocabulary)), ())
    return Field(tag, tag, Form.CHOICE if whole else Form.TEXT, whole)


def _is_free(value: str) -> bool:
    """Whether a sample's free text, number or time shows in it. A number may always be another one."""
    if FREE_TEXT in value or _NUMBER.fullmatch(value):
        return True
    try:
        from_rfc3339(value)
    except ValueError:
        return False
    return True
