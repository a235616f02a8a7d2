"""A changed copy is what ``dataclasses.replace`` gives, for every class that a fold copies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from opsroom_domain.copies import changed
from opsroom_domain.entities.incident import AddNote
from opsroom_domain.ids import ActorId

NOTE = AddNote(at=datetime(2026, 11, 24, tzinfo=UTC), by=ActorId("usr_a"), note_id="note_1", text="first")


def test_a_changed_copy_is_what_replace_gives_and_the_original_stays() -> None:
    before = repr(NOTE)
    copy = changed(NOTE, text="second")
    assert copy == replace(NOTE, text="second")
    assert copy.by is NOTE.by
    assert repr(NOTE) == before


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(AttributeError, match="txet"):
        changed(NOTE, txet="second")


@dataclass(frozen=True, slots=True)
class Checked:
    size: int

    def __post_init__(self) -> None:
        assert self.size >= 0


@dataclass(frozen=True)
class Unslotted:
    size: int


@pytest.mark.parametrize("thing", [Checked(1), Unslotted(1)])
def test_a_class_that_checks_itself_or_has_no_slots_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match=r"dataclasses\.replace"):
        changed(thing, size=-1)
