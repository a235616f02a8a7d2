"""The committed description of the API is the one that the code gives, and it is whole."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from command_api.api.doors import DOORS
from command_api.openapi import DEFAULT, description

ROOT = Path(__file__).parents[3]


@cache
def _described() -> dict[str, Any]:
    """Made once: it takes a good part of a second, and there is a test for each door."""
    return json.loads(description())


def test_the_committed_description_is_the_generated_one() -> None:
    committed = (ROOT / DEFAULT).read_text(encoding="utf-8")
    assert committed == description(), "run: python -m command_api.openapi, look at the difference, and commit it"


def test_every_reference_leads_somewhere() -> None:
    text = description()
    schema = json.loads(text)

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            here = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return here.union(*(references(child) for child in node.values()))
        return set().union(*(references(child) for child in node)) if isinstance(node, list) else set()

    for reference in references(schema):
        found: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.full_name)
def test_every_door_says_its_body_its_key_and_its_problems(door: Any) -> None:
    operation = _described()["paths"][door.path][door.method.lower()]
    assert operation["requestBody"]["required"]
    (key,) = [p for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
    assert key["required"]
    assert {"400", "401", "403", "404", "409", "413", "422", "423", "429", "503"} <= set(operation["responses"])
    for status, answer in operation["responses"].items():
        assert ("application/problem+json" in answer["content"]) == status.startswith(("4", "5"))


def test_a_batch_is_described_with_the_body_of_each_command() -> None:
    described = json.loads(description())
    assert described["paths"]["/v1/commands:batch"]["post"]["requestBody"]["required"]
    shapes = described["components"]["schemas"]["BatchCommand"]["oneOf"]
    by_name = {shape["properties"]["command"]["const"]: shape for shape in shapes}
    assert set(by_name) == {door.full_name for door in DOORS}
    for door in DOORS:
        shape = by_name[door.full_name]
        assert shape["properties"]["body"]["$ref"].endswith(f"/{door.body.__name__}")
        assert ("entity" in shape["required"]) is ("{id}" in door.path)
