"""Rules R6 to R8 of the write protocol, and what ends without an event: conditions, limits, deadlines, stopping."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from command_api.engine.port import (
    CommandIdReused,
    CommandInvalid,
    CommandRefused,
    DeadlinePassed,
    EngineError,
    NotServing,
    OutcomeUnknown,
    Overloaded,
    VersionMismatch,
)
from command_api.engine.writer import Limits
from opsroom_common.log.entity import REMEMBERED_COMMANDS
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import AnotherLog
from opsroom_common.runtime.clock import ManualClock
from opsroom_domain.decider import NotFound

from .harness import ANNA, EPOCH, acknowledge, bench, note, retitle, turns, until

# -- R6 ----------------------------------------------------------------------------------------------------------------------------------


async def test_r6_the_same_id_with_another_body_is_refused() -> None:
    async with bench() as b:
        request = b.request(b.open())
        await b.engine.submit(request)
        with pytest.raises(CommandIdReused):
            await b.engine.submit(b.request(note(), command_id=request.command_id))
        b.wire.gate.clear()
        on_wire = b.request(note())
        first = asyncio.create_task(b.engine.submit(on_wire))
        await turns()
        with pytest.raises(CommandIdReused):
            await b.engine.submit(b.request(acknowledge(), command_id=on_wire.command_id))
        b.wire.gate.set()
        await first


async def test_r6_a_retried_create_finds_itself_however_late() -> None:
    async with bench() as b:
        request = b.request(b.open())
        await b.engine.submit(request)
        for i in range(REMEMBERED_COMMANDS + 3):
            await b.do(note(str(i), f"n{i}"))
        again = await b.engine.submit(request)
        assert (again.version, again.replayed) == (1, True)


async def test_r6_an_id_older_than_the_memory_is_outcome_unknown_when_nothing_can_tell_never_not_applied() -> None:
    async with bench() as b:
        await b.do(b.open())
        old = b.request(note("old", "n-old"))
        await b.engine.submit(old)
        for i in range(REMEMBERED_COMMANDS + 3):
            await b.do(note(str(i), f"n{i}"))
        with pytest.raises(OutcomeUnknown):
            await b.engine.submit(old)
        assert [r.command_id for r in b.valid()].count(old.command_id) == 1


# -- R7 ----------------------------------------------------------------------------------------------------------------------------------


async def test_r7_a_refused_id_is_not_applied_by_a_delayed_attempt() -> None:
    async with bench() as b:
        await b.do(b.open())
        attempt = b.request(retitle("something else", "mine"))
        with pytest.raises(CommandRefused):
            await b.engine.submit(attempt)
        await b.do(retitle("disk full on one", "something else"))
        with pytest.raises(CommandRefused):
            await b.engine.submit(attempt)
        assert len(b.valid()) == 2


async def test_r7_a_refusal_that_waits_for_its_ack_binds_other_attempts_already() -> None:
    """Both attempts are here at once: the second one must not be applied because the state has changed before the first one's refusal left."""
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        attempt = b.request(retitle("something else", "mine"))
        first = asyncio.create_task(b.engine.submit(attempt))
        await until(lambda: len(b.wire.sent) == 3)  # a fence, the opening, and the mark for the refusal
        other = asyncio.create_task(b.do(retitle("disk full on one", "something else")))
        await turns()
        second = asyncio.create_task(b.engine.submit(attempt))
        await turns()
        b.wire.gate.set()
        assert (await other).version == 2
        for told in (first, second):
            with pytest.raises(CommandRefused):
                await told
        assert len(b.valid()) == 2


async def test_r7_an_attempt_past_its_deadline_is_dropped_undecided() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.deadline_s = -0.001
        with pytest.raises(DeadlinePassed):
            await b.do(note())
        assert len(b.valid()) == 1


# -- R8 ----------------------------------------------------------------------------------------------------------------------------------


