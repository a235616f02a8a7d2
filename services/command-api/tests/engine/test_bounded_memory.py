"""The state cache has a limit in bytes; below it and above it, with rows or without, every answer is the fold of the log (R5)."""

from __future__ import annotations

import asyncio
import random

import pytest

from command_api.engine import recovery
from command_api.engine.budget import Budget
from command_api.engine.port import Accepted, CommandRefused, CommandRequest, EntityParked, NotServing
from command_api.engine.recovery import TermLost
from command_api.engine.sizes import ENTRY_BYTES, RELEASED_BYTES
from command_api.engine.states import States
from command_api.engine.writer import Limits
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import Checkpoint, RawRecord
from opsroom_common.log.state_source import LoadedRow
from opsroom_domain.ids import EntityId

from .harness import Bench, acknowledge, bench, note, retitle, until
from .rows import Rows

SEEDS = range(40)
NAMES = [f"e{i}" for i in range(12)]
TINY = 1
SMALL = 12_000
"""Room for two or three entities."""


def budget_of(b: Bench) -> Budget:
    return b.engine._recovery._budget


def states_of(b: Bench) -> States:
    writer = b.engine._owned[0].writer
    assert writer is not None
    return writer._states


def scans(b: Bench) -> float:
    return b.engine._metrics._log_scans._value.get()


def bend(rows: Rows, chance: random.Random) -> None:
    """The rows are current, late, gone back, absent or away."""
    fate = chance.choice(["current", "current", "late", "absent", "away", "back"])
    rows.away = fate == "away"
    if fate in {"current", "late"}:
        reached = rows.at.offset if rows.at is not None else 0
        end = len(rows.log.records(0))
        rows.project(end if fate == "current" else chance.randint(min(reached, end), end))
    elif fate == "absent":
        rows.at = None
    elif fate == "back" and rows.at is not None:
        rows.project(chance.randint(0, rows.at.offset))


async def one(b: Bench, request: CommandRequest) -> Accepted | None:
    try:
        return await b.engine.submit(request)
    except CommandRefused:
        return None


def any_request(b: Bench, chance: random.Random, number: int) -> CommandRequest:
    name = chance.choice(NAMES)
    command = chance.choice([b.open(name), note(f"{number}", f"n{number}"), acknowledge(), retitle("a", f"t{number}")])
    return b.request(command, on=name)


