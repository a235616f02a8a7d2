"""R5 and R6 with rows: what a writer may believe of the projector's rows, and what it must read from the log instead."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from command_api.engine.port import CommandIdReused, EngineError, EntityParked, NotServing, OutcomeUnknown
from command_api.engine.writer import Limits
from opsroom_common.log.entity import REMEMBERED_COMMANDS
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.runtime.clock import ManualClock
from opsroom_domain.ids import Version

from .harness import Bench, bench, note, until
from .rows import Rows


async def history(log: MemoryEventLog, notes: int = 4) -> Bench:
    """One incident with some notes, written by an earlier term; returns its bench for the ids."""
    async with bench(log=log) as b:
        await b.do(b.open())
        for i in range(notes):
            await b.do(note(str(i), f"n{i}"))
        return b


@pytest.mark.parametrize("projected", [None, 1, 2, 3, 6])
async def test_r5_state_is_the_row_plus_the_tail_of_the_log_wherever_the_row_stands(projected: int | None) -> None:
    log = MemoryEventLog(1)
    before = await history(log)
    rows = Rows(log)
    if projected is not None:
        rows.project(projected)
    async with bench(log=log, source=rows) as b:
        b.known = before.known
        answer = await b.do(note("more", "n9"))
        assert answer.version == 6
        assert answer.entity == b.folded()[b.id()]


async def test_r5_a_row_that_went_back_after_a_crash_of_postgres_is_not_believed() -> None:
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log, source=rows, limits=Limits(state_bytes_max=1)) as b:
        await b.do(b.open("one"))
        await b.do(note(), on="one")
        rows.project()
        writer = b.engine._owned[0].writer
        assert writer is not None
        assert rows.at is not None
        writer._states._held.projected = rows.at.offset  # what a load would have told
        await b.do(b.open("two"), on="two")
        await b.do(note(), on="two")  # "one" is evicted by now
        assert writer._states._held.slot(b.id("one")) is None
        rows.project(2)  # the commit was lost: the row of "one" is at version 1 again
        assert rows.entities[b.id("one")].version == 1
        assert (await b.do(note("x", "n2"), on="one")).version == 3
        assert b.folded()[b.id("one")].version == 3


async def test_r5_rows_of_another_fold_do_not_count() -> None:
    log = MemoryEventLog(1)
    before = await history(log)
    rows = Rows(log, fold="an older fold")
    rows.project()
    rows.entities[before.id()] = replace(rows.entities[before.id()], version=Version(99))
    async with bench(log=log, source=rows) as b:
        b.known = before.known
        assert (await b.do(note("more", "n9"))).version == 6


async def test_r5_a_parked_entity_is_not_decided_on_and_the_others_go_on() -> None:
    log = MemoryEventLog(1)
    before = await history(log)
    rows = Rows(log)
    rows.project()
    rows.parked[before.id()] = "0:3: no schema"
    async with bench(log=log, source=rows) as b:
        b.known = dict(before.known)
        with pytest.raises(EntityParked, match="no schema"):
            await b.do(note("more", "n9"))
        assert (await b.do(b.open("two"), on="two")).version == 1


async def test_r5_without_rows_the_log_alone_is_enough() -> None:
    log = MemoryEventLog(1)
    before = await history(log)
    rows = Rows(log)
    rows.project()
    async with bench(log=log, source=rows) as b:
        b.known = dict(before.known)
        rows.away = True  # Postgres dies after the takeover, before the entity is loaded
        answer = await b.do(note("more", "n9"))
        assert answer.entity == b.folded()[b.id()]


async def test_r5_a_checkpoint_with_a_later_fence_means_deposed() -> None:
    log = MemoryEventLog(1)
    before = await history(log)
    rows = Rows(log)
    rows.project()
    async with bench(log=log, source=rows) as b:
        b.known = dict(before.known)
        b.foreign_fence()
        rows.project()
        with pytest.raises(EngineError):
            await b.do(note("more", "n9"))
        await until(lambda: b.classes().count("fence") == 4 and b.engine.status()[0].serving)
        assert (await b.do(note("more", "n9"))).version == 6


async def test_r5_rows_of_another_log_are_ignored_at_a_takeover() -> None:
    log = MemoryEventLog(1)
    before = await history(log)
    rows = Rows(log)
    rows.project()
    assert rows.at is not None
    rows.at = replace(rows.at, term="a term of a log that is gone")
    async with bench(log=log, source=rows) as b:
        b.known = before.known
        assert (await b.do(note("more", "n9"))).version == 6


async def test_r6_an_old_id_is_looked_up_in_the_versions() -> None:
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log, source=rows) as b:
        await b.do(b.open())
        old = b.request(note("old", "n-old"))
        first = await b.engine.submit(old)
        never_sent = b.request(note("never", "n-never"))
        for i in range(REMEMBERED_COMMANDS + 3):
            await b.do(note(str(i), f"n{i}"))
        with pytest.raises(OutcomeUnknown):
            await b.engine.submit(old)  # the rows do not reach far enough to tell
        rows.project()
        again = await b.engine.submit(old)
        assert (again.version, again.replayed) == (first.version, True)
        with pytest.raises(CommandIdReused):
            await b.engine.submit(b.request(note("other", "n-o"), command_id=old.command_id))
        assert (await b.engine.submit(never_sent)).replayed is False


async def test_r6_a_look_up_that_shows_a_later_fence_ends_the_term() -> None:
    """Else a deposed owner whom nobody writes to would say "unknown" for ever."""
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log, source=rows) as b:
        await b.do(b.open())
        never_sent = b.request(note("never", "n-never"))
        for i in range(REMEMBERED_COMMANDS + 3):
            await b.do(note(str(i), f"n{i}"))
        b.foreign_fence()
        rows.project()
        with pytest.raises(NotServing):
            await b.engine.submit(never_sent)
        await until(lambda: not b.engine.serves(0))
        await b.engine.serving(5.0)
        rows.project()
        assert (await b.engine.submit(never_sent)).replayed is False


@pytest.mark.parametrize("why", ["parked", "another log"])
async def test_r6_not_found_proves_nothing_when_the_rows_cannot_know(why: str) -> None:
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log, source=rows) as b:
        await b.do(b.open())
        old = b.request(note("old", "n-old"))
        await b.engine.submit(old)
        for i in range(REMEMBERED_COMMANDS + 3):
            await b.do(note(str(i), f"n{i}"))
        rows.project()
        rows.commands.clear()
        assert rows.at is not None
        if why == "parked":
            rows.parked[b.id()] = "0:2: no schema"
        else:
            rows.at = replace(rows.at, term="a term of a log that is gone")
        with pytest.raises(OutcomeUnknown):
            await b.engine.submit(old)
        assert [r.command_id for r in b.valid()].count(old.command_id) == 1


async def test_r8_an_entitys_time_never_goes_back_although_the_rows_are_current_and_the_new_owners_clock_is_slow() -> None:
    """Such an owner reads no event of its predecessor: the time is in the row."""
    clock = ManualClock()
    log = MemoryEventLog(1)
    async with bench(log=log, clock=clock) as b:
        await b.do(b.open())
        known = b.known
    rows = Rows(log)
    rows.project()
    clock.set_now(clock.now() - timedelta(hours=1))
    async with bench(log=log, source=rows, clock=clock) as again:
        again.known = known
        await again.do(note())
        first, second = again.valid()
        assert second.envelope.time >= first.envelope.time


async def test_r8_a_partitions_time_never_goes_back_although_the_rows_are_current_and_the_new_owners_clock_is_slow() -> None:
    """Across entities too: a new one knows no time of its own, and the board as of T would show it before what it came after."""
    clock = ManualClock()
    log = MemoryEventLog(1)
    rows = Rows(log)
    async with bench(log=log, source=rows, clock=clock) as b:
        await b.do(b.open())
        rows.project()
    clock.set_now(clock.now() - timedelta(hours=1))
    async with bench(log=log, source=rows, clock=clock) as again:
        await again.do(again.open("two"), on="two")
        times = [r.envelope.time for r in again.valid()]
        assert len(times) == 2
        assert times == sorted(times)
