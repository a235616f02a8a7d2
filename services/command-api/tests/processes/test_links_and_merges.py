"""Links have two halves, and a merge ends where a person can see it: the real processes on the real engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from command_api.engine.port import CommandRefused, CommandRequest
from command_api.processes.steps import ACTOR
from opsroom_domain.entities import incident as i
from opsroom_domain.ids import EntityId

from .bench import ANNA, BEN, START, Room, room


@pytest.fixture
async def there() -> AsyncIterator[Room]:
    async with room() as found:
        yield found


def halves(there: Room, here: EntityId) -> list[tuple[str, str, str]]:
    return [(link.target, link.relation, link.standing.value) for link in there.state(here).links]


async def test_a_link_is_known_on_both_sides_with_the_inverse_relation(there: Room) -> None:
    one, other = await there.opened(), await there.opened()
    await there.link(one, other, "causes")
    assert halves(there, one) == [(other, "causes", "pending")]
    await there.settle()
    assert halves(there, one) == [(other, "causes", "done")]
    assert halves(there, other) == [(one, "caused-by", "done")]


async def test_unlinking_takes_both_halves_from_either_side(there: Room) -> None:
    one, other = await there.opened(), await there.opened()
    for side, target, relation in ((one, other, "parent"), (other, one, "child")):
        await there.link(one, other, "parent")
        consumer = await there.settle()
        await there.do(i.Unlink(at=START, by=BEN, target=target, relation=relation), side)
        await there.settle(consumer)
        assert halves(there, one) == halves(there, other) == []


async def test_both_may_link_each_other_at_once(there: Room) -> None:
    one, other = await there.opened(), await there.opened()
    await there.link(one, other, "related")
    await there.link(other, one, "related")
    await there.settle()
    assert halves(there, one) == [(other, "related", "done")]
    assert halves(there, other) == [(one, "related", "done")]


async def test_a_link_to_what_does_not_exist_says_so_and_can_be_tried_again(there: Room) -> None:
    one, ghost = await there.opened(), there.ids.entity_id("inc")
    await there.link(one, ghost)
    consumer = await there.settle()
    (link,) = there.state(one).links
    assert (link.standing, "no such incident" in link.reason) == (i.Standing.REFUSED, True)
    await there.do(i.Open(at=START, by=ANNA, incident_id=ghost, title="Late"), ghost)
    await there.link(one, ghost)
    await there.settle(consumer)
    assert halves(there, one) == [(ghost, "blocks", "done")]


async def test_a_link_to_a_kind_that_nobody_knows_is_refused(there: Room) -> None:
    one = await there.opened()
    await there.link(one, EntityId(there.ids.entity_id("xyz")))
    await there.settle()
    assert there.state(one).links[0].standing is i.Standing.REFUSED


async def test_the_target_of_a_merge_has_everything_and_the_source_knows(there: Room) -> None:
    source, target, friend = await there.opened("f1", "f2", labels=("db",)), await there.opened("f3"), await there.opened()
    await there.do(i.ChangeWatchers(at=START, by=BEN, add=(BEN,)), source)
    await there.do(i.ChangeServices(at=START, by=BEN, add=("checkout",)), source)
    await there.link(source, friend, "caused-by")
    consumer = await there.settle()
    await there.merge(source, target)
    assert there.state(source).merging
    await there.settle(consumer)
    merged, has = there.state(source), there.state(target)
    assert merged.merge is not None
    assert (merged.status, merged.merge.standing) == (i.Status.MERGED, i.Standing.DONE)
    assert (set(has.signals), has.labels, has.watchers, has.services) == ({"f1", "f2", "f3"}, ("db",), (BEN,), ("checkout",))
    assert halves(there, target) == [(friend, "caused-by", "done")]
    assert (target, "causes", "done") in halves(there, friend)
    assert list(has.taken_from) == [source]


async def test_who_did_it_and_why_stands_in_the_records(there: Room) -> None:
    source, target = await there.opened("f1"), await there.opened()
    await there.merge(source, target)
    await there.settle()
    cause = next(event for event in there.events() if event.envelope.type.endswith(".merged"))
    for effect in (event for event in there.events() if event.envelope.actor == ACTOR):
        assert effect.envelope.causation_id == cause.envelope.id
        assert effect.envelope.correlation_id == cause.command_id
        assert effect.envelope.role == "process"


async def test_a_merge_into_what_does_not_exist_is_refused_and_can_go_elsewhere(there: Room) -> None:
    source, ghost, target = await there.opened("f1"), there.ids.entity_id("inc"), await there.opened()
    await there.merge(source, ghost)
    consumer = await there.settle()
    state = there.state(source)
    assert state.merge is not None
    assert (state.status, state.merge.standing, state.merge.into) == (i.Status.OPEN, i.Standing.REFUSED, ghost)
    await there.merge(source, target)
    await there.settle(consumer)
    assert there.state(source).merged_into == target
    assert set(there.state(target).signals) == {"f1"}


async def test_of_two_that_are_merged_into_each_other_at_once_none_is_lost(there: Room) -> None:
    one, other = await there.opened("f1"), await there.opened("f2")
    await there.merge(one, other)
    await there.merge(other, one)
    await there.settle()
    states = [there.state(one), there.state(other)]
    assert not any(state.merging for state in states)
    done = [state for state in states if state.merged_into is not None]
    live = [state for state in states if state.live]
    assert len(live) >= 1
    assert len(done) + len(live) == 2
    for state in done:
        assert set(live[0].signals) == {"f1", "f2"}, state.id


async def test_a_chain_of_merges_carries_everything_to_its_end(there: Room) -> None:
    first, second, third = await there.opened("f1"), await there.opened("f2"), await there.opened("f3")
    await there.merge(first, second)
    consumer = await there.settle()
    await there.merge(second, third)
    await there.settle(consumer)
    assert set(there.state(third).signals) == {"f1", "f2", "f3"}
    await there.merge(await there.opened("f4"), third)
    await there.settle(consumer)
    assert set(there.state(third).signals) == {"f1", "f2", "f3", "f4"}


async def test_a_merge_into_one_that_is_being_merged_is_refused_with_where_that_goes(there: Room) -> None:
    first, second, third = await there.opened("f1"), await there.opened("f2"), await there.opened("f3")
    await there.merge(second, third)
    await there.merge(first, second)
    await there.settle()
    state = there.state(first)
    if state.merged_into is None:
        assert state.merge is not None
        assert third in state.merge.reason
        assert state.live
    assert set(there.state(third).signals) >= {"f2", "f3"}


async def test_signals_that_come_while_it_is_being_merged_are_taken_along(there: Room) -> None:
    source, target = await there.opened("f1"), await there.opened()
    await there.merge(source, target)
    news = [("f2", i.SignalStatus.FIRING), ("f1", i.SignalStatus.RESOLVED)]

    async def signals_come(when: str, request: CommandRequest) -> None:
        if when == "after" and isinstance(request.command, i.TakeOver) and news:
            fingerprint, status = news.pop(0)
            await there.report(source, fingerprint, status=status)

    there.troubled.trouble = signals_come
    await there.settle()
    assert not news
    assert set(there.state(target).signals) == {"f1", "f2"}
    assert there.state(target).signals["f1"].status is i.SignalStatus.RESOLVED
    with pytest.raises(CommandRefused, match="merged into"):
        await there.report(source, "f9")


async def test_what_still_comes_goes_on_with_a_target_that_was_merged_meanwhile(there: Room) -> None:
    source, target = await there.opened("f1", partition=0), await there.opened(partition=1)
    last = await there.opened(partition=1)
    await there.merge(source, target)
    merged: list[EntityId] = []

    async def the_target_is_merged(when: str, request: CommandRequest) -> None:
        if when == "after" and isinstance(request.command, i.TakeOver) and not merged:
            merged.append(target)
            await there.report(source, "f2")
            await there.merge(target, last)
            there.served = lambda: frozenset({1})
            await there.settle(there.consumer(there.engine))
            there.served = None

    there.troubled.trouble = the_target_is_merged
    await there.settle()
    state = there.state(source)
    assert (state.merged_into, state.merging) == (target, False)
    assert set(there.state(last).signals) == {"f1", "f2"}


async def test_more_signals_than_fit_into_one_step_go_in_several(there: Room) -> None:
    names = [f"s{n:03}" for n in range(120)]
    source, target = await there.opened(*names), await there.opened()
    await there.merge(source, target)
    await there.settle()
    assert set(there.state(target).signals) == set(names)
    assert there.types(target).count("took_over") == 3


async def test_a_repeat_of_everything_changes_nothing(there: Room) -> None:
    source, target = await there.opened("f1"), await there.opened()
    await there.link(source, target)
    await there.merge(source, target)
    await there.settle()
    before = len(there.events())
    there.checkpoints.kept.clear()
    await there.settle()
    assert len(there.events()) == before
