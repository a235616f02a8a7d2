"""The dataclasses and the Avro schemas say the same, field by field, in both directions; and every text is judged: personal or opaque."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from opsroom_common.contracts.avro import installed_catalogue
from opsroom_common.contracts.codec import IN_HEADERS, event_forms, log_forms
from opsroom_common.contracts.owners import owner_form
from opsroom_common.contracts.signals import AlertmanagerAlert, alertmanager_form
from opsroom_domain.ids import ActorId, CommandId, EntityId

_PERSONAL = "opsroom.personal"
_OPAQUE_TYPES = {EntityId, ActorId, CommandId}
_OPAQUE_TEXTS = {
    "Scheduled.currency",
    "Scheduled.team",
    "BidPlaced.bid_id",
    "Closed.winning_bid",
    "MemberRemoved.teams",
    "TeamCreated.team",
    "TeamRenamed.team",
    "TeamMembersChanged.team",
    "TeamRemoved.team",
    "ServiceAdded.service",
    "ServiceAdded.team",
    "ServiceRenamed.service",
    "ServiceOwnerChanged.service",
    "ServiceOwnerChanged.previous",
    "ServiceOwnerChanged.team",
    "ServiceTierChanged.service",
    "ServiceRemoved.service",
    "Created.of",
    "Created.team",
    "Changed.parts",
    "Shared.team",
    "FilterOn.field",
    "Definition.sort",
    "Definition.group_by",
    "Column.name",
    "Noted.note_id",
    "Opened.team",
    "TeamChanged.previous",
    "TeamChanged.team",
    "CommentAdded.comment_id",
    "CommentEdited.comment_id",
    "CommentDeleted.comment_id",
    "Linked.relation",
    "Unlinked.relation",
    "LinkedBack.relation",
    "LinkSettled.relation",
    "MergeRefused.code",
    "SplitRefused.code",
    "SplitStarted.fingerprints",
    "SplitCompleted.fingerprints",
    "SignalCopy.fingerprint",
    "TookOver.services",
    "ServicesChanged.added",
    "ServicesChanged.removed",
    "PostmortemStarted.template",
    "PostmortemStarted.sections",
    "SignalAttached.fingerprint",
    "Change.field",
    "Replied.reply_id",
    "ScopeChanged.previous",
    "ScopeChanged.members",
    "Published.services",
    "Published.teams",
    "Published.severities",
    "Step.notify",
    "Rule.notify",
    "Rule.kinds",
    "Rule.events",
    "Rule.severities",
    "ItemAdded.before",
    "ItemAdded.item_id",
    "ItemEdited.item_id",
    "ItemMoved.before",
    "ItemMoved.item_id",
    "ItemRemoved.item_id",
    "ItemTicked.item_id",
    "FenceBody.owner",
    "FenceBody.url",
    "SkippedBody.body_hash",
    "OwnerBody.owner",
    "OwnerBody.url",
    "AlertmanagerAlert.version",
    "AlertmanagerAlert.receiver",
    "AlertmanagerAlert.external_url",
    "AlertmanagerAlert.fingerprint",
}
"""Texts that are codes, ids or addresses of machines. A new text field is personal unless someone judges otherwise and adds it here."""


def _bound() -> list[tuple[type[Any], dict[str, Any], frozenset[str]]]:
    bound = [(cls, form.schema.source, IN_HEADERS) for (_, cls), form in event_forms().items()]
    plain = (alertmanager_form(), *log_forms(), owner_form())
    return bound + [(form.shape._cls, form.schema.source, frozenset[str]()) for form in plain]


_BOUND = _bound()
_each = pytest.mark.parametrize(
    ("cls", "schema", "in_headers"), _BOUND, ids=[f"{schema['namespace']}.{cls.__name__}" for cls, schema, _ in _BOUND]
)


def _avro_record(cls: type[Any], in_headers: frozenset[str], named: set[str]) -> dict[str, Any]:
    """The record schema that a dataclass means. Written apart from the codec's own mapping on purpose."""
    hints = get_type_hints(cls)
    return {
        "type": "record",
        "fields": [
            {"name": field.name, "type": _avro_type(hints[field.name], named)}
            | ({} if field.default is MISSING else {"default": list(field.default) if isinstance(field.default, tuple) else field.default})
            for field in fields(cls)
            if field.name not in in_headers
        ],
    }


