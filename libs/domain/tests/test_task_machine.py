"""Whatever people do to a task, in any order: what holds after each step."""

from __future__ import annotations

from typing import Any

import pytest
from any_shared import PEOPLE, SEEN, TEXTS, Make, shared_commands
from examples import INC
from examples_task import TSK, TSK_B
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from kind_life import SHARED_MEMBERS, START, KindLife

from opsroom_domain.entities.task import TASK
from opsroom_domain.entities.task import commands as c
from opsroom_domain.entities.task.words import LIVE, Priority, Status

_ITEMS = st.sampled_from(["a", "b", "c"])
_PLACES = st.none() | _ITEMS
_PARENTS = st.sampled_from([None, INC, TSK_B, TSK])
_DUE = st.sampled_from([None, START])
_LINES = st.sampled_from(["db-1", "db-2", "", "x" * 501])
_COMMANDS: st.SearchStrategy[Make] = st.one_of(
    st.builds(
        lambda saw, other, to, why: lambda state, who: c.ChangeStatus(**who, seen=state.status if saw else other, status=to, reason=why),
        SEEN,
        st.sampled_from(Status),
        st.sampled_from(Status),
        TEXTS,
    ),
    st.just(lambda _, who: c.Complete(**who)),
    TEXTS.map(lambda reason: lambda _, who: c.Cancel(**who, reason=reason)),
    TEXTS.map(lambda reason: lambda _, who: c.Reopen(**who, reason=reason)),
    st.builds(
        lambda saw, other, to: lambda state, who: c.ChangePriority(**who, seen=state.priority if saw else other, priority=to),
        SEEN,
        st.sampled_from(Priority),
        st.sampled_from(Priority),
    ),
    st.builds(
        lambda saw, other, to: lambda state, who: c.ChangeDueDate(**who, seen=state.due_at if saw else other, due_at=to), SEEN, _DUE, _DUE
    ),
    st.builds(
        lambda saw, other, to: lambda state, who: c.ChangeParent(**who, seen=state.parent if saw else other, parent=to),
        SEEN,
        _PARENTS,
        _PARENTS,
    ),
    st.just(lambda _, who: c.Create(**who, task_id=TSK, title="again")),
)
_CHECKLIST: st.SearchStrategy[Make] = st.one_of(
    st.builds(lambda name, text, to: lambda _, who: c.AddItem(**who, item_id=name, text=text, before=to), _ITEMS, _LINES, _PLACES),
    st.builds(lambda name, text, seen: lambda _, who: c.EditItem(**who, item_id=name, seen=seen, text=text), _ITEMS, _LINES, _LINES),
    st.builds(lambda name, ticked: lambda _, who: c.TickItem(**who, item_id=name, ticked=ticked), _ITEMS, st.booleans()),
    st.builds(lambda name, to: lambda _, who: c.MoveItem(**who, item_id=name, before=to), _ITEMS, _PLACES),
    _ITEMS.map(lambda name: lambda _, who: c.RemoveItem(**who, item_id=name)),
)
ANY = _COMMANDS | _CHECKLIST | _CHECKLIST | shared_commands()


class TaskLife(KindLife):
    kind = TASK
    members = SHARED_MEMBERS | {"item"}
    not_repeatable = (c.Create, c.Reopen)

    @initialize(by=PEOPLE, due=_DUE)
    def create(self, by: str, due: Any) -> None:
        self.issue(c.Create(**self.stamp(by), task_id=TSK, title="Rotate the keys", due_at=due, labels=("security",)))

    @rule(makes=st.lists(ANY, min_size=5, max_size=15), by=PEOPLE)
    def people_do_what_they_do(self, makes: list[Make], by: str) -> None:
        for make in makes:
            self.attempt(make(self.state, self.stamp(by)))
            self.holds()

    @rule(wishes=st.dictionaries(_ITEMS, st.booleans()), by=PEOPLE)
    def ticks_never_conflict(self, wishes: dict[str, bool], by: str) -> None:
        there = [(name, ticked) for name, ticked in wishes.items() if name in self.state.checklist]
        for name, ticked in there:
            self.issue(c.TickItem(**self.stamp(by), item_id=name, ticked=ticked))
        assert {name: self.state.checklist[name].ticked for name, _ in there} == dict(there)

    @invariant()
    def parts_agree_with_the_status(self) -> None:
        now = self.state
        if now is None:
            return
        assert now.live is (now.status in LIVE)
        assert now.live is (now.ended_at is None) is (now.ended_by is None)
        assert now.parent != now.id
        assert all((item.ticked_at is None) is (item.ticked_by is None) for item in now.checklist.values())


TaskLife.TestCase.settings = settings(max_examples=40, stateful_step_count=12, deadline=None, print_blob=True, report_multiple_bugs=False)
TestTaskLife = pytest.mark.timeout(400)(TaskLife.TestCase)