async def assert_everything_is_the_fold(b: Bench) -> None:
    folded = b.folded()  # asserts that each entity's versions are contiguous
    for name in NAMES:
        writer = b.engine._owned[0].writer
        assert writer is not None
        assert await writer.current(b.id(name)) == folded.get(b.id(name)), name


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_answer_is_the_fold_of_the_log_however_small_the_memory(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(recovery, "POLL_RECORDS", chance.choice([1, 5, 2000]))
    log = MemoryEventLog(1)
    rows = Rows(log)
    known: dict[str, EntityId] = {}
    for term in range(3):
        bend(rows, chance)
        async with bench(log=log, source=rows, limits=Limits(state_bytes_max=chance.choice([TINY, SMALL]))) as b:
            b.known, b.deadline_s = known, 60.0
            for burst in range(8):
                requests = [any_request(b, chance, 1000 * term + 100 * burst + i) for i in range(chance.randint(1, 12))]
                answers = await asyncio.gather(*[one(b, request) for request in requests])
                again = await asyncio.gather(*[one(b, request) for request in requests])
                versions = {record.command_id: record.version for record in b.valid()}
                for request, answer, repeated in zip(requests, answers, again, strict=True):
                    applied = versions.get(request.command_id)
                    if answer is not None and answer.entity.applied(request.command_id) is not None:
                        assert answer.version == applied
                        assert repeated is not None
                        assert (repeated.version, repeated.replayed) == (applied, True)
                    else:
                        assert applied is None
                bend(rows, chance)
            await assert_everything_is_the_fold(b)
            held = states_of(b)._held
            assert budget_of(b).held == held.size
        assert budget_of(b).held == 0, "a term that ended holds nothing"


@pytest.mark.parametrize("rows_are", ["absent", "late", "current"])
async def test_reading_back_a_long_log_holds_no_more_than_the_limit(rows_are: str, monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log) as before:
        for i in range(200):
            await before.do(before.open(f"m{i % 50}") if i < 50 else note(f"{i}", f"n{i}"), on=f"m{i % 50}")
    if rows_are != "absent":
        rows.project(60 if rows_are == "late" else None)
    monkeypatch.setattr(recovery, "POLL_RECORDS", 10)
    peak, limit, poll = 0, 40_000, 10 * 5_000
    changed = Budget.changed

    def watched(budget: Budget, by: int) -> None:
        nonlocal peak
        changed(budget, by)
        peak = max(peak, budget.held)

    monkeypatch.setattr(Budget, "changed", watched)
    async with bench(log=log, source=rows, limits=Limits(state_bytes_max=limit)) as b:
        b.known = before.known
        assert peak <= limit + poll
        folded = b.folded()
        for i in range(50):
            answer = await b.do(note("more", "more"), on=f"m{i}")
            assert answer.version == folded[b.id(f"m{i}")].version + 1
        assert peak <= limit + poll


async def test_without_rows_all_who_wait_share_one_scan_of_the_log() -> None:
    log = MemoryEventLog(1)
    async with bench(log=log) as before:
        for i in range(60):
            await before.do(before.open(f"m{i}"), on=f"m{i}")
    async with bench(log=log, limits=Limits(state_bytes_max=TINY)) as b:
        b.known = before.known
        answers = await asyncio.gather(*[b.do(note("more", "n1"), on=f"m{i}") for i in range(60)])
        assert {answer.version for answer in answers} == {2}
        assert scans(b) <= 2


async def test_a_new_entity_needs_no_scan_although_others_were_let_go() -> None:
    async with bench(limits=Limits(state_bytes_max=8_000_000)) as b:
        budget_of(b)._bytes_max = 40 * (ENTRY_BYTES + RELEASED_BYTES) * 4
        for i in range(60):
            await b.do(b.open(f"m{i}"), on=f"m{i}")
        held = states_of(b)._held
        assert held._released
        assert scans(b) == 0
        assert (await b.do(note(), on="m0")).version == 2
        assert scans(b) == 1


async def test_asking_for_entities_that_do_not_exist_fills_no_memory() -> None:
    async with bench(limits=Limits(state_bytes_max=20 * ENTRY_BYTES)) as b:
        for i in range(200):
            assert await b.engine.current("incident", b.id(f"m{i}"), b.clock.monotonic() + 60) is None
        assert budget_of(b).held <= 21 * ENTRY_BYTES


async def test_an_entity_with_events_on_the_wire_stays_whatever_the_limit() -> None:
    async with bench(limits=Limits(state_bytes_max=TINY)) as b:
        b.wire.gate.clear()
        waiting = [asyncio.create_task(b.do(b.open(name), on=name)) for name in NAMES]
        await until(lambda: len(b.wire.sent) == 2)
        states_of(b)._held.shrink()
        b.wire.gate.set()
        assert [answer.version for answer in await asyncio.gather(*waiting)] == [1] * len(NAMES)
        await assert_everything_is_the_fold(b)


async def test_the_largest_partition_makes_room_for_the_others() -> None:
    async with bench(partitions=2, limits=Limits(state_bytes_max=60_000)) as b:
        for i in range(80):
            await b.do(b.open(f"m{i}"), on=f"m{i}")
        writers = [owned.writer for owned in b.engine._owned.values()]
        sizes = [writer._states._held.size for writer in writers if writer is not None]
        assert sum(sizes) == budget_of(b).held <= 60_000
        assert min(sizes) > 60_000 // 4


@pytest.mark.parametrize("fence_offset", [0, 17])
async def test_rows_of_another_log_are_not_believed_after_an_eviction_either(fence_offset: int) -> None:
    """Nor do they depose anybody: the fence that they know is not in this log."""
    log = MemoryEventLog(1)
    rows = Rows(log, at=Checkpoint(21, "a term of a log that is gone", fence_offset))
    async with bench(log=log, source=rows, limits=Limits(state_bytes_max=TINY)) as b:
        await b.do(b.open("one"), on="one")
        await b.do(b.open("two"), on="two")
        assert (await b.do(note(), on="one")).version == 2, "those rows know nothing of this log's entity"
        assert b.classes().count("fence") == 1


async def test_a_poisoned_entity_that_was_let_go_is_still_set_aside() -> None:
    log = MemoryEventLog(1)
    async with bench(log=log) as before:
        await before.do(before.open("one"), on="one")
        await before.do(before.open("two"), on="two")
        good = log.records(0)[-1]
        poison = RawRecord(
            before.id("one").encode(),
            b"\xff",
            tuple((k, before.id("one").encode() if k == "ce_subject" else v) for k, v in good.headers),
            0,
        )
        log.land(0, [poison])
    async with bench(log=log, limits=Limits(state_bytes_max=TINY)) as b:
        b.known = before.known
        with pytest.raises(EntityParked):
            await b.do(note(), on="one")
        assert (await b.do(note(), on="two")).version == 2


async def test_who_waits_for_a_row_when_the_term_ends_is_told_so() -> None:
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log) as before:
        await before.do(before.open(), on="one")
    rows.project()
    asked, answer = asyncio.Event(), asyncio.Event()
    load = rows.load

    async def slow(partition: int, entity_id: EntityId) -> LoadedRow | None:
        asked.set()
        await answer.wait()
        return await load(partition, entity_id)

    rows.load = slow
    async with bench(log=log, source=rows) as b:
        b.known = before.known
        waiting = asyncio.create_task(b.do(note(), on="one"))
        await asked.wait()
        writer = b.engine._owned[0].writer
        assert writer is not None
        writer._lose(TermLost("somebody else"))
        with pytest.raises(NotServing):
            await waiting
        answer.set()


async def test_a_partition_that_is_let_go_holds_nothing_also_in_the_middle_of_its_takeover() -> None:
    log = MemoryEventLog(1)
    async with bench(log=log) as before:
        for name in NAMES:
            await before.do(before.open(name), on=name)
    async with bench(log=log) as b:
        assert budget_of(b).held > 0
        b.engine.assign(())
        await until(lambda: b.engine._owned[0].task is not None and b.engine._owned[0].task.done())
        assert budget_of(b).held == 0
        b.wire.gate.clear()
        b.engine.assign([0])
        await until(lambda: len(b.wire.sent) == 2)
        b.engine.assign(())
        b.wire.gate.set()
        await until(lambda: b.engine._owned[0].task is not None and b.engine._owned[0].task.done())
        assert b.classes().count("fence") == 3
        assert budget_of(b).held == 0