def _avro_type(hint: Any, named: set[str]) -> Any:
    hint = getattr(hint, "__supertype__", hint)
    simple = {
        str: "string",
        int: "long",
        bool: "boolean",
        Decimal: "string",
        datetime: {"type": "long", "logicalType": "timestamp-micros"},
    }
    if hint in simple:
        return simple[hint]
    if isinstance(hint, type) and (issubclass(hint, StrEnum) or is_dataclass(hint)):
        if hint.__name__ in named:
            return hint.__name__
        named.add(hint.__name__)
        if issubclass(hint, StrEnum):
            return {"type": "enum", "name": hint.__name__, "symbols": [member.value for member in hint]}
        return _avro_record(hint, frozenset(), named) | {"name": hint.__name__}
    if get_origin(hint) in {Union, UnionType}:
        branches = [_avro_type(part, named) for part in get_args(hint) if part is not NoneType]
        return ["null", *branches]
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _avro_type(get_args(hint)[0], named)}
    assert get_origin(hint) is Mapping
    return {"type": "map", "values": _avro_type(get_args(hint)[1], named)}


def _shape_of(schema: Any) -> Any:
    """A schema without what says nothing about bytes: documentation, marks, and the name of the record itself."""
    if isinstance(schema, list):
        return [_shape_of(branch) for branch in schema]
    if isinstance(schema, dict):
        return {key: _shape_of(value) for key, value in schema.items() if key not in {"doc", _PERSONAL, "namespace"}}
    return schema


@_each
def test_the_schema_is_what_the_class_says(cls: type[Any], schema: dict[str, Any], in_headers: frozenset[str]) -> None:
    """Fields, order, types, defaults, logical types and enum symbols."""
    found = _shape_of(schema)
    del found["name"]
    assert found == _avro_record(cls, in_headers, set())


def test_every_schema_has_a_class_and_every_class_a_schema() -> None:
    bound = {f"{schema['namespace']}.{schema['name']}" for _, schema, _ in _BOUND}
    assert bound == set(installed_catalogue().current)


@_each
def test_what_stands_in_headers_is_not_in_the_value(cls: type[Any], schema: dict[str, Any], in_headers: frozenset[str]) -> None:
    assert not in_headers & {field["name"] for field in schema["fields"]}
    assert in_headers <= {field.name for field in fields(cls)}


@pytest.mark.parametrize("change", ["drop", "add", "type", "default", "logical type", "symbol", "order"])
def test_any_difference_is_seen(change: str) -> None:
    schema = deepcopy(alertmanager_form().schema.source)
    declared = {field["name"]: field for field in schema["fields"]}
    match change:
        case "drop":
            schema["fields"].remove(declared["receiver"])
        case "add":
            schema["fields"].append({"name": "more", "type": "string"})
        case "type":
            declared["receiver"]["type"] = "bytes"
        case "default":
            declared["receiver"]["default"] = ""
        case "logical type":
            declared["starts_at"]["type"]["logicalType"] = "timestamp-millis"
        case "symbol":
            declared["status"]["type"]["symbols"].append("silenced")
        case _:
            schema["fields"].reverse()
    with pytest.raises(AssertionError):
        test_the_schema_is_what_the_class_says(AlertmanagerAlert, schema, frozenset())


def test_a_default_of_the_class_must_be_the_schemas() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class WithDefault:
        reason: str = ""

    expected = {"type": "record", "fields": [{"name": "reason", "type": "string", "default": ""}]}
    assert _avro_record(WithDefault, frozenset(), set()) == expected


def _texts(cls: type[Any], schema: dict[str, Any], in_headers: frozenset[str]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Every field that can hold text, with its hint and its schema, those of records inside included."""
    hints = get_type_hints(cls)
    declared = {field["name"]: field for field in schema["fields"]}
    for name in (field.name for field in fields(cls) if field.name not in in_headers):
        inner = {part for part in (hints[name], *get_args(hints[name])) if part not in {NoneType, ...}}
        for part in inner:
            if isinstance(part, type) and is_dataclass(part):
                described = declared[name]["type"]
                described = described.get("items", described) if isinstance(described, dict) else described
                if isinstance(described, dict):  # a record that is named again was described before
                    yield from _texts(part, described, frozenset())
            elif getattr(part, "__supertype__", part) is str:
                yield f"{cls.__name__}.{name}", part, declared[name]


@_each
def test_every_text_is_marked_personal_or_known_to_be_opaque(cls: type[Any], schema: dict[str, Any], in_headers: frozenset[str]) -> None:
    for path, hint, field in _texts(cls, schema, in_headers):
        opaque = hint in _OPAQUE_TYPES or path in _OPAQUE_TEXTS
        assert field.get(_PERSONAL, False) is not opaque, f"{path}: mark it {_PERSONAL} in its schema, or list it as opaque here"


def test_the_marks_are_where_people_write() -> None:
    marked = {path for bound in _BOUND for path, _, field in _texts(*bound) if field.get(_PERSONAL)}
    assert {"Opened.title", "Noted.text", "Change.to", "Escalated.reason", "Resolved.resolution", "AlertmanagerAlert.labels"} <= marked
