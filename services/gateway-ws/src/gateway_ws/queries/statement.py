"""Statements put together from the named pieces of ``lists.sql``, with their values aside: what somebody sent is always a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway_ws.queries.asked import After, Between, Filter, Key, Moment, OneOf, Page, Window
from gateway_ws.queries.fields import ASSIGNEE, STATUS, Sort, SortKey
from opsroom_common.postgres.sql import statements

_SQL: Final = statements("gateway_ws.queries", "lists.sql")
KEY_COLUMNS: Final = {
    SortKey.UPDATED: "updated_at",
    SortKey.CREATED: "created_at",
    SortKey.RANK: "rank",
    SortKey.DUE: "due_at",
    SortKey.TITLE: "title",
}
_KEY_TYPES: Final = {SortKey.RANK: "int", SortKey.TITLE: "text"}
_MOMENT_COLUMNS: Final = {Moment.CREATED: "created_at", Moment.UPDATED: "updated_at", Moment.DUE: "due_at"}
MAY_BE_MISSING: Final = frozenset({SortKey.RANK, SortKey.DUE})


_COLUMNS: Final = frozenset({STATUS, ASSIGNEE})
_DONE: Final = OneOf(("live:false",))
_SQL_NOT_ARCHIVED: Final = "NOT e.terms @> '{archived:true}'"
_SQL_DONE: Final = " AND e.terms @> '{live:false}'"


class Statement:
    """Collects the values of one statement."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def put(self, value: object, cast: str) -> str:
        """Take a value in; returns its place, as ``$3::text``."""
        self.values.append(value)
        return f"${len(self.values)}::{cast}"


def walk(statement: Statement, page: Page, visible: str) -> str:
    """The rows of ``page``, in order, along the index of that order. ``visible`` is of ``visible.visible``."""
    sort, after = page.sort, page.after
    filled = _places(statement, page)
    behind = _behind(statement, sort, after)
    rest = _has_text(statement, page.wanted) + visible
    if sort.key is SortKey.UPDATED and len(page.wanted.statuses) > 1 and replace(page.wanted, between=()).is_status:
        statuses = statement.put(page.wanted.statuses, "text[]")
        passing = conditions(statement, replace(page.wanted, statuses=())) + rest
        return _SQL["walk_each_status"].format(statuses=statuses, conditions=passing + behind, **filled)
    passing = conditions(statement, page.wanted) + rest
    if sort.key not in MAY_BE_MISSING:
        return _SQL["walk"].format(conditions=passing + behind, **filled)
    column = f"e.{KEY_COLUMNS[sort.key]}"
    without_key = _SQL["walk"].format(conditions=f"{passing} AND {column} IS NULL{behind if _is_at_end(after) else ''}", **filled)
    if _is_at_end(after):
        return without_key
    with_key = _SQL["walk"].format(conditions=f"{passing} AND {column} IS NOT NULL{behind}", **filled)
    return _SQL["walk_both"].format(with_key=with_key, without_key=without_key, limit=filled["limit"])


def walk_so_far(statement: Statement, page: Page, visible: str, steps: int) -> str:
    """The first rows of ``page`` among the next ``steps`` rows of its order that have a key: not all of it, unless there are enough."""
    sort = page.sort
    filled = _places(statement, page)
    along = (_SQL_DONE if _DONE in page.wanted.one_of else "") + _within(statement, page)
    if len(page.wanted.statuses) == 1:
        along = f" AND e.status = {statement.put(page.wanted.statuses[0], 'text')}"
    if sort.key in MAY_BE_MISSING:
        along += f" AND e.{KEY_COLUMNS[sort.key]} IS {'' if _is_at_end(page.after) else 'NOT '}NULL"
    return _SQL["walk_so_far"].format(
        along=along + _behind(statement, sort, page.after),
        conditions=conditions(statement, page.wanted) + _has_text(statement, page.wanted) + visible,
        steps=statement.put(steps, "int"),
        **filled,
    )


