"""What the simulation stands on: virtual time, order within a process, chance between them, processes that freeze and die."""

from __future__ import annotations

import asyncio

import pytest

from .loop import Killed, LoopClock, Process, SimLoop


def run(loop: SimLoop, seconds: float) -> None:
    ends: asyncio.Future[None] = loop.create_future()
    loop.outside(seconds, ends.set_result, None)
    loop.run_until_complete(ends)


def end(loop: SimLoop, *processes: Process) -> None:
    for process in processes:
        process.kill()
    run(loop, 1.0)
    loop.close()


async def count(seen: list[str], name: str, times: int) -> None:
    for i in range(times):
        seen.append(f"{name}{i}")
        await asyncio.sleep(0)


def test_time_is_a_number_and_clocks_differ_by_their_skew() -> None:
    loop = SimLoop("1")
    behind, ahead = LoopClock(loop, -1.5), LoopClock(loop, 2.0)
    run(loop, 86_400.0)
    assert loop.time() == 86_400.0
    assert (ahead.now() - behind.now()).total_seconds() == 3.5
    assert ahead.monotonic() == behind.monotonic()
    loop.close()


def test_between_processes_chance_decides_and_within_one_the_order_is_asyncios() -> None:
    orders: set[tuple[str, ...]] = set()
    for seed in range(20):
        loop = SimLoop(str(seed))
        a, b = Process(loop, "a"), Process(loop, "b")
        seen: list[str] = []
        for process in (a, b):
            process.spawn(count(seen, process.name, 3))
            process.spawn(count(seen, process.name.upper(), 3))
        run(loop, 1.0)
        for own in ("aA", "bB"):
            assert [each for each in seen if each[0] in own] == [f"{name}{i}" for i in range(3) for name in own]
        orders.add(tuple(seen))
        end(loop, a, b)
    assert len(orders) > 5


def test_a_frozen_process_does_nothing_and_goes_on_when_it_wakes_up() -> None:
    loop = SimLoop("1")
    process = Process(loop, "a")
    seen: list[float] = []

    async def tick() -> None:
        while True:
            await asyncio.sleep(1.0)
            seen.append(loop.time())

    process.spawn(tick())
    run(loop, 2.5)
    process.freeze()
    run(loop, 10.0)
    assert seen == [1.0, 2.0]
    process.thaw()
    run(loop, 0.1)
    assert len(seen) == 3
    assert process.frozen_s == 10.0
    end(loop, process)


def test_a_killed_process_ends_where_it_stands_and_starts_nothing_any_more() -> None:
    loop = SimLoop("1")
    process = Process(loop, "a")
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(100.0)
        finally:
            seen.append("ended")
            with pytest.raises(Killed):
                asyncio.create_task(asyncio.sleep(0))  # noqa: RUF006 -- it does not begin
            seen.append("nothing begun")

    process.spawn(work())
    run(loop, 1.0)
    process.kill()
    run(loop, 1.0)
    assert seen == ["ended", "nothing begun"]
    loop.close()


def test_who_waits_for_ever_is_found_out() -> None:
    loop = SimLoop("1")
    process = Process(loop, "a")
    waiting = process.spawn(asyncio.Event().wait())
    with pytest.raises(RuntimeError, match="everybody waits for somebody"):
        loop.run_until_complete(waiting)
    end(loop, process)
