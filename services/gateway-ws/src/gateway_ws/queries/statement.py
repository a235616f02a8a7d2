"""Statements put together from the named pieces of ``lists.sql``, with their values aside: what somebody sent is always a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway_ws.queries.asked import After, Between, Filter, Moment, OneOf
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
_MOMENT_COLUMNS: Final = {Moment.CREATED: "created_at", Moment.UPDATED: "updated_at", Moment.DUE: "due_at"}
_MAY_BE_MISSING: Final = frozenset({SortKey.RANK, SortKey.DUE})


class Statement:
    """Collects the values of one statement."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def put(self, value: object, cast: str) -> str:
        """Take a value in; returns its place, as ``$3::text``."""
        self.values.append(value)
        return f"${len(self.values)}::{cast}"


def conditions(statement: Statement, wanted: Filter) -> str:
    """What every row of ``wanted`` fulfils, beside its kind: text that begins with AND, or nothing."""
    parts = [_one_of(statement, clause) for clause in wanted.one_of]
    if wanted.all_of:
        parts.append(f"e.terms @> {statement.put(wanted.all_of, 'text[]')}")
    parts += [part for between in wanted.between for part in _between(statement, between)]
    return _anded(parts)


def walk(statement: Statement, wanted: Filter, sort: Sort, after: After | None, limit: int, visible: str) -> str:
    """The rows of ``wanted`` behind ``after``, in order, along the index of that order. ``visible`` is of ``visible.visible``."""
    kind, shown = statement.put(wanted.kind, "text"), statement.put(limit, "int")
    passing = conditions(statement, wanted) + visible
    filled = {"kind": kind, "key": KEY_COLUMNS[sort.key], "direction": direction(sort), "limit": shown}
    if sort.key not in _MAY_BE_MISSING:
        return _SQL["walk"].format(conditions=passing + _behind(statement, sort, after), **filled)
    without = _SQL["walk_without_key"]
    if after is not None and after.key is None:
        return without.format(conditions=passing + _behind(statement, sort, after), **filled)
    there = f"{passing} AND e.{KEY_COLUMNS[sort.key]} IS NOT NULL{_behind(statement, sort, after)}"
    return _SQL["walk_with_key_then_without"].format(
        with_key=_SQL["walk"].format(conditions=there, **filled),
        without_key=without.format(conditions=passing, **filled),
        limit=shown,
    )


def answer(rows: str, sort: Sort) -> str:
    """The whole statement: ``rows`` and the position that holds for them."""
    return _SQL["answer"].format(rows=rows, direction=direction(sort))


def one(statement: Statement, kind: str, entity_id: str, visible: str) -> str:
    """One entity."""
    return _SQL["one"].format(kind=statement.put(kind, "text"), id=statement.put(entity_id, "text"), visible=visible)


def timeline(statement: Statement, kind: str, entity_id: str, after: int, limit: int, visible: str) -> str:
    """What happened to one entity."""
    kind, entity_id = statement.put(kind, "text"), statement.put(entity_id, "text")
    after_, limit_ = statement.put(after, "int"), statement.put(limit, "int")
    return _SQL["timeline"].format(kind=kind, id=entity_id, after=after_, limit=limit_, visible=visible)


def projected_up_to(statement: Statement, topic: str, partition: int) -> str:
    """How far the rows of a partition are."""
    return _SQL["projected_up_to"].format(topic=statement.put(topic, "text"), partition=statement.put(partition, "int"))


def direction(sort: Sort) -> str:
    return "DESC" if sort.descending else "ASC"


def _behind(statement: Statement, sort: Sort, after: After | None) -> str:
    if after is None:
        return ""
    sign = "<" if sort.descending else ">"
    if after.key is None:
        return f" AND e.id {sign} {statement.put(after.entity_id, 'text')}"
    kinds = {SortKey.RANK: "int", SortKey.TITLE: "text"}
    key = statement.put(after.key, kinds.get(sort.key, "timestamptz"))
    return f" AND (e.{KEY_COLUMNS[sort.key]}, e.id) {sign} ({key}, {statement.put(after.entity_id, 'text')})"


def _one_of(statement: Statement, clause: OneOf) -> str:
    parts: list[str] = []
    if clause.terms:
        parts.append(f"e.terms && {statement.put(clause.terms, 'text[]')}")
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


def _anded(parts: Sequence[str]) -> str:
    return "".join(f" AND {part}" for part in parts)