def gather(statement: Statement, page: Page, visible: str, *, by_text: bool = False, window: Window | None = None) -> str:
    """The rows of ``page``: all that pass are found by the indexes of what they pass, then put in order.

    ``by_text``: the words find them. With ``window`` only those that lie before its end.
    """
    sort, after, wanted = page.sort, page.after, page.wanted
    kind = statement.put(wanted.kind, "text")
    column = f"e.{KEY_COLUMNS[sort.key]}"
    behind = _behind(statement, sort, after)
    if after is not None and sort.key in MAY_BE_MISSING:
        behind = f" AND {column} IS NULL{behind}" if after.key is None else f" AND ({column} IS NULL OR {behind.removeprefix(' AND ')})"
    if window is not None:
        behind += f" AND {column} {'>=' if sort.descending else '<='} {_key(statement, sort, window.end)}"
    passing = found(statement, wanted, visible, kind, by_text=by_text)
    return _SQL["gather"].format(
        shown=_SQL["shown"],
        kind=kind,
        key=KEY_COLUMNS[sort.key],
        direction=direction(sort),
        limit=statement.put(page.limit, "int"),
        tables=passing.tables,
        conditions=passing.conditions + behind,
    )


@dataclass(frozen=True, slots=True)
class Found:
    """Where rows are found, and what they fulfil beside their kind."""

    tables: str
    conditions: str


def found(statement: Statement, wanted: Filter, visible: str, kind: str, *, by_text: bool) -> Found:
    """All rows of ``wanted``, found by the indexes of what they pass; ``by_text``: by their words. ``kind`` is the place of its value."""
    passing = conditions(statement, wanted, by_terms=True) + visible
    if by_text and wanted.search is not None:
        return Found(_SQL["found_by_text"].format(kind=kind, query=_query(statement, wanted.search)), passing)
    return Found(_SQL["only_entities"], passing + _has_text(statement, wanted))


def window_end(statement: Statement, page: Page, steps: int) -> str:
    """The key of the row ``steps`` behind the beginning of ``page``, among all of the kind that have one and lie within the filter's own times."""
    sort = page.sort
    there = f" AND e.{KEY_COLUMNS[sort.key]} IS NOT NULL" if sort.key in MAY_BE_MISSING else ""
    return _SQL["window_end"].format(
        kind=statement.put(page.wanted.kind, "text"),
        key=KEY_COLUMNS[sort.key],
        direction=direction(sort),
        behind=there + _within(statement, page) + _behind(statement, sort, page.after),
        steps=statement.put(steps, "int"),
    )


def estimate(statement: Statement, wanted: Filter, visible: str) -> str:
    """What tells about how many rows pass, whatever their words."""
    return _SQL["estimate"].format(kind=statement.put(wanted.kind, "text"), conditions=conditions(statement, wanted) + visible)


def count_texts(statement: Statement, kind: str, words: str, limit: int) -> str:
    """How many entities of a kind have the words, ``limit`` at most."""
    places = {"kind": statement.put(kind, "text"), "limit": statement.put(limit, "int")}
    return _SQL["count_texts"].format(query=_query(statement, words), **places)


def answer(rows: str, sort: Sort) -> str:
    """The whole statement: ``rows`` and the position that holds for them."""
    return _SQL["answer"].format(rows=rows, direction=direction(sort))


def one(statement: Statement, kind: str, entity_id: str, visible: str) -> str:
    """One entity."""
    places = {"kind": statement.put(kind, "text"), "id": statement.put(entity_id, "text")}
    return _SQL["one"].format(shown=_SQL["shown"], visible=visible, **places)


def timeline(statement: Statement, kind: str, entity_id: str, after: int, limit: int, visible: str) -> str:
    """What happened to one entity."""
    places = {"kind": statement.put(kind, "text"), "id": statement.put(entity_id, "text")}
    return _SQL["timeline"].format(after=statement.put(after, "int"), limit=statement.put(limit, "int"), visible=visible, **places)


