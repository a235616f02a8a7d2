"""Which task waits for which: never in a circle, whoever adds what, and bounded."""

from __future__ import annotations

from typing import Any

import pytest
from any_shared import PEOPLE
from examples import LATER, NOW
from examples_task import TSK as A
from examples_task import TSK_B as B
from examples_task import TSK_C as C
from given_when_then import Given
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from kind_life import KindLife

from opsroom_domain.decider import Invalid, NotFound
from opsroom_domain.entities import dependencies as d
from opsroom_domain.entities.dependencies import DEPENDENCIES, Block, Blocked, Dependencies, Forget, Forgotten, Unblock, Unblocked
from opsroom_domain.entities.task.words import Status
from opsroom_domain.ids import EntityId, prefix_of

A_WAITS_FOR_B = Blocked(**LATER, task=A, blocker=B)
B_WAITS_FOR_C = Blocked(**LATER, task=B, blocker=C)
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"


def given(*history: d.Event) -> Given[Dependencies, d.Command, d.Event]:
    return Given(DEPENDENCIES, history)


def numbered(number: int) -> EntityId:
    return EntityId(f"tsk_02k00000000000000000000{DIGITS[number // 1024]}{DIGITS[number // 32 % 32]}{DIGITS[number % 32]}")


def test_the_only_one_has_a_well_formed_id() -> None:
    assert prefix_of(d.DEPENDENCIES_ID) == DEPENDENCIES.prefix


def test_the_first_edge_makes_the_entity() -> None:
    state = given().when(Block(**NOW, task=A, blocker=B)).then(Blocked(**NOW, task=A, blocker=B))
    assert (state.id, state.blockers) == (d.DEPENDENCIES_ID, {A: (B,)})


def test_before_the_first_edge_there_is_nothing_to_take_away() -> None:
    for command in (Unblock(**NOW, task=A, blocker=B), Forget(**NOW, tasks=(A,))):
        given().when(command).then_refused("not-found", of=NotFound)


def test_the_same_edge_again_changes_nothing() -> None:
    given(A_WAITS_FOR_B).when(Block(**NOW, task=A, blocker=B)).then_nothing()


def test_a_task_does_not_wait_for_itself() -> None:
    given().when(Block(**NOW, task=A, blocker=A)).then_refused("blocks-itself", A, of=Invalid)


def test_a_cycle_is_refused_and_named_as_a_path() -> None:
    given(A_WAITS_FOR_B).when(Block(**NOW, task=B, blocker=A)).then_refused("cycle", f"{B} → {A} → {B}")
    given(A_WAITS_FOR_B, B_WAITS_FOR_C).when(Block(**NOW, task=C, blocker=A)).then_refused("cycle", f"{C} → {A} → {B} → {C}")


def test_a_diamond_is_no_cycle() -> None:
    history = (A_WAITS_FOR_B, B_WAITS_FOR_C)
    given(*history).when(Block(**NOW, task=A, blocker=C)).then(Blocked(**NOW, task=A, blocker=C))


def test_a_long_cycle_is_named_short() -> None:
    chain = [Blocked(**LATER, task=numbered(n), blocker=numbered(n + 1)) for n in range(100)]
    outcome = given(*chain).when(Block(**NOW, task=numbered(100), blocker=numbered(0)))
    outcome.then_refused("cycle", numbered(100), "… 82 more …")
    assert outcome.refusal is not None
    assert len(outcome.refusal.message) < 1_000


def test_an_edge_that_is_taken_away_opens_the_cycle() -> None:
    state = given(A_WAITS_FOR_B, B_WAITS_FOR_C).when(Unblock(**NOW, task=A, blocker=B)).then(Unblocked(**NOW, task=A, blocker=B))
    assert state.blockers == {B: (C,)}
    gone = Unblocked(**LATER, task=A, blocker=B)
    given(A_WAITS_FOR_B, gone).when(Block(**NOW, task=B, blocker=A)).then(Blocked(**NOW, task=B, blocker=A))
    given(A_WAITS_FOR_B).when(Unblock(**NOW, task=B, blocker=A)).then_nothing()


def test_tasks_that_are_over_are_forgotten_from_both_sides() -> None:
    history = (A_WAITS_FOR_B, B_WAITS_FOR_C, Blocked(**LATER, task=A, blocker=C))
    state = given(*history).when(Forget(**NOW, tasks=(B, numbered(9), B))).then(Forgotten(**NOW, tasks=(B,)))
    assert state.blockers == {A: (C,)}


@pytest.mark.parametrize("wrong", [EntityId("inc_01k0000000000000000000000a"), EntityId("x")])
def test_only_tasks_wait_for_tasks(wrong: EntityId) -> None:
    for command in (Block(**NOW, task=wrong, blocker=A), Block(**NOW, task=A, blocker=wrong), Forget(**NOW, tasks=(wrong,))):
        given(A_WAITS_FOR_B).when(command).then_refused("bad-id", of=Invalid)


