"""Nothing hangs: every call ends by its deadline with what is known, nothing grows without a limit, and who goes away leaves no trace."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from command_api.engine.port import Accepted, CommandRefused, DeadlinePassed, EngineError, NotServing, OutcomeUnknown, Overloaded
from command_api.engine.refusals import BEYOND_S, Refusals
from command_api.engine.writer import Limits
from opsroom_common.contracts.codec import encode_fence
from opsroom_common.contracts.envelope import FENCE_TYPE, Envelope
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import Checkpoint
from opsroom_common.log.state_source import FoundCommand, LoadedRow, NoStateSource, Projected
from opsroom_common.runtime.clock import ManualClock
from opsroom_domain.decider import NotFound
from opsroom_domain.ids import CommandId, EntityId
from opsroom_domain.registry import fold_fingerprint

from .harness import EPOCH, Bench, acknowledge, bench, note, turns, until

BOUND_S = 20.0
"""For a whole test: far above what it takes, and far below for ever."""


class SlowRows(NoStateSource):
    """Rows that are not answered before ``gate`` opens. The projector is at the first fence, so that entities have to be loaded."""

    def __init__(self, log: MemoryEventLog) -> None:
        first = encode_fence(Envelope(id="t0", type=FENCE_TYPE, source="/command-api", time=EPOCH, term="t0"), "a", "http://127.0.0.1:1")
        log.land(0, [first])
        self.at = Checkpoint(1, "t0", 0)
        self.gate = asyncio.Event()
        self.asked = 0

    async def checkpoint(self, partition: int) -> Projected | None:
        del partition
        return Projected(self.at, fold_fingerprint(), None)

    async def load(self, partition: int, entity_id: EntityId) -> LoadedRow | None:
        del partition, entity_id
        self.asked += 1
        await self.gate.wait()
        return LoadedRow(checkpoint=self.at, fold=fold_fingerprint(), parked=None, entity=None)

    async def find_command(self, partition: int, entity_id: EntityId, command_id: CommandId) -> FoundCommand | None:
        del partition, entity_id, command_id
        await self.gate.wait()
        return None


def slow() -> tuple[MemoryEventLog, SlowRows]:
    log = MemoryEventLog(1)
    return log, SlowRows(log)


async def ends(call: Coroutine[object, object, Accepted]) -> Accepted | EngineError:
    """What the call ends with. Fails if that takes too long, or is nothing that a caller could be told."""
    async with asyncio.timeout(BOUND_S):
        try:
            return await call
        except EngineError as error:
            return error


async def opened(b: Bench, *names: str) -> None:
    for name in names:
        await b.do(b.open(name), on=name)


# -- deadlines ---------------------------------------------------------------------------------------------------------------------------


async def test_a_command_whose_entity_cannot_be_loaded_ends_by_its_deadline() -> None:
    log, rows = slow()
    async with bench(log=log, source=rows) as b:
        b.deadline_s = 0.05
        found = await ends(b.do(b.open()))
        assert isinstance(found, DeadlinePassed)
        assert (found.status, found.applied) == (503, False)
        rows.gate.set()
        b.deadline_s = 5.0
        assert (await b.do(b.open())).version == 1


async def test_a_look_up_of_an_old_id_ends_by_the_deadline_of_the_command() -> None:
    from opsroom_common.log.entity import REMEMBERED_COMMANDS

    log, rows = slow()
    rows.gate.set()
    async with bench(log=log, source=rows) as b:
        old = b.request(note("old", "n-old"))
        await opened(b, "one")
        for i in range(REMEMBERED_COMMANDS + 2):
            await b.do(note(str(i), f"n{i}"))
        rows.gate.clear()
        b.deadline_s = 0.05
        found = await ends(b.do(note("old", "n-old"), command_id=old.command_id))
        assert isinstance(found, DeadlinePassed)


async def test_a_command_that_finds_no_room_ends_by_its_deadline() -> None:
    async with bench() as b:
        await opened(b, "one", "two")
        b.wire.gate.clear()
        big = "x" * 9_900
        sent = [asyncio.create_task(ends(b.do(note(big, f"n{i}"), on="one" if i % 2 else "two"))) for i in range(200)]
        await turns()
        b.deadline_s = 0.05
        late = await asyncio.gather(*(ends(b.do(note(big, f"m{i}"))) for i in range(20)))
        assert {type(each) for each in late} <= {DeadlinePassed, OutcomeUnknown}
        assert DeadlinePassed in {type(each) for each in late}
        b.wire.gate.set()
        assert all(isinstance(each, Accepted) for each in await asyncio.gather(*sent))


async def test_a_wire_that_never_answers_leaves_no_call_behind() -> None:
    async with bench() as b:
        await opened(b, "one", "two")
        b.wire.gate.clear()
        b.deadline_s = 0.1
        kinds = (note("x", "n"), acknowledge(), b.open("two"))
        calls = [ends(b.do(command, on="two" if command is kinds[2] else "one")) for command in kinds for _ in range(30)]
        found = await asyncio.gather(*calls)
        assert {type(each) for each in found} == {OutcomeUnknown}
        assert {each.applied for each in found if isinstance(each, EngineError)} == {None}


async def test_the_present_state_is_told_by_the_deadline_or_not_at_all() -> None:
    log, rows = slow()
    async with bench(log=log, source=rows) as b:
        async with asyncio.timeout(BOUND_S):
            with pytest.raises(TimeoutError):
                await b.engine.current("incident", b.id(), b.clock.monotonic() + 0.05)
        rows.gate.set()


# -- who goes away -----------------------------------------------------------------------------------------------------------------------


async def test_a_caller_that_goes_away_while_its_entity_is_loaded_gives_its_place_back() -> None:
    log, rows = slow()
    async with bench(log=log, source=rows, limits=Limits(waiting_max=1)) as b:
        gone = asyncio.create_task(b.do(b.open()))
        await until(lambda: rows.asked == 1)
        assert isinstance(await ends(b.do(b.open())), Overloaded)
        gone.cancel()
        await asyncio.wait([gone])
        rows.gate.set()
        assert (await b.do(b.open())).version == 1
        assert len(b.valid()) == 1


async def test_a_caller_that_goes_away_before_the_ack_gives_its_place_back_and_its_command_is_settled() -> None:
    async with bench(limits=Limits(waiting_max=1)) as b:
        await opened(b, "one")
        b.wire.gate.clear()
        request = b.request(note())
        gone = asyncio.create_task(b.engine.submit(request))
        await until(lambda: len(b.wire.sent) == 3)
        gone.cancel()
        await asyncio.wait([gone])
        b.wire.gate.set()
        again = await b.engine.submit(request)
        assert (again.version, again.replayed) == (2, True)
        assert [event.command_id for event in b.valid()].count(request.command_id) == 1


async def test_calls_that_end_by_their_deadline_give_their_places_back() -> None:
    async with bench(limits=Limits(waiting_max=3)) as b:
        await opened(b, "one")
        b.wire.gate.clear()
        b.deadline_s = 0.05
        for _ in range(4):
            found = await asyncio.gather(*(ends(b.do(acknowledge())) for _ in range(3)))
            assert Overloaded not in {type(each) for each in found}
        b.wire.gate.set()
        b.deadline_s = 5.0
        await b.do(acknowledge())


# -- the end of a term -------------------------------------------------------------------------------------------------------------------


async def test_a_stop_ends_every_call_whatever_it_waits_for() -> None:
    log, rows = slow()
    rows.gate.set()
    async with bench(log=log, source=rows) as b:
        await opened(b, "one")
        rows.gate.clear()
        b.wire.gate.clear()
        on_wire = asyncio.create_task(ends(b.do(note("a", "n1"))))
        await until(lambda: len(b.wire.sent) == 3)
        in_batch = asyncio.create_task(ends(b.do(note("b", "n2"))))
        loading = asyncio.create_task(ends(b.do(b.open("two"), on="two")))
        await turns()
        stopping = asyncio.create_task(b.engine.stop())
        await turns()
        assert isinstance(await ends(b.do(note("c", "n3"))), NotServing)
        b.wire.gate.set()
        async with asyncio.timeout(BOUND_S):
            await stopping
        assert isinstance(await on_wire, Accepted)
        assert isinstance(await in_batch, Accepted)
        rows.gate.set()
        assert isinstance(await loading, NotServing)


async def test_a_stop_while_the_wire_is_silent_is_bounded_and_says_what_is_unknown() -> None:
    async with bench() as b:
        await opened(b, "one")
        b.wire.gate.clear()
        b.deadline_s = 60.0
        on_wire = asyncio.create_task(ends(b.do(note("a", "n1"))))
        await until(lambda: len(b.wire.sent) == 3)
        in_batch = asyncio.create_task(ends(b.do(note("b", "n2"))))
        await turns()
        async with asyncio.timeout(BOUND_S):
            await b.engine.stop()
            first, second = await asyncio.gather(on_wire, in_batch)
        assert isinstance(first, OutcomeUnknown)
        assert isinstance(second, NotServing)


# -- limits ------------------------------------------------------------------------------------------------------------------------------


async def test_refusals_are_forgotten_once_no_attempt_can_come_any_more() -> None:
    clock = ManualClock()
    async with bench(clock=clock) as b:
        known = Refusals(1_000)
        requests = [b.request(note()) for _ in range(100)]
        for request in requests:
            known.remember(request, CommandRefused(NotFound("not-found", "no such entity"), None))
        with pytest.raises(CommandRefused):
            known.check(requests[-1], clock.monotonic())
        clock.advance(b.deadline_s + BEYOND_S + 1)
        for _ in range(50):
            known.check(requests[-1], clock.monotonic())
        assert len(known) == 0
