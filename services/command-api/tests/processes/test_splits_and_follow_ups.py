"""A split moves signals to a new incident, and a follow-up makes a task: each is seen as pending until it is done or refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from command_api.engine.port import CommandRequest
from opsroom_domain.entities import incident as i
from opsroom_domain.entities.task import Task
from opsroom_domain.ids import EntityId

from .bench import ANNA, BEN, START, Crash, Room, room


@pytest.fixture
async def there() -> AsyncIterator[Room]:
    async with room() as found:
        yield found


async def split(there: Room, source: EntityId, *fingerprints: str, into: EntityId | None = None) -> EntityId:
    new = into or there.ids.entity_id("inc")
    await there.do(i.Split(at=START, by=ANNA, into=new, title="Another disk", fingerprints=fingerprints), source)
    return new


async def written(there: Room) -> EntityId:
    """A resolved incident with a postmortem."""
    incident_id = await there.opened(team="storage")
    await there.do(i.Resolve(at=START, by=ANNA), incident_id)
    await there.do(i.StartPostmortem(at=START, by=ANNA), incident_id)
    return incident_id


async def test_the_new_incident_has_the_signals_and_the_old_one_lets_them_go(there: Room) -> None:
    source = await there.opened("f1", "f2", "f3", labels=("db",), visibility=i.Visibility.NAMED)
    await there.do(
        i.ChangeVisibility(at=START, by=ANNA, seen=i.Visibility.NAMED, visibility=i.Visibility.NAMED, viewers=(ANNA, BEN)), source
    )
    new = await split(there, source, "f1", "f3")
    assert there.state(source).splitting
    assert set(there.state(source).signals) == {"f1", "f2", "f3"}
    await there.settle()
    old, fresh = there.state(source), there.state(new)
    assert (set(old.signals), old.splitting, set(old.moved)) == ({"f2"}, False, {"f1", "f3"})
    assert (set(fresh.signals), fresh.title, fresh.labels, fresh.viewers) == ({"f1", "f3"}, "Another disk", ("db",), (ANNA, BEN))


async def test_an_id_that_is_taken_is_refused_and_the_signals_stay(there: Room) -> None:
    source, taken = await there.opened("f1", "f2"), await there.opened()
    await split(there, source, "f1", into=taken)
    await there.settle()
    state = there.state(source)
    assert (set(state.signals), state.splits[taken].standing) == ({"f1", "f2"}, i.Standing.REFUSED)
    assert "exists already" in state.splits[taken].reason
    assert there.state(taken).signals == {}


async def test_news_of_a_signal_that_leaves_are_taken_along(there: Room) -> None:
    source = await there.opened("f1", "f2")
    new = await split(there, source, "f1")
    news = [2, 3]

    async def signals_come(when: str, request: CommandRequest) -> None:
        if when == "after" and isinstance(request.command, i.OpenSplit) and news:
            await there.report(source, "f1", episode=news.pop())

    there.troubled.trouble = signals_come
    await there.settle()
    assert not news
    assert there.state(new).signals["f1"].starts_at == START.replace(minute=3)
    assert set(there.state(source).signals) == {"f2"}


async def test_more_signals_than_fit_into_one_step_leave_in_several(there: Room) -> None:
    names = [f"s{n:03}" for n in range(120)]
    source = await there.opened(*names)
    new = await split(there, source, *names)
    await there.settle()
    assert set(there.state(new).signals) == set(names)
    assert there.state(source).signals == {}


async def test_signals_follow_the_new_incident_when_that_is_merged_on_at_once(there: Room) -> None:
    """And another replica carries the same processes out meanwhile."""
    source, target = await there.opened("f1"), await there.opened()
    new = await split(there, source, "f1")
    merged: list[str] = []

    async def it_is_merged(when: str, request: CommandRequest) -> None:
        if when == "after" and isinstance(request.command, i.OpenSplit) and not merged:
            merged.append(new)
            await there.report(source, "f1", episode=5)
            await there.merge(new, target)
            await there.settle(there.consumer(there.engine))

    there.troubled.trouble = it_is_merged
    await there.settle()
    assert not there.state(source).splitting
    assert there.state(target).signals["f1"].starts_at == START.replace(minute=5)


async def test_what_was_split_off_and_its_origin_may_be_merged_into_each_other_at_once(there: Room) -> None:
    source = await there.opened("f1", "f2", partition=0)
    new = there.ids.entity_id("inc")
    while there.log.partition_of(new) == 0:
        new = there.ids.entity_id("inc")
    await split(there, source, "f1", into=new)
    consumer = await there.settle()
    for one, other in ((new, source), (source, new)):
        await there.merge(one, other)
    await there.settle(consumer)
    live = [state for state in (there.state(source), there.state(new)) if state.merged_into is None]
    assert live
    assert sorted(name for state in live for name in state.signals) == ["f1", "f2"]


async def test_a_follow_up_becomes_a_task_of_the_incident(there: Room) -> None:
    incident_id, task_id = await written(there), there.ids.entity_id("tsk")
    await there.do(i.AskFollowUp(at=START, by=ANNA, task_id=task_id, title="Rotate the logs"), incident_id)
    postmortem = there.state(incident_id).postmortem
    assert postmortem is not None
    assert postmortem.follow_ups[task_id].standing is i.Standing.PENDING
    await there.settle()
    postmortem, task = there.state(incident_id).postmortem, there.entities()[task_id].state
    assert postmortem is not None
    assert isinstance(task, Task)
    assert postmortem.follow_ups[task_id].standing is i.Standing.DONE
    assert (task.title, task.parent, task.team) == ("Rotate the logs", incident_id, "storage")


async def test_a_follow_up_that_cannot_be_made_says_why(there: Room) -> None:
    incident_id, taken = await written(there), there.ids.entity_id("tsk")
    await there.do(i.AskFollowUp(at=START, by=ANNA, task_id=taken, title="Rotate the logs"), await written(there))
    consumer = await there.settle()
    other = there.ids.entity_id("xyz")
    for task_id in (taken, other):
        await there.do(i.AskFollowUp(at=START, by=ANNA, task_id=task_id, title="Warn earlier"), incident_id)
    await there.settle(consumer)
    postmortem = there.state(incident_id).postmortem
    assert postmortem is not None
    assert {postmortem.follow_ups[task_id].standing for task_id in (taken, other)} == {i.Standing.REFUSED}
    assert all(each.reason for each in postmortem.follow_ups.values())


@pytest.mark.parametrize("point", range(6))
async def test_a_crash_at_any_point_of_a_split_costs_nothing(there: Room, point: int) -> None:
    """The process dies before or after its point-th step, and another one begins at the kept checkpoint."""
    source = await there.opened("f1", "f2")
    new = await split(there, source, "f1")
    steps = [0]

    async def dies(when: str, request: CommandRequest) -> None:
        del when, request
        steps[0] += 1
        if steps[0] == point + 1:
            raise Crash

    there.troubled.trouble = dies
    first = there.consumer()
    while await first.step(0.0) and steps[0] <= point:
        await first.idle()
    await first.close()
    await there.settle()
    assert (set(there.state(source).signals), set(there.state(new).signals)) == ({"f2"}, {"f1"})
    assert there.types(new) == ["opened", "took_over"]
    assert there.types(source).count("split_completed") == 1