def test_what_one_task_waits_for_is_bounded() -> None:
    many = [Blocked(**LATER, task=A, blocker=numbered(n)) for n in range(d.BLOCKERS_MAX)]
    given(*many).when(Block(**NOW, task=A, blocker=B)).then_refused("too-many", str(d.BLOCKERS_MAX), of=Invalid)
    given(*many).when(Forget(**NOW, tasks=(A,) * (d.FORGET_MAX + 1))).then_refused("too-many", of=Invalid)


def test_all_edges_are_bounded_and_the_refusal_says_what_to_forget() -> None:
    chain = [Blocked(**LATER, task=numbered(n), blocker=numbered(n + 1)) for n in range(d.EDGES_MAX)]
    outcome = given(*chain).when(Block(**NOW, task=A, blocker=B))
    outcome.then_refused("too-many", str(d.EDGES_MAX), "forget", of=Invalid)
    assert outcome.before is not None
    assert len(str(DEPENDENCIES.to_json(outcome.before))) < 200_000


def test_a_blocker_counts_until_it_is_over() -> None:
    edges = {A: (B, C)}
    assert d.open_blockers(edges, A, {B: Status.DONE, C: Status.IN_PROGRESS}) == (C,)
    assert d.open_blockers(edges, A, {B: Status.CANCELLED, C: Status.DONE}) == ()
    assert d.open_blockers(edges, A, {}) == (B, C), "nobody knows that they are done"
    assert d.open_blockers(edges, B, {}) == ()


def test_the_timeline_tells_it() -> None:
    before = given(A_WAITS_FOR_B).when(Block(**NOW, task=B, blocker=C)).then(Blocked(**NOW, task=B, blocker=C))
    told = [
        DEPENDENCIES.describe(before, event)
        for event in (B_WAITS_FOR_C, Unblocked(**NOW, task=A, blocker=B), Forgotten(**NOW, tasks=(B,)), Forgotten(**NOW, tasks=(A, B)))
    ]
    assert [(entry.words, entry.diff) for entry in told] == [
        (f"{B} waits for {C}", {"edge": {"task": B, "from": None, "to": C}}),
        (f"{A} no longer waits for {B}", {"edge": {"task": A, "from": B, "to": None}}),
        (f"Forgot the dependencies of {B}", {"edges": {"from": 2, "to": 0, "tasks": [B]}}),
        ("Forgot the dependencies of 2 tasks", {"edges": {"from": 2, "to": 0, "tasks": [A, B]}}),
    ]


def test_a_history_that_does_not_start_with_an_edge_is_broken() -> None:
    with pytest.raises(ValueError, match="Unblocked instead of Blocked"):
        DEPENDENCIES.evolve(None, Unblocked(**NOW, task=A, blocker=B))


_TASKS = st.integers(0, 5).map(numbered)


class DependenciesLife(KindLife):
    """Few tasks and many edges, so that most attempts could close a cycle."""

    kind = DEPENDENCIES
    members = frozenset({"edge", "edges"})

    def __init__(self) -> None:
        super().__init__()
        self.edges: set[tuple[str, str]] = set()

    @rule(pairs=st.lists(st.tuples(_TASKS, _TASKS), min_size=1, max_size=8), by=PEOPLE)
    def block(self, pairs: list[tuple[EntityId, EntityId]], by: str) -> None:
        for task, blocker in pairs:
            refusal = self.attempt(Block(**self.stamp(by), task=task, blocker=blocker))
            would = self.edges | {(task, blocker)}
            assert (refusal is not None) is has_cycle(would), "refused if and only if it closes a cycle"
            if refusal is None:
                self.edges = would

    @rule(task=_TASKS, blocker=_TASKS, by=PEOPLE)
    def unblock(self, task: EntityId, blocker: EntityId, by: str) -> None:
        refusal = self.attempt(Unblock(**self.stamp(by), task=task, blocker=blocker))
        assert (refusal is not None) is (self.state is None)
        self.edges -= {(task, blocker)}

    @rule(tasks=st.lists(_TASKS, max_size=2).map(tuple), by=PEOPLE)
    def forget(self, tasks: tuple[EntityId, ...], by: str) -> None:
        refusal = self.attempt(Forget(**self.stamp(by), tasks=tasks))
        assert (refusal is not None) is (self.state is None)
        self.edges = {edge for edge in self.edges if not set(edge) & set(tasks)}

    @invariant()
    def the_edges_are_those_that_were_taken(self) -> None:
        known: dict[Any, Any] = {} if self.state is None else self.state.blockers
        assert {(task, blocker) for task, blockers in known.items() for blocker in blockers} == self.edges


def has_cycle(edges: set[tuple[str, str]]) -> bool:
    """Written apart from the domain: takes away tasks that wait for nobody until none is left, or all wait."""
    left = set(edges)
    while left:
        waiting = {task for task, _ in left}
        kept = {(task, blocker) for task, blocker in left if blocker in waiting}
        if kept == left:
            return True
        left = kept
    return False


DependenciesLife.TestCase.settings = settings(max_examples=60, stateful_step_count=15, deadline=None, print_blob=True)
TestDependenciesLife = pytest.mark.timeout(400)(DependenciesLife.TestCase)