def facet(statement: Statement, wanted: Filter, tag: str, values: Sequence[str], most: int, visible: str) -> str:
    """How many rows of ``wanted`` have each of these values of a tag; at most ``most`` are counted."""
    # A column has an index with nothing else to look up; a term leads to a bitmap of all that have it.
    has_value = f"e.{tag} = one.value" if tag in _COLUMNS else f"e.terms @> ARRAY[{statement.put(tag, 'text')} || ':' || one.value]"
    places = {"kind": statement.put(wanted.kind, "text"), "has_value": has_value, "values": statement.put(values, "text[]")}
    passing = conditions(statement, wanted, by_terms=True) + _has_text(statement, wanted) + visible
    return _SQL["facet"].format(conditions=passing, most=statement.put(most, "int"), **places)


def facet_sample(statement: Statement, wanted: Filter, tag: str, most: int, values: int, visible: str) -> str:
    """The most frequent values of a tag among the first ``most`` rows of ``wanted``."""
    kind = statement.put(wanted.kind, "text")
    places = {"tag": statement.put(tag, "text"), "most": statement.put(most, "int"), "values": statement.put(values, "int")}
    passing = found(statement, wanted, visible, kind, by_text=True)
    return _SQL["facet_sample"].format(kind=kind, tables=passing.tables, conditions=passing.conditions, **places)


def moment() -> str:
    """The moment that a transaction sees."""
    return _SQL["moment"]


def count(statement: Statement, wanted: Filter, most: int, visible: str) -> str:
    """How many rows there are of ``wanted``; at most ``most`` are counted."""
    kind = statement.put(wanted.kind, "text")
    passing = found(statement, wanted, visible, kind, by_text=True)
    return _SQL["count"].format(kind=kind, most=statement.put(most, "int"), tables=passing.tables, conditions=passing.conditions)


def export(statement: Statement, wanted: Filter, visible: str, *, by_text: bool) -> str:
    """All rows of ``wanted``, in the order of their creation. ``by_text``: found by their words."""
    kind = statement.put(wanted.kind, "text")
    passing = found(statement, wanted, visible, kind, by_text=by_text)
    return _SQL["export"].format(shown=_SQL["shown"], kind=kind, tables=passing.tables, conditions=passing.conditions)


def in_index_order() -> str:
    """In a transaction: what follows is not sorted where an index has the order."""
    return _SQL["in_index_order"]


def comment_texts(statement: Statement, entity_id: str, version: int, types: Sequence[str], comments: Sequence[str]) -> str:
    """The texts of these comments as of a version."""
    return _SQL["comment_texts"].format(
        id=statement.put(entity_id, "text"),
        version=statement.put(version, "int"),
        types=statement.put(types, "text[]"),
        comments=statement.put(comments, "text[]"),
    )


def by_code(statement: Statement, kind: str, tail: str, limit: int, visible: str) -> str:
    """Entities whose ids end with ``tail``, which holds letters and digits only."""
    places = {"kind": statement.put(kind, "text"), "tail": statement.put(f"{tail[::-1]}%", "text")}
    return _SQL["by_code"].format(limit=statement.put(limit, "int"), visible=visible, **places)


def parked(statement: Statement, after: str, limit: int) -> str:
    """Entities that are set aside."""
    return _SQL["parked"].format(after=statement.put(after, "text"), limit=statement.put(limit, "int"))


def projected_up_to(statement: Statement, topic: str, partition: int) -> str:
    """How far the rows of a partition are."""
    return _SQL["projected_up_to"].format(topic=statement.put(topic, "text"), partition=statement.put(partition, "int"))


def direction(sort: Sort) -> str:
    """As SQL says it."""
    return "DESC" if sort.descending else "ASC"


