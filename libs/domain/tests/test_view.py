"""Saved views: whose they are, what may stand in them, and that no part of one is changed silently."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from examples import ALICE, BOB, LATER, NOW, THEN
from given_when_then import Given, folded
from hypothesis import given as draw
from hypothesis import strategies as st

from opsroom_domain.decider import AlreadyExists, EditConflict, FieldConflict, Invalid, NotFound
from opsroom_domain.entities.view import (
    Archive,
    Archived,
    ArchiveSystem,
    Change,
    Changed,
    ChangeSystem,
    Column,
    Command,
    Create,
    Created,
    CreateSystem,
    Definition,
    Event,
    FilterOn,
    Restore,
    Restored,
    RestoreSystem,
    Scope,
    Share,
    Shared,
    View,
)
from opsroom_domain.entities.view.definition import COLUMNS_MAX, PARTS, POSITION_MAX, SORTS, VALUES_MAX
from opsroom_domain.entities.view.state import with_parts
from opsroom_domain.ids import EntityId
from opsroom_domain.registry import KINDS
from opsroom_domain.shared.words import Visibility

VIEW = KINDS["view"]
VIW = EntityId("viw_01k0000000000000000000000a")
BURNING = Definition(
    title="Burning",
    filters=(FilterOn(field="severity", values=("sev1", "sev2")), FilterOn(field="status", values=("open",))),
    search="",
    sort="rank",
    columns=(Column(name="title", width=300, pinned=True, hidden=False), Column(name="updated_at", width=None, pinned=False, hidden=True)),
    group_by="team",
    position=0,
)
CREATED = Created(**THEN, view_id=VIW, of="incident", scope=Scope.PERSONAL, team=None, definition=BURNING)
TEAMS = replace(CREATED, scope=Scope.TEAM, team="payments")
SYSTEM = replace(CREATED, scope=Scope.SYSTEM)
MINE = {"at": NOW["at"], "by": ALICE}
ARCHIVED = Archived(**LATER)


def given(*history: Event) -> Given[View, Command, Event]:
    return Given(VIEW, history)


def create(**other: Any) -> Create:
    return Create(**{**THEN, "view_id": VIW, "of": "incident", "definition": BURNING} | other)


def change(seen: Definition = BURNING, who: Any = MINE, **to: Any) -> Change:
    return Change(**who, seen=seen, definition=replace(seen, **to))


def changed(who: Any = MINE, **to: Any) -> Changed:
    parts = tuple(part for part in PARTS if part in to)
    return Changed(**who, parts=parts, definition=replace(BURNING, **to))


def test_a_personal_view_is_seen_by_its_owner_alone() -> None:
    state = given().when(create()).then(CREATED)
    assert (state.visibility, state.viewers, state.owner, state.title) == (Visibility.NAMED, (ALICE,), ALICE, "Burning")


def test_a_teams_view_is_the_teams_and_a_system_view_everybodys() -> None:
    state = given().when(create(scope=Scope.TEAM, team="payments")).then(TEAMS)
    assert (state.visibility, state.viewers, state.team) == (Visibility.TEAM, (), "payments")
    system = CreateSystem(**THEN, view_id=VIW, of="incident", definition=BURNING)
    assert given().when(system).then(SYSTEM).visibility is Visibility.EVERYONE


@pytest.mark.parametrize(
    "other", [{"scope": Scope.SYSTEM}, {"scope": Scope.TEAM}, {"team": "payments"}], ids=["system", "no team", "team of nobody"]
)
def test_a_scope_goes_with_its_team(other: dict[str, Any]) -> None:
    given().when(create(**other)).then_refused("bad-scope", of=Invalid)


def test_an_id_is_created_once_and_what_is_not_there_is_told_so() -> None:
    given(CREATED).when(create()).then_refused("already-exists", VIW, of=AlreadyExists)
    given().when(create(view_id="inc_01k0000000000000000000000a")).then_refused("bad-id")
    given().when(change(title="X")).then_refused("not-found", of=NotFound)


def test_a_view_is_of_a_kind_that_has_lists_and_not_of_views() -> None:
    for of in ("volcano", "view", ""):
        given().when(create(of=of)).then_refused("unknown-kind", of=Invalid)


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "view"])
def test_every_tag_and_key_of_every_kind_can_stand_in_its_views(kind: str) -> None:
    from opsroom_domain.samples import samples

    for state in samples(KINDS[kind]):
        filters = tuple(FilterOn(field=tag, values=("x",)) for tag in sorted(KINDS[kind].tags(state)))
        columns = tuple(Column(name=key, width=None, pinned=False, hidden=False) for key in KINDS[kind].to_json(state))
        definition = replace(BURNING, filters=filters[:30], columns=columns[:COLUMNS_MAX], group_by=filters[0].field)
        assert given().when(create(of=kind, definition=definition)).refusal is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"filters": (FilterOn(field="colour", values=("red",)),)},
        {"filters": (FilterOn(field="status", values=()),)},
        {"filters": (FilterOn(field="status", values=("open",)),) * 2},
        {"filters": (FilterOn(field="status", values=tuple(map(str, range(VALUES_MAX + 1)))),)},
        {"columns": (Column(name="colour", width=None, pinned=False, hidden=False),)},
        {"columns": (BURNING.columns[0],) * 2},
        {"columns": (replace(BURNING.columns[0], width=19),)},
        {"columns": (replace(BURNING.columns[0], width=2_001),)},
        {"group_by": "colour"},
        {"sort": "colour"},
        {"position": -1},
        {"position": POSITION_MAX + 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_the_kind_has_not_is_refused(wrong: dict[str, Any]) -> None:
    given().when(create(definition=replace(BURNING, **wrong))).then_refused("bad-view", of=Invalid)
    given(CREATED).when(change(**wrong)).then_refused("bad-view", of=Invalid)


def test_texts_have_their_limits() -> None:
    given(CREATED).when(change(title=" ")).then_refused("blank")
    given(CREATED).when(change(title="x" * 201)).then_refused("too-long")
    given(CREATED).when(change(search="x" * 201)).then_refused("too-long")
    blank = (FilterOn(field="status", values=(" ",)),)
    given(CREATED).when(change(filters=blank)).then_refused("blank")


def test_filters_are_kept_in_one_order() -> None:
    shuffled = tuple(replace(each, values=(*reversed(each.values), each.values[0])) for each in reversed(BURNING.filters))
    given().when(create(definition=replace(BURNING, filters=shuffled))).then(CREATED)
    given(CREATED).when(change(filters=shuffled)).then_nothing()
    seen = replace(BURNING, filters=shuffled)
    given(CREATED).when(change(seen, filters=())).then(changed(filters=()))


def test_every_order_of_a_list_can_be_saved() -> None:
    for sort in SORTS - {"rank"}:
        given(CREATED).when(change(sort=sort)).then(changed(sort=sort))


def test_only_its_owner_changes_a_personal_view() -> None:
    given(CREATED).when(change(sort="title")).then(changed(sort="title"))
    for command in (change(who=NOW, sort="title"), Archive(**NOW), Share(**NOW, seen=Scope.PERSONAL, scope=Scope.TEAM, team="x")):
        given(CREATED).when(command).then_refused("not-yours", ALICE)


def test_any_operator_changes_a_teams_view_but_only_its_owner_takes_it_back() -> None:
    given(TEAMS).when(change(who=NOW, sort="title")).then(changed(NOW, sort="title"))
    given(TEAMS).when(Archive(**NOW)).then(Archived(**NOW))
    given(TEAMS).when(Share(**NOW, seen=Scope.TEAM, scope=Scope.PERSONAL)).then_refused("not-yours", ALICE)
    back = Shared(**MINE, previous=Scope.TEAM, scope=Scope.PERSONAL, team=None)
    state = given(TEAMS).when(Share(**MINE, seen=Scope.TEAM, scope=Scope.PERSONAL)).then(back)
    assert (state.visibility, state.viewers, state.team) == (Visibility.NAMED, (ALICE,), None)


def test_a_system_view_is_changed_by_its_own_commands_which_are_an_admins() -> None:
    assert VIEW.admin_only == {"create_system", "change_system", "archive_system", "restore_system"}
    for command in (change(sort="title"), Archive(**MINE), Restore(**MINE), Share(**MINE, seen=Scope.SYSTEM, scope=Scope.PERSONAL)):
        given(SYSTEM).when(command).then_refused("system-view", "admin")
    on_system = ChangeSystem(**NOW, seen=BURNING, definition=replace(BURNING, sort="title"))
    given(SYSTEM).when(on_system).then(changed(NOW, sort="title"))
    given(SYSTEM).when(ArchiveSystem(**NOW)).then(Archived(**NOW))
    given(SYSTEM, ARCHIVED).when(RestoreSystem(**NOW)).then(Restored(**NOW))
    for command in (on_system, ArchiveSystem(**MINE), RestoreSystem(**MINE)):
        given(CREATED).when(command).then_refused("no-system-view", ALICE)


def test_it_is_shared_by_what_was_seen() -> None:
    command = Share(**MINE, seen=Scope.PERSONAL, scope=Scope.TEAM, team="payments")
    shared = Shared(**MINE, previous=Scope.PERSONAL, scope=Scope.TEAM, team="payments")
    given(CREATED).when(command).then(shared)
    given(CREATED, shared).when(command).then_nothing()
    given(CREATED, shared).when(replace(command, team="search")).then(replace(shared, previous=Scope.TEAM, team="search"))
    stale = Share(**MINE, seen=Scope.TEAM, scope=Scope.PERSONAL)
    given(CREATED).when(stale).then_nothing()
    given(CREATED).when(replace(command, scope=Scope.SYSTEM, team=None)).then_refused("bad-scope", of=Invalid)


def test_an_archived_view_is_restored_before_it_is_changed() -> None:
    given(CREATED).when(Archive(**MINE)).then(Archived(**MINE))
    given(CREATED, ARCHIVED).when(Archive(**MINE)).then_nothing()
    given(CREATED, ARCHIVED).when(change(sort="title")).then_refused("archived", "restore")
    given(CREATED, ARCHIVED).when(change()).then_nothing()
    share = Share(**MINE, seen=Scope.PERSONAL, scope=Scope.TEAM, team="payments")
    given(CREATED, ARCHIVED).when(share).then_refused("archived", "restore")
    state = given(CREATED, ARCHIVED).when(Restore(**MINE)).then(Restored(**MINE))
    assert state.live
    given(CREATED).when(Restore(**MINE)).then_nothing()


def test_changes_of_different_parts_merge_and_of_the_same_part_the_second_is_told() -> None:
    first = changed(NOW, sort="title")
    merged = (
        given(TEAMS, first)
        .when(change(group_by="assignee"))
        .then(Changed(**MINE, parts=("group_by",), definition=replace(BURNING, sort="title", group_by="assignee")))
    )
    assert (merged.field_changes["sort"].by, merged.field_changes["group_by"].by) == (BOB, ALICE)
    given(TEAMS, first).when(change(sort="title")).then_nothing()
    given(TEAMS, first).when(change(sort="due", position=3)).then_conflict(FieldConflict("sort", "rank", "title", "due"))
    filters = (FilterOn(field="status", values=("open", "resolved")),)
    given(TEAMS, changed(NOW, filters=())).when(change(filters=filters)).then_conflict(
        FieldConflict("filters", {"severity": ["sev1", "sev2"], "status": ["open"]}, {}, {"status": ["open", "resolved"]})
    )


_ANY: dict[str, st.SearchStrategy[Any]] = {
    "title": st.sampled_from(["A", "B", "C"]),
    "filters": st.sampled_from([(), BURNING.filters, BURNING.filters[:1]]),
    "search": st.sampled_from(["", "db", "disk"]),
    "sort": st.sampled_from(["rank", "title", "due"]),
    "columns": st.sampled_from([(), BURNING.columns, BURNING.columns[:1]]),
    "group_by": st.sampled_from([None, "team", "status"]),
    "position": st.integers(0, 2),
}
DEFINITIONS = st.builds(Definition, **_ANY)


@draw(base=DEFINITIONS, edits=st.lists(st.tuples(DEFINITIONS, DEFINITIONS, st.booleans()), max_size=6))
def test_whatever_people_change_each_part_is_what_somebody_wanted_on_what_was_there(
    base: Definition, edits: list[tuple[Definition, Definition, bool]]
) -> None:
    history: list[Event] = [replace(TEAMS, definition=base)]
    state = folded(VIEW, history)
    for other, wanted, looked in edits:
        assert state is not None
        before = state.definition
        seen = before if looked else other
        try:
            events = VIEW.decide(state, Change(**NOW, seen=seen, definition=wanted))
        except EditConflict as conflict:
            assert not looked, "who saw what is there is never in conflict"
            assert all(each.current not in (each.seen, each.wanted) for each in conflict.conflicts)
            continue
        history.extend(events)
        state = folded(VIEW, history)
        assert state is not None
        asked = tuple(part for part in PARTS if getattr(wanted, part) != getattr(seen, part))
        assert state.definition == with_parts(before, wanted, asked)
        row = VIEW.to_json(state)
        assert VIEW.from_json(json.loads(json.dumps(row))) == state
        assert VIEW.decide(state, Change(**NOW, seen=seen, definition=wanted)) == (), "a repeat changes nothing"
        assert all(isinstance(value, str) for value in VIEW.tags(state).values())


def test_a_history_that_cannot_be_is_refused() -> None:
    for step in (VIEW.evolve, VIEW.describe):
        with pytest.raises(ValueError, match="starts with Archived"):
            step(None, ARCHIVED)
    with pytest.raises(ValueError, match="second time"):
        VIEW.evolve(VIEW.evolve(None, CREATED), CREATED)
