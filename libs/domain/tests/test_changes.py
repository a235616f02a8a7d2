"""Field-level edits, apart from any entity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsroom_domain.changes import (
    SEEN_IN_CLEAR_MAX,
    Change,
    Verdict,
    as_seen,
    changes_between,
    due,
    hash_of,
    judge,
    must_change,
    seen_matches,
    turned_round,
)
from opsroom_domain.decider import EditConflict, FieldConflict

values = st.text(st.characters(codec="utf-8"), max_size=2 * SEEN_IN_CLEAR_MAX) | st.sampled_from(["", "a", "b", "x" * 300])
rows = st.fixed_dictionaries({"title": values, "description": values, "summary": values})


def test_a_value_is_seen_in_clear_up_to_the_limit() -> None:
    assert as_seen("x" * SEEN_IN_CLEAR_MAX) == "x" * SEEN_IN_CLEAR_MAX
    assert as_seen("x" * (SEEN_IN_CLEAR_MAX + 1)) == hash_of("x" * (SEEN_IN_CLEAR_MAX + 1))


def test_the_hash_is_what_any_language_computes() -> None:
    assert hash_of("abc") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(values)
def test_a_value_is_matched_by_itself_and_by_its_hash(value: str) -> None:
    assert seen_matches(value, value)
    assert seen_matches(hash_of(value), value)
    assert seen_matches(as_seen(value), value)


@given(values, values)
def test_another_value_is_not_matched(seen: str, current: str) -> None:
    assert seen_matches(as_seen(seen), current) is (seen == current)


def test_no_value_is_matched_by_no_value_only() -> None:
    assert seen_matches(None, None)
    assert not seen_matches(None, "")
    assert not seen_matches("", None)


@given(values, values, values)
def test_it_conflicts_if_the_value_is_neither_the_seen_nor_the_wanted_one(seen: str, current: str, wanted: str) -> None:
    expected = Verdict.NOTHING if current == wanted else Verdict.CHANGE if current == seen else Verdict.CONFLICT
    assert judge(as_seen(seen), current, wanted) is expected


def test_a_conflict_holds_both_values() -> None:
    with pytest.raises(EditConflict) as caught:
        must_change("title", seen="a", current="b", wanted="c")
    assert caught.value.conflicts == (FieldConflict("title", "a", "b", "c"),)
    assert caught.value.code == "edit-conflict"
    assert "title changed since you looked" in caught.value.message


@given(rows, rows)
def test_the_edit_between_two_rows_makes_one_of_the_other_and_turned_round_back(before: dict[str, str], after: dict[str, str]) -> None:
    forth = changes_between(before, after)
    row = {**before, **{change.field: change.to for change in due(forth, before)}}
    assert row == after
    back = due(turned_round(forth, before), row)
    assert {**row, **{change.field: change.to for change in back}} == before


@given(rows, rows)
def test_a_repeated_edit_has_nothing_left_to_do(before: dict[str, str], after: dict[str, str]) -> None:
    assert due(changes_between(before, after), after) == ()


@given(rows, rows, rows)
def test_an_edit_is_made_whole_or_not_at_all(seen: dict[str, str], current: dict[str, str], wanted: dict[str, str]) -> None:
    edit = changes_between(seen, wanted)
    stale = {change.field for change in edit if current[change.field] not in {seen[change.field], change.to}}
    if stale:
        with pytest.raises(EditConflict) as caught:
            due(edit, current)
        assert {each.field for each in caught.value.conflicts} == stale
    else:
        assert all(change.seen == as_seen(current[change.field]) for change in due(edit, current))


def test_a_change_is_named_by_field_seen_and_to() -> None:
    assert changes_between({"title": "a"}, {"title": "b"}) == (Change(field="title", seen="a", to="b"),)
