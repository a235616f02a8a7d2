"""Tags filters: a pure function of an entity's tags, as Centrifugo's SDKs send it with a subscription (``tf``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias, cast

_NUMERIC: Final = frozenset({"gt", "gte", "lt", "lte"})
_ONE: Final = frozenset({"eq", "neq", "sw", "ew", "ct"}) | _NUMERIC
_MANY: Final = frozenset({"in", "nin"})
_NONE: Final = frozenset({"ex", "nex"})


class BadFilter(Exception):
    """The filter makes no sense or is above a limit; the message says which part."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison of one tag. Equal leaves are the same filter, so that each distinct filter is evaluated once per entry."""

    key: str
    compare: str
    value: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Branch:
    """``and``, ``or`` or ``not`` (of exactly one) over its children."""

    operator: str
    children: tuple[TagFilter, ...]


TagFilter: TypeAlias = Leaf | Branch


def matches(node: TagFilter, tags: Mapping[str, str]) -> bool:
    """Whether ``tags`` pass. A missing tag passes only ``neq``, ``nin`` and ``nex``."""
    if isinstance(node, Branch):
        if node.operator == "and":
            return all(matches(child, tags) for child in node.children)
        if node.operator == "or":
            return any(matches(child, tags) for child in node.children)
        return not matches(node.children[0], tags)
    tag = tags.get(node.key)
    if tag is None:
        return node.compare in {"neq", "nin", "nex"}
    return _compare(node, tag)


def _compare(leaf: Leaf, tag: str) -> bool:
    match leaf.compare:
        case "eq":
            return tag == leaf.value
        case "neq":
            return tag != leaf.value
        case "in":
            return tag in leaf.values
        case "nin":
            return tag not in leaf.values
        case "ex":
            return True
        case "nex":
            return False
        case "sw":
            return tag.startswith(leaf.value)
        case "ew":
            return tag.endswith(leaf.value)
        case "ct":
            return leaf.value in tag
        case _:
            return _compare_numbers(leaf, tag)


def _compare_numbers(leaf: Leaf, tag: str) -> bool:
    have = _number(tag)
    want = _number(leaf.value)
    if have is None or want is None:
        return False
    match leaf.compare:
        case "gt":
            return have > want
        case "gte":
            return have >= want
        case "lt":
            return have < want
        case _:
            return have <= want


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def parse_filter(raw: object, *, nodes_max: int, depth_max: int) -> TagFilter:
    """The filter in a subscribe command. Raises BadFilter."""
    return _Parser(nodes_max).node(raw, depth_max)


class _Parser:
    def __init__(self, nodes_max: int) -> None:
        self._nodes_left = nodes_max

    def node(self, raw: object, depth_left: int) -> TagFilter:
        self._nodes_left -= 1
        if self._nodes_left < 0 or depth_left <= 0:
            raise BadFilter("the tags filter is too large; use fewer conditions")
        if not isinstance(raw, dict):
            raise BadFilter("a node of the tags filter must be an object")
        fields = cast("dict[str, object]", raw)
        operator = _text(fields, "op")
        return self._branch(fields, operator, depth_left) if operator else self._leaf(fields)

    def _branch(self, raw: Mapping[str, object], operator: str, depth_left: int) -> Branch:
        if operator not in {"and", "or", "not"}:
            raise BadFilter(f"op {operator[:20]!r} is unknown; use and, or, not")
        children = _list(raw, "nodes")
        if not children or (operator == "not" and len(children) != 1):
            raise BadFilter(f"op {operator!r} needs {'exactly one node' if operator == 'not' else 'a list of nodes'}")
        return Branch(operator, tuple(self.node(child, depth_left - 1) for child in children))

    def _leaf(self, raw: Mapping[str, object]) -> Leaf:
        key, compare, value = _text(raw, "key"), _text(raw, "cmp"), _text(raw, "val")
        values = [value for value in _list(raw, "vals") if isinstance(value, str)]
        if not key:
            raise BadFilter("a condition of the tags filter needs a key")
        if compare not in _ONE | _MANY | _NONE:
            raise BadFilter(f"cmp {compare[:20]!r} is unknown; use eq, neq, in, nin, ex, nex, sw, ew, ct, gt, gte, lt, lte")
        if len(values) != len(_list(raw, "vals")):
            raise BadFilter("vals must be a list of strings")
        if compare in _NUMERIC and _number(value) is None:
            raise BadFilter(f"cmp {compare!r} needs a number in val")
        self._nodes_left -= len(values)
        if self._nodes_left < 0:
            raise BadFilter("the tags filter is too large; use fewer values")
        return Leaf(key, compare, value, frozenset(values))


def _text(raw: Mapping[str, object], name: str) -> str:
    value = raw.get(name, "")
    if not isinstance(value, str):
        raise BadFilter(f"{name} must be a string")
    return value


def _list(raw: Mapping[str, object], name: str) -> list[object]:
    value = raw.get(name, [])
    if not isinstance(value, list):
        raise BadFilter(f"{name} must be a list")
    return cast("list[object]", value)
