"""Every kind is registered whole, and the fold fingerprint changes when a fold does."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from opsroom_domain import registry
from opsroom_domain.decider import Kind
from opsroom_domain.entities import incident
from opsroom_domain.entities.incident import INCIDENT
from opsroom_domain.ids import prefix_of
from opsroom_domain.registry import KINDS, fold_fingerprint, kind_of_prefix


def test_a_kind_is_found_by_its_name_and_by_the_prefix_of_its_ids() -> None:
    assert KINDS["incident"] is INCIDENT
    assert kind_of_prefix(prefix_of("inc_01k0000000000000000000000a")) is INCIDENT
    assert kind_of_prefix("xyz") is None
    assert kind_of_prefix(None) is None


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_events_and_commands_are_named_after_their_classes(kind: Kind[Any, Any, Any]) -> None:
    for name, cls in (*kind.events.items(), *kind.commands.items()):
        assert name == re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_events_and_commands_are_frozen_and_have_a_time_and_an_actor(kind: Kind[Any, Any, Any]) -> None:
    for cls in (*kind.events.values(), *kind.commands.values()):
        assert vars(cls)["__dataclass_params__"].frozen
        assert "__slots__" in vars(cls)
        assert {"at", "by"} <= {field.name for field in fields(cls)}


def test_every_event_and_command_of_an_incident_is_registered() -> None:
    classes = [value for value in vars(incident).values() if isinstance(value, type)]
    events = {cls for cls in classes if issubclass(cls, incident.EventBase)} - {incident.EventBase}
    commands = {cls for cls in classes if issubclass(cls, incident.CommandBase)} - {incident.CommandBase}
    assert set(INCIDENT.events.values()) == events
    assert set(INCIDENT.commands.values()) == commands


def test_the_fingerprint_of_the_fold_is_stable_and_changes_with_a_fold_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fold_fingerprint()
    assert re.fullmatch(r"[0-9a-f]{16}", before)
    assert fold_fingerprint() == before
    monkeypatch.setattr(registry, "KINDS", {"incident": replace(INCIDENT, fold_version=INCIDENT.fold_version + 1)})
    assert fold_fingerprint() != before
    monkeypatch.setattr(registry, "KINDS", {"incident": INCIDENT, "task": INCIDENT})
    assert fold_fingerprint() != before


@pytest.mark.parametrize(
    "text",
    ["", "inc", "inc_", "inc_01k", "inc_81k0000000000000000000000a", "inc_01k000000000000000000000ia", "inc_01k0000000000000000000000a\n"],
)
def test_what_is_no_entity_id_has_no_prefix(text: str) -> None:
    assert prefix_of(text) is None
