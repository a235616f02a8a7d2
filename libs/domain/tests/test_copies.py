"""A changed copy is what ``dataclasses.replace`` gives, and a made thing what its class gives."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace
from datetime import UTC, datetime

import pytest

from opsroom_domain.copies import changed, filler, maker
from opsroom_domain.entities.incident import AddNote, Noted
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


@dataclass(frozen=True, slots=True)
class Base:
    name: str


@dataclass(frozen=True, slots=True)
class Rich(Base):
    """Fields of a base, by position, by name only, with a default, with a fresh default."""

    size: int = 3
    parts: list[int] = field(default_factory=list[int])
    last: str = field(default="z", kw_only=True)


def test_a_made_thing_is_what_its_class_gives() -> None:
    make = maker(Rich)
    assert make("a") == Rich("a")
    assert make("a", 5, [1], last="y") == Rich("a", 5, [1], last="y")
    assert type(make("a")) is Rich
    assert make("a").parts is not make("a").parts
    assert hash(maker(Noted)(at=NOTE.at, by=NOTE.by, note_id="n", text="t")) == hash(Noted(at=NOTE.at, by=NOTE.by, note_id="n", text="t"))
    assert changed(make("a"), last="x") == Rich("a", last="x")


def test_a_filled_thing_is_what_its_class_gives() -> None:
    assert filler(Rich)("a", 5, [1], "y") == Rich("a", 5, [1], last="y")
    assert type(filler(Noted)(NOTE.at, NOTE.by, "n", "t")) is Noted
    with pytest.raises(TypeError):
        filler(Rich)("a", 5, [1])


def test_a_made_thing_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        maker(Rich)("a").name = "b"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        changed(NOTE, text="b").text = "c"  # type: ignore[misc]


@pytest.mark.parametrize("wrong", [{}, {"name": "a", "other": 1}, {"size": 1}])
def test_a_field_too_many_or_too_few_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        maker(Rich)(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("cls", [Checked, Unslotted])
def test_a_class_that_checks_itself_or_has_no_slots_is_not_made(cls: type[object]) -> None:
    with pytest.raises(TypeError, match=r"dataclasses\.replace"):
        maker(cls)