async def test_r8_event_time_never_goes_back_also_across_a_takeover() -> None:
    clock = ManualClock()
    log = MemoryEventLog(1)
    async with bench(log=log, clock=clock) as b:
        await b.do(b.open())
        clock.set_now(clock.now() - timedelta(hours=1))
        await b.do(note())
        one = b.id()
    async with bench(log=log, clock=clock) as again:
        again.known["one"] = one
        await again.do(note("again", "n2"))
        times = [r.envelope.time for r in again.valid()]
        assert times == sorted(times)
        assert len(times) == 3


# -- conditions, limits, ends ------------------------------------------------------------------------------------------------------------


async def test_expected_version_is_the_stricter_condition() -> None:
    async with bench() as b:
        await b.do(b.open())
        await b.do(note())
        with pytest.raises(VersionMismatch) as mismatch:
            await b.do(note("x", "n2"), expected_version=1)
        assert mismatch.value.entity.version == 2
        assert (await b.do(note("x", "n2"), expected_version=2)).version == 3


async def test_what_no_record_can_hold_is_refused_before_sending() -> None:
    async with bench() as b:
        await b.do(b.open())
        with pytest.raises(CommandInvalid):
            await b.engine.submit(replace(b.request(note()), correlation_id="words with blanks"))
        assert (await b.do(note())).version == 2


async def test_an_unknown_entity_is_refused_after_a_barrier() -> None:
    async with bench() as b:
        with pytest.raises(CommandRefused) as refused:
            await b.do(note())
        assert isinstance(refused.value.refusal, NotFound)
        assert b.classes() == ["fence", "mark"]


async def test_a_full_queue_says_so_and_takes_nothing() -> None:
    async with bench(limits=Limits(waiting_max=2)) as b:
        await b.do(b.open())
        b.wire.gate.clear()
        tasks = [asyncio.create_task(b.do(note(str(i), f"n{i}"))) for i in range(2)]
        await turns()
        with pytest.raises(Overloaded):
            await b.do(note("x", "nx"))
        b.wire.gate.set()
        await asyncio.gather(*tasks)
        assert len(b.valid()) == 3


async def test_a_command_that_gets_no_ack_in_time_is_told_that_its_outcome_is_unknown() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        b.deadline_s = 0.05
        request = b.request(note())
        with pytest.raises(OutcomeUnknown):
            await b.engine.submit(request)
        b.wire.gate.set()
        b.deadline_s = 5.0
        again = b.request(note(), command_id=request.command_id)
        assert (await b.engine.submit(again)).version == 2
        assert len(b.valid()) == 2


async def test_stopping_answers_what_was_decided_and_takes_nothing_new() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        first = asyncio.create_task(b.do(note()))
        await turns()
        stopping = asyncio.create_task(b.engine.stop())
        await turns()
        with pytest.raises(EngineError) as refused:
            await b.do(note("x", "nx"))
        assert isinstance(refused.value, NotServing)
        b.wire.gate.set()
        assert (await first).version == 2
        await stopping


async def test_a_cancelled_caller_does_not_cancel_the_command() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        request = b.request(note())
        call = asyncio.create_task(b.engine.submit(request))
        await turns()
        call.cancel()
        b.wire.gate.set()
        answer = await b.engine.submit(request)
        assert (answer.version, answer.replayed) == (2, True)


def test_the_epoch_of_the_bench_is_utc() -> None:
    assert datetime.fromtimestamp(0, UTC) < EPOCH
    assert ANNA == "usr_anna"


async def test_when_the_log_is_another_one_whoever_waits_is_told_at_once() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        on_the_wire = asyncio.create_task(b.do(note()))
        await turns()
        next_one = asyncio.create_task(b.do(note(note_id="n2")))
        await turns()
        b.log._records[0].clear()
        b.wire.gate.set()
        with pytest.raises(OutcomeUnknown):
            await asyncio.wait_for(on_the_wire, b.deadline_s / 2)
        with pytest.raises(NotServing):
            await asyncio.wait_for(next_one, b.deadline_s / 2)
        with pytest.raises(AnotherLog):
            await b.engine.wait_crashed()
