"""The process manager itself: what it reads, what it keeps, what it waits for and says, and how replicas share it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from command_api.engine.port import CommandRequest, EntityParked, NotServing
from command_api.processes import consumer as processes
from opsroom_common.log.port import Checkpoint
from opsroom_common.runtime.ids import is_uuid7
from opsroom_domain.entities import incident as i

from ..engine.harness import turns
from .bench import Room, room


@pytest.fixture
async def there() -> AsyncIterator[Room]:
    async with room() as found:
        yield found


class Away:
    """The engine does not take commands of processes while this is so."""

    def __init__(self) -> None:
        self.error: Exception | None = NotServing("away")

    async def __call__(self, when: str, request: CommandRequest) -> None:
        del request
        if when == "before" and self.error is not None:
            raise self.error


async def worked(consumer: processes.ProcessConsumer) -> None:
    """One look at the log, and a turn for what is under way."""
    await consumer.step(0.0)
    await turns(1)


async def test_what_the_engine_does_not_take_now_is_tried_again_with_growing_pauses_and_said(there: Room) -> None:
    one, other = await there.opened(), await there.opened()
    await there.link(one, other)
    there.troubled.trouble = away = Away()
    consumer = there.consumer()
    await consumer.step(0.0)
    while len(there.slept) < 4:
        await worked(consumer)
    pauses = [pause for pause in there.slept if pause in processes.BACKOFF_S]
    assert pauses[:4] == list(processes.BACKOFF_S[:4])
    check = consumer.check()
    assert not check.ok
    assert "not-serving" in check.reason
    assert there.progress.paused is not None
    away.error = None
    await consumer.idle()
    await there.settle(consumer)
    assert consumer.check().ok
    assert there.progress.paused is None
    assert there.state(one).links[0].standing is i.Standing.DONE


async def test_nothing_at_or_after_a_cause_that_is_not_dealt_with_is_kept(there: Room) -> None:
    one, other = await there.opened(partition=0), await there.opened(partition=0)
    await there.link(one, other)
    place = next(e.offset for e in there.events() if e.envelope.type.endswith(".linked"))
    there.troubled.trouble = away = Away()
    consumer = there.consumer()
    await consumer.step(0.0)
    await consumer.close()
    kept = there.checkpoints.kept[0]
    assert kept.offset <= place
    assert kept.term is not None
    away.error = None
    await there.settle()
    assert there.state(one).links[0].standing is i.Standing.DONE


async def test_one_cause_that_waits_does_not_hold_up_the_others(there: Room) -> None:
    stuck, free, target = await there.opened(partition=0), await there.opened(partition=0), await there.opened()

    async def trouble(when: str, request: CommandRequest) -> None:
        if when == "before" and getattr(request.command, "target", None) == stuck:
            raise NotServing("away")

    there.troubled.trouble = trouble
    await there.link(stuck, target)
    await there.link(free, target)
    consumer = there.consumer()
    while there.state(free).links[0].standing is i.Standing.PENDING:
        await worked(consumer)
    assert there.state(stuck).links[0].standing is i.Standing.PENDING
    await consumer.close()


async def test_a_target_that_is_set_aside_is_an_answer_and_the_source_is_told(there: Room) -> None:
    source, target = await there.opened("f1"), await there.opened()

    async def parked(when: str, request: CommandRequest) -> None:
        if when == "before" and request.entity_id == target:
            raise EntityParked("a record could not be handled")

    there.troubled.trouble = parked
    await there.merge(source, target)
    await there.settle()
    state = there.state(source)
    assert state.merge is not None
    assert (state.live, state.merge.standing, "could not be handled" in state.merge.reason) == (True, i.Standing.REFUSED, True)


async def test_no_more_is_read_than_may_be_under_way(there: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "UNDER_WAY_MAX", 3)
    target = await there.opened(partition=0)
    for _ in range(8):
        await there.link(await there.opened(partition=0), target)
    there.troubled.trouble = away = Away()
    consumer = there.consumer()
    for _ in range(40):
        await consumer.step(0.0)
        assert int(consumer.check().reason.split()[0]) <= 3
    away.error = None
    for _ in range(40):
        await consumer.idle()
        await consumer.step(0.0)
    assert len(there.state(target).links) == 8


async def test_replicas_share_the_processes_as_they_share_the_partitions(there: Room) -> None:
    ones = [await there.opened(partition=p) for p in range(3)]
    target = await there.opened()
    shares = [frozenset({0}), frozenset({1})]
    replicas = []
    for share in range(2):
        there.served = lambda share=share: shares[share]
        replicas.append(there.consumer())
    for one in ones:
        await there.link(one, target)
    for replica in replicas:
        await there.settle(replica)
    standings = [there.state(one).links[0].standing for one in ones]
    assert standings == [i.Standing.DONE, i.Standing.DONE, i.Standing.PENDING]
    shares[0] = frozenset({0, 2})
    await there.settle(replicas[0])
    assert there.state(ones[2]).links[0].standing is i.Standing.DONE
    assert len(there.state(target).links) == 3


async def test_a_partition_that_goes_to_another_replica_goes_on_there(there: Room) -> None:
    one, target = await there.opened(partition=0), await there.opened(partition=1)
    shares = [frozenset({0, 1, 2}), frozenset[int]()]
    there.troubled.trouble = away = Away()
    there.served = lambda: shares[0]
    first = there.consumer()
    there.served = lambda: shares[1]
    second = there.consumer()
    await there.link(one, target)
    await first.step(0.0)
    shares.reverse()
    await first.step(0.0)
    assert first.check().reason.startswith("0 under way")
    away.error = None
    await there.settle(second)
    assert there.state(one).links[0].standing is i.Standing.DONE
    assert there.types(target).count("linked_back") == 1


async def test_another_log_is_said_and_nothing_is_carried_out_on_it(there: Room) -> None:
    await there.opened()
    there.checkpoints.kept[0] = Checkpoint(10_000, "another", 9_999)
    consumer = there.consumer()
    assert await consumer.step(0.0) == 0
    check = consumer.check()
    assert not check.ok
    assert processes.GROUP in check.reason
    there.checkpoints.kept.clear()
    await there.settle(consumer)
    assert consumer.check().ok


async def test_a_derived_id_has_its_causes_time_and_is_the_same_for_every_try(there: Room) -> None:
    one, target = await there.opened(), await there.opened()
    await there.link(one, target)
    there.troubled.trouble = away = Away()
    consumer = there.consumer()
    await consumer.step(0.0)
    while len(there.troubled.submitted) < 3:
        await worked(consumer)
    assert len({request.command_id for request in there.troubled.submitted}) == 1
    assert len({request.body_hash for request in there.troubled.submitted}) == 1
    (tried,) = {request.command_id for request in there.troubled.submitted}
    cause = next(e for e in there.events() if e.envelope.type.endswith(".linked"))
    assert is_uuid7(tried)
    assert int(tried.replace("-", "")[:12], 16) == int(cause.envelope.time.timestamp() * 1000)
    away.error = None
    await consumer.idle()