def conditions(statement: Statement, wanted: Filter, *, by_terms: bool = False) -> str:
    """What a row of ``wanted`` fulfils, beside its kind and its words: text that begins with AND, or nothing.

    ``by_terms``: statuses and assignees, too, as terms, so that one index finds all of it; else as columns, which have indexes in the order of the lists.
    """
    parts = [_one_of(statement, clause, by_terms=by_terms) for clause in wanted.one_of]
    if wanted.statuses:
        parts.append(_among(statement, "status", wanted.statuses, by_terms=by_terms))
    if wanted.all_of:
        parts.append(f"e.terms @> {statement.put(wanted.all_of, 'text[]')}")
    if not wanted.with_archived:
        parts.append(_SQL_NOT_ARCHIVED)
    parts += [part for between in wanted.between for part in _between(statement, between)]
    return "".join(f" AND {part}" for part in parts)


def _places(statement: Statement, page: Page) -> dict[str, str]:
    return {
        "shown": _SQL["shown"],
        "kind": statement.put(page.wanted.kind, "text"),
        "key": KEY_COLUMNS[page.sort.key],
        "direction": direction(page.sort),
        "limit": statement.put(page.limit, "int"),
    }


def _within(statement: Statement, page: Page) -> str:
    """The filter's times that bound the order itself: its index begins and ends with them."""
    bounds = [part for between in page.bounds for part in _between(statement, between)]
    return "".join(f" AND {part}" for part in bounds)


def _is_at_end(after: After | None) -> bool:
    """Whether the page begins among the rows that have no key."""
    return after is not None and after.key is None


def _behind(statement: Statement, sort: Sort, after: After | None) -> str:
    if after is None:
        return ""
    sign = "<" if sort.descending else ">"
    if after.key is None:
        return f" AND e.id {sign} {statement.put(after.entity_id, 'text')}"
    place = f"({_key(statement, sort, after.key)}, {statement.put(after.entity_id, 'text')})"
    return f" AND (e.{KEY_COLUMNS[sort.key]}, e.id) {sign} {place}"


def _key(statement: Statement, sort: Sort, key: Key) -> str:
    return statement.put(key, _KEY_TYPES.get(sort.key, "timestamptz"))


def _has_text(statement: Statement, wanted: Filter) -> str:
    """The words as a condition on an entity that is at hand."""
    return "" if wanted.search is None else " AND " + _SQL["has_text"].format(query=_query(statement, wanted.search))


def _query(statement: Statement, words: str) -> str:
    # A closed phrase is complete, and what must not be there is meant as it stands.
    complete = words.endswith('"') or words.rsplit(maxsplit=1)[-1].startswith("-")
    return _SQL["query" if complete else "query_with_beginning"].format(words=statement.put(words, "text"))


def _one_of(statement: Statement, clause: OneOf, *, by_terms: bool) -> str:
    if clause == _DONE:
        # In so many words: the planner knows the partial index by them.
        return _SQL_DONE.removeprefix(" AND ")
    parts: list[str] = []
    if clause.terms:
        parts.append(f"e.terms && {statement.put(clause.terms, 'text[]')}")
    if clause.assignees:
        parts.append(_among(statement, "assignee", clause.assignees, by_terms=by_terms))
    if clause.or_nobody:
        parts.append("e.assignee IS NULL")
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _among(statement: Statement, column: str, values: Sequence[str], *, by_terms: bool) -> str:
    if by_terms:
        return f"e.terms && {statement.put([f'{column}:{value}' for value in values], 'text[]')}"
    if len(values) == 1:
        return f"e.{column} = {statement.put(values[0], 'text')}"
    return f"e.{column} = ANY({statement.put(values, 'text[]')})"


def _between(statement: Statement, between: Between) -> list[str]:
    column = _MOMENT_COLUMNS[between.moment]
    parts: list[str] = []
    if between.start is not None:
        parts.append(f"e.{column} >= {statement.put(between.start, 'timestamptz')}")
    if between.end is not None:
        parts.append(f"e.{column} < {statement.put(between.end, 'timestamptz')}")
    return parts
