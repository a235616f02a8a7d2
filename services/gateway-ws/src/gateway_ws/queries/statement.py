"""Statements put together from the named pieces of ``lists.sql``, with their values aside: what somebody sent is always a parameter."""

from __future__ import annotations

from typing import Final

from gateway_ws.queries.asked import After, Between, Filter, Key, Moment, OneOf, Page, Window
from gateway_ws.queries.fields import Sort, SortKey
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
    statuses = page.wanted.statuses if sort.key is SortKey.UPDATED and len(page.wanted.statuses) > 1 else ()
    passing = conditions(statement, page.wanted, statuses=not statuses) + _has_text(statement, page.wanted) + visible
    filled = {
        "shown": _SQL["shown"],
        "kind": statement.put(page.wanted.kind, "text"),
        "key": KEY_COLUMNS[sort.key],
        "direction": direction(sort),
        "limit": statement.put(page.limit, "int"),
    }
    behind = _behind(statement, sort, after)
    if statuses:
        return _SQL["walk_each_status"].format(statuses=statement.put(statuses, "text[]"), conditions=passing + behind, **filled)
    if sort.key not in MAY_BE_MISSING:
        return _SQL["walk"].format(conditions=passing + behind, **filled)
    column = f"e.{KEY_COLUMNS[sort.key]}"
    without_key = _SQL["walk"].format(conditions=f"{passing} AND {column} IS NULL{behind if _is_at_end(after) else ''}", **filled)
    if _is_at_end(after):
        return without_key
    with_key = _SQL["walk"].format(conditions=f"{passing} AND {column} IS NOT NULL{behind}", **filled)
    return _SQL["walk_both"].format(with_key=with_key, without_key=without_key, limit=filled["limit"])


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
    if by_text and wanted.search is not None:
        tables, words = _SQL["found_by_text"].format(kind=kind, query=_query(statement, wanted.search)), ""
    else:
        tables, words = _SQL["only_entities"], _has_text(statement, wanted)
    return _SQL["gather"].format(
        shown=_SQL["shown"],
        kind=kind,
        key=KEY_COLUMNS[sort.key],
        direction=direction(sort),
        limit=statement.put(page.limit, "int"),
        tables=tables,
        conditions=conditions(statement, wanted) + visible + behind + words,
    )


def window_end(statement: Statement, page: Page, steps: int) -> str:
    """The key of the row ``steps`` behind the beginning of ``page``, among all of the kind that have one."""
    sort = page.sort
    there = f" AND e.{KEY_COLUMNS[sort.key]} IS NOT NULL" if sort.key in MAY_BE_MISSING else ""
    return _SQL["window_end"].format(
        kind=statement.put(page.wanted.kind, "text"),
        key=KEY_COLUMNS[sort.key],
        direction=direction(sort),
        behind=there + _behind(statement, sort, page.after),
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


def projected_up_to(statement: Statement, topic: str, partition: int) -> str:
    """How far the rows of a partition are."""
    return _SQL["projected_up_to"].format(topic=statement.put(topic, "text"), partition=statement.put(partition, "int"))


def direction(sort: Sort) -> str:
    """As SQL says it."""
    return "DESC" if sort.descending else "ASC"


def conditions(statement: Statement, wanted: Filter, *, statuses: bool = True) -> str:
    """What a row of ``wanted`` fulfils, beside its kind and its words: text that begins with AND, or nothing. ``statuses``: also those."""
    parts = [_one_of(statement, clause) for clause in wanted.one_of]
    if statuses and wanted.statuses:
        parts.append(f"e.status = ANY({statement.put(wanted.statuses, 'text[]')})")
    if wanted.all_of:
        parts.append(f"e.terms @> {statement.put(wanted.all_of, 'text[]')}")
    parts += [part for between in wanted.between for part in _between(statement, between)]
    return "".join(f" AND {part}" for part in parts)


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


def _one_of(statement: Statement, clause: OneOf) -> str:
    parts: list[str] = []
    if len(clause.terms) == 1:
        # As the partial index of what is done has it.
        parts.append(f"e.terms @> {statement.put(clause.terms, 'text[]')}")
    elif clause.terms:
        parts.append(f"e.terms && {statement.put(clause.terms, 'text[]')}")
    if clause.assignees:
        parts.append(f"e.assignee = ANY({statement.put(clause.assignees, 'text[]')})")
    if clause.or_nobody:
        parts.append("e.assignee IS NULL")
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _between(statement: Statement, between: Between) -> list[str]:
    column = _MOMENT_COLUMNS[between.moment]
    parts: list[str] = []
    if between.start is not None:
        parts.append(f"e.{column} >= {statement.put(between.start, 'timestamptz')}")
    if between.end is not None:
        parts.append(f"e.{column} < {statement.put(between.end, 'timestamptz')}")
    return parts
