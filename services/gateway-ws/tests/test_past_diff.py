"""The diff of two states says all that changed and nothing else: whoever applies it to the one has the other."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway_ws.past.diff import changes

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "a/b", "~"])
NAMES = st.sampled_from(["a", "b", "c/d", "e~f", "", "status"])
MEMBERS = st.lists(st.fixed_dictionaries({"id": st.sampled_from("xyz")}, optional={"hash": SCALARS, "to": SCALARS}), max_size=3)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4) | MEMBERS, max_leaves=12
)
STATES = st.dictionaries(NAMES, VALUES, max_size=5)


def text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def unordered(value: Any) -> Any:
    """Lists as bags, because added and removed say nothing of places."""
    if isinstance(value, dict):
        return {name: unordered(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return ("list", frozenset(Counter(text(inner) for inner in value).items()))
    return text(value)


def applied(before: Any, found: list[dict[str, Any]]) -> Any:
    after = deepcopy(before)
    for change in found:
        names = [name.replace("~1", "/").replace("~0", "~") for name in change["path"].split("/")[1:]]
        place = after
        for name in names[:-1]:
            place = place[name] if isinstance(place, dict) else next(member for member in place if member["id"] == name)
        last = names[-1]
        if isinstance(place, list):
            number = next(number for number, member in enumerate(place) if member["id"] == last)
            assert "from" in change
            place[number] = change["to"]
        elif "added" in change:
            for gone in change["removed"]:
                del place[last][next(i for i, member in enumerate(place[last]) if text(member) == text(gone))]
            place[last].extend(deepcopy(change["added"]))
        elif "to" in change:
            assert ("from" in change) == (last in place)
            assert "from" not in change or text(place[last]) == text(change["from"])
            place[last] = deepcopy(change["to"])
        else:
            assert text(place.pop(last)) == text(change["from"])
    return after


@given(STATES, STATES)
def test_a_diff_leads_from_the_one_to_the_other(before: dict[str, Any], after: dict[str, Any]):
    assert unordered(applied(before, changes(before, after))) == unordered(after)


@given(STATES)
def test_equal_states_have_no_diff_and_others_have_one(state: dict[str, Any]):
    assert changes(state, deepcopy(state)) == []
    assert changes(state, {**state, "new": 1}) == [{"path": "/new", "to": 1}]


@given(STATES, STATES)
def test_every_path_is_said_once(before: dict[str, Any], after: dict[str, Any]):
    paths = [change["path"] for change in changes(before, after)]
    assert len(paths) == len(set(paths))


def test_what_kinds_of_change_look_like():
    before = {
        "title": "a",
        "labels": ["x", "y"],
        "comments": [{"id": "1", "hash": "h"}],
        "signals": {"f/1": {"status": "firing"}},
        "due": None,
    }
    after = {
        "title": "b",
        "labels": ["y", "z"],
        "comments": [{"id": "1", "hash": "i"}, {"id": "2", "hash": "k"}],
        "signals": {"f/1": {"status": "ok"}},
    }
    assert changes(before, after) == [
        {"path": "/comments", "added": [{"id": "2", "hash": "k"}], "removed": []},
        {"path": "/comments/1/hash", "from": "h", "to": "i"},
        {"path": "/due", "from": None},
        {"path": "/labels", "added": ["z"], "removed": ["x"]},
        {"path": "/signals/f~11/status", "from": "firing", "to": "ok"},
        {"path": "/title", "from": "a", "to": "b"},
    ]


def test_who_changed_a_field_last_is_no_change_of_its_own():
    assert changes({"field_changes": {}}, {"field_changes": {"title": {"by": "usr_1"}}}) == []


def test_a_changed_order_is_a_change():
    assert changes({"steps": ["a", "b"]}, {"steps": ["b", "a"]}) == [{"path": "/steps", "from": ["a", "b"], "to": ["b", "a"]}]


def test_true_is_not_one():
    assert changes({"a": 1}, {"a": True}) == [{"path": "/a", "from": 1, "to": True}]
