"""What a kind can be listed by, and what its rows look like, is derived from the kind: so it holds for every row that there ever was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway_ws.queries.fields import Field, Form, SortKey, listing
from gateway_ws.queries.parameters import list_parameters
from gateway_ws.queries.row_models import row_model
from opsroom_domain.decider import Kind, ListColumns
from opsroom_domain.registry import KINDS
from opsroom_domain.samples import NoSample, samples
from opsroom_domain.shared.show import FLAGS, shared_tags, shared_to_json
from opsroom_domain.shared.state import SharedState

GOLDEN = Path(__file__).parents[3] / "schemas" / "golden"


def golden_rows() -> Iterator[dict[str, Any]]:
    for file in sorted(GOLDEN.glob("*.rows.json")):
        rows = json.loads(file.read_text("utf-8"))
        yield from rows.values() if isinstance(rows, dict) else rows


def test_every_row_that_ever_was_fits_the_model_of_its_kind():
    models = {name: row_model(kind) for name, kind in KINDS.items()}
    seen = set()
    for row in golden_rows():
        models[row["kind"]].model_validate_json(json.dumps(row))
        seen.add(row["kind"])
    assert seen


def test_every_tag_of_those_rows_can_be_asked_for():
    for row in golden_rows():
        kind = KINDS[row["kind"]]
        how = listing(kind)
        by_tag = {field.tag: field for field in how.fields.values()}
        model = list_parameters(how)
        tags = kind.tags(kind.from_json(row))
        assert set(tags) == set(by_tag)
        for tag, value in tags.items():
            field = by_tag[tag]
            assert not value or (field.form is Form.LIST) == value.startswith("\n")
            for member in value.strip("\n").split("\n") if value else ():
                model.model_validate({field.parameter: member if field.form is Form.FLAG else [member]})


def test_every_kind_can_be_listed():
    for kind in KINDS.values():
        assert {"status", "assignee", "label"} <= set(listing(kind).fields) | {"status"}


def test_an_incident_is_listed_by_its_tags():
    fields = listing(KINDS["incident"]).fields
    assert fields["status"] == Field(
        "status", "status", Form.CHOICE, ("open", "acknowledged", "investigating", "mitigated", "resolved", "merged")
    )
    assert fields["label"] == Field("labels", "label", Form.LIST)
    assert fields["live"].form is fields["firing"].form is Form.FLAG
    assert {"assignee", "team", "source", "escalation_level", "opened_by", "merged_into"} <= {
        name for name, field in fields.items() if field.form is Form.TEXT
    }
    assert listing(KINDS["incident"]).sort_keys == (SortKey.UPDATED, SortKey.CREATED, SortKey.RANK, SortKey.TITLE)


class Phase(StrEnum):
    PLANNED = "planned"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(SharedState):
    due_at: datetime | None = None
    amounts: Mapping[str, Amount]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done(SharedState):
    score: float
    parts: frozenset[Phase]


def _to_json(state: Planned | Done) -> dict[str, Any]:
    own: dict[str, Any] = (
        {"amounts": {name: {"value": str(a.value), "currency": a.currency} for name, a in state.amounts.items()}}
        if isinstance(state, Planned)
        else {"score": state.score, "parts": sorted(state.parts)}
    )
    return {**shared_to_json(state), **own}


def _from_json(row: Mapping[str, Any]) -> Planned | Done:
    raise NotImplementedError(row)


def _tags(state: Planned | Done) -> dict[str, str]:
    done = isinstance(state, Done)
    return {**shared_tags(state), "phase": Phase.DONE if done else Phase.PLANNED, "live": FLAGS[not done], "count": str(len(state.labels))}


def made_up(**changes: Any) -> Kind[Any, Any, Any]:
    """A kind whose state is one of two classes."""
    parts: dict[str, Any] = {
        "name": "made_up",
        "collection": "made-ups",
        "prefix": "mup",
        "events": {},
        "commands": {},
        "decide": lambda state, command: [],
        "evolve": lambda state, event: state,
        "to_json": _to_json,
        "from_json": _from_json,
        "tags": _tags,
        "columns": lambda state: ListColumns(title=state.title, status="x", due_at=getattr(state, "due_at", None)),
        "describe": lambda state, event: None,
        "fold_version": 1,
    }
    return Kind(**{**parts, **changes})


def test_a_kind_of_several_states_is_described_by_all_of_them():
    kind = made_up()
    how = listing(kind)
    assert how.fields["phase"].choices == ("planned", "done")
    assert how.fields["count"].form is Form.TEXT, "a number may always be another one"
    assert how.sort_keys == (SortKey.UPDATED, SortKey.CREATED, SortKey.DUE, SortKey.TITLE)
    assert "due_after" in list_parameters(how).model_fields
    schema = row_model(kind).model_json_schema()
    assert {"amounts", "score", "parts"}.isdisjoint(schema["required"])
    assert {"id", "code", "labels", "updated_by"} <= set(schema["required"])
    assert schema["properties"]["amounts"]["anyOf"][0]["additionalProperties"] == {"$ref": "#/$defs/MadeUpAmounts"}
    assert schema["properties"]["parts"]["anyOf"][0]["items"]["enum"] == ["planned", "done"]
    with pytest.raises(ValidationError):
        row_model(kind).model_validate({"id": "x"})


def test_a_tag_named_like_a_parameter_that_all_lists_have_is_refused():
    with pytest.raises(ValueError, match="sort"):
        list_parameters(listing(made_up(tags=lambda state: {"sort": state.title})))
    with pytest.raises(ValueError, match="rename"):
        listing(made_up(tags=lambda state: {"thing": state.title, "things": "\na\n"}))


def test_a_type_without_a_sample_is_named():
    class Odd:
        pass

    @dataclass(frozen=True)
    class Holder:
        odd: Odd

    def from_json(row: Mapping[str, Any]) -> Any:
        raise NotImplementedError(row)

    from_json.__annotations__ = {"row": Any, "return": Holder}
    Holder.__annotations__["odd"] = Odd
    with pytest.raises(NoSample, match=r"made_up\.odd"):
        samples(made_up(from_json=from_json))
