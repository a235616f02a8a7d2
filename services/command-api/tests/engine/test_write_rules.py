"""Rules R1 to R4 of the write protocol, each by the schedule that breaks a writer without it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from command_api.engine import writer
from command_api.engine.port import (
    CommandRefused,
    CommandTooLarge,
    EntityParked,
    OutcomeUnknown,
)
from opsroom_common.log.memory import MemoryEventLog
from opsroom_domain.decider import EditConflict
from opsroom_domain.entities import incident

from .harness import Bench, acknowledge, bench, note, retitle, turns, until


async def serving(b: Bench) -> None:
    await until(lambda: all(s.serving for s in b.engine.status()))


# -- promise 1 -------------------------------------------------------------------------------------------------------------------------


async def test_an_acknowledged_command_is_in_the_log_once_at_the_version_it_was_told() -> None:
    async with bench() as b:
        opened = await b.do(b.open())
        noted = await b.do(note())
        assert [(opened.version, opened.offset), (noted.version, noted.offset)] == [(1, 1), (2, 2)]
        assert [(r.version, r.offset, r.command_id) for r in b.valid()] == [
            (1, 1, opened.entity.created_by_command.command_id),
            (2, 2, noted.entity.recent[-1].command_id),
        ]


async def test_commands_that_wait_together_share_a_batch_and_each_gets_its_own_answer() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        first = asyncio.create_task(b.do(note("0", "n0")))
        await turns()
        rest = [asyncio.create_task(b.do(note(str(i), f"n{i}"))) for i in range(1, 30)]
        await turns()
        b.wire.gate.set()
        answers = await asyncio.gather(first, *rest)
        assert sorted(a.version for a in answers) == list(range(2, 32))
        assert [len(records) for records in b.wire.sent[2:]] == [1, 29]


# -- R1 ----------------------------------------------------------------------------------------------------------------------------------


async def test_r1_a_writer_serves_only_after_it_has_read_its_own_fence_by_id() -> None:
    log = MemoryEventLog(1)
    async with bench(log=log) as b:
        await b.do(b.open())
        one = b.id()
    async with bench(log=log) as again:
        again.known["one"] = one
        assert (await again.do(note())).version == 2
        assert again.classes() == ["fence", "event", "fence", "event"]
        assert len({r.envelope.term for r in again.valid()}) == 2


# -- R2 ----------------------------------------------------------------------------------------------------------------------------------


async def test_r2_a_gap_of_void_records_does_not_end_the_term() -> None:
    async with bench() as b:
        await b.do(b.open())
        zombie = b.wire.sent[-1]
        dead_term = tuple((k, b"dead" if k == "ce_term" else v) for k, v in zombie[0].headers)
        b.wire.before_landing = lambda: b.log.land(0, [type(zombie[0])(zombie[0].key, zombie[0].value, dead_term, 0)])
        answers = await asyncio.gather(*[b.do(note(str(i), f"n{i}")) for i in range(5)])
        b.wire.before_landing = lambda: None
        assert "void" in b.classes()
        assert b.classes().count("fence") == 1
        by_version = {r.version: r.offset for r in b.valid()}
        assert {a.version: a.offset for a in answers} == {v: o for v, o in by_version.items() if v > 1}
        last = await b.do(note("after", "n9"))
        assert (last.version, last.offset) == (7, b.valid()[-1].offset)
        assert last.entity.recent == b.folded()[b.id()].recent


async def test_r2_a_foreign_fence_in_the_gap_voids_the_batch_and_nobody_is_told_yes() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.before_landing = b.foreign_fence
        request = b.request(note())
        with pytest.raises(OutcomeUnknown):
            await b.engine.submit(request)
        b.wire.before_landing = lambda: None
        assert b.classes() == ["fence", "event", "fence", "void"]
        await serving(b)
        again = await b.engine.submit(request)
        assert (again.version, again.replayed) == (2, False)
        assert [r.version for r in b.valid()] == [1, 2]


@pytest.mark.parametrize(("fate", "replayed"), [("lose ack", True), ("lose", False), ("late", False)])
async def test_r2_after_a_lost_ack_the_same_id_tells_the_truth_without_a_second_effect(fate: str, replayed: bool) -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.script = [fate]
        request = b.request(note())
        with pytest.raises(OutcomeUnknown):
            await b.engine.submit(request)
        await serving(b)
        for land in b.wire.late:  # the batch arrives after the successor's fence
            land()
        answer = await b.engine.submit(request)
        assert (answer.version, answer.replayed) == (2, replayed)
        assert [r.command_id for r in b.valid()].count(request.command_id) == 1


async def test_r2_a_batch_that_is_said_to_be_a_duplicate_is_looked_for_in_the_log() -> None:
    async with bench() as b:
        b.wire.script = ["duplicate"]
        opened = await b.do(b.open())
        assert (opened.version, opened.offset) == (1, 1)
        assert (await b.do(note())).offset == 2


async def test_r2_an_event_of_our_term_that_we_did_not_write_makes_the_writer_read_the_log_again() -> None:
    async with bench() as b:
        await b.do(b.open("one"))
        await b.do(b.open("two"), on="two")
        own = b.wire.sent[-2][0]
        b.log.land(0, [replace(own, value=b"no schema fits this")])
        request = b.request(note(), on="two")
        with pytest.raises(OutcomeUnknown):
            await b.engine.submit(request)
        await serving(b)
        with pytest.raises(EntityParked):
            await b.do(note(), on="one")
        again = await b.engine.submit(request)
        assert (again.version, again.replayed) == (2, True)


async def test_r3_a_dead_session_ends_the_terms_of_idle_partitions_too() -> None:
    async with bench(partitions=3) as b:
        names = [f"e{i}" for i in range(12)]
        for name in names:
            await b.do(b.open(name), on=name)
        terms = {p: b.classes(p).count("fence") for p in range(3)}
        b.wire.script = ["lose"]
        with pytest.raises(OutcomeUnknown):
            await b.do(note(), on=names[0])
        await until(lambda: all(b.classes(p).count("fence") > terms[p] for p in range(3)))
        await serving(b)
        for name in names[1:]:
            assert (await b.do(note(), on=name)).version == 2


# -- R3 ----------------------------------------------------------------------------------------------------------------------------------


async def test_r3_at_most_one_batch_is_on_the_wire_and_the_next_waits_for_its_ack() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        tasks = []
        for i in range(3):
            tasks.append(asyncio.create_task(b.do(note(str(i), f"n{i}"))))
            await turns()
        assert len(b.wire.sent) == 3  # fence, open, one batch of notes
        b.wire.gate.set()
        await asyncio.gather(*tasks)


async def test_r3_a_command_above_the_batch_limit_is_refused_before_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BATCH_BYTES_MAX", 5_000)
    async with bench() as b:
        await b.do(b.open())
        before = len(b.wire.sent)
        with pytest.raises(CommandTooLarge):
            await b.do(note("x" * 6_000))
        assert len(b.wire.sent) == before
        assert (await b.do(note())).version == 2


# -- R4 ----------------------------------------------------------------------------------------------------------------------------------


async def test_r4_a_refusal_and_a_no_op_wait_for_a_mark() -> None:
    async with bench() as b:
        await b.do(b.open())
        await b.do(acknowledge())
        with pytest.raises(CommandRefused) as refused:
            await b.do(retitle("something else", "mine"))
        assert isinstance(refused.value.refusal, EditConflict)
        assert refused.value.entity is not None
        nothing = await b.do(acknowledge())
        assert (nothing.version, nothing.replayed) == (2, False)
        assert b.classes() == ["fence", "event", "event", "mark", "mark"]


async def test_r4_what_is_already_so_is_told_with_the_state_in_which_it_is_so() -> None:
    """Not with a later one of the same batch: a caller who asked for a title would be told yes, and shown another title."""
    async with bench() as b:
        title = (await b.do(b.open())).entity.state.title
        b.wire.gate.clear()
        on_the_wire = asyncio.create_task(b.do(note()))
        await turns()
        asked = asyncio.create_task(b.do(retitle("whatever was seen", title)))
        await turns()
        changed = asyncio.create_task(b.do(retitle(title, "another")))
        await turns()
        b.wire.gate.set()
        _, answer, later = await asyncio.gather(on_the_wire, asked, changed)
        assert (answer.entity.state.title, answer.version, answer.entity.version) == (title, 2, 2)
        assert (later.entity.state.title, later.version) == ("another", 3)


@pytest.mark.parametrize("stale", [acknowledge(), retitle("something else", "mine")])
async def test_r4_a_zombie_tells_neither_a_stale_no_nor_a_stale_already_so(stale: incident.CommandBase) -> None:
    async with bench() as b:
        await b.do(b.open())
        await b.do(acknowledge())
        b.foreign_fence()
        with pytest.raises(OutcomeUnknown):
            await b.do(stale)


async def test_r4_a_retry_of_an_unacknowledged_command_waits_and_is_not_answered_from_speculation() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        request = b.request(note())
        first = asyncio.create_task(b.engine.submit(request))
        await turns()
        retry = asyncio.create_task(b.engine.submit(request))
        await turns()
        assert not retry.done()
        b.wire.gate.set()
        answers = await asyncio.gather(first, retry)
        assert [(a.version, a.offset, a.replayed) for a in answers] == [(2, 2, False), (2, 2, True)]
        assert len(b.valid()) == 2


async def test_r4_when_the_first_attempt_lands_void_its_retry_is_not_told_yes() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        request = b.request(note())
        first = asyncio.create_task(b.engine.submit(request))
        await turns()
        retry = asyncio.create_task(b.engine.submit(request))
        await turns()
        b.foreign_fence()
        b.wire.gate.set()
        for attempt in (first, retry):
            with pytest.raises(OutcomeUnknown):
                await attempt


async def test_r4_a_confirmed_command_is_answered_at_once_without_a_record() -> None:
    async with bench() as b:
        request = b.request(b.open())
        await b.engine.submit(request)
        before = len(b.wire.sent)
        again = await b.engine.submit(request)
        assert (again.version, again.offset, again.replayed, len(b.wire.sent)) == (1, 1, True, before)


async def test_r2_a_log_that_was_made_anew_ends_the_term_before_an_offset_can_match_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that lands at the expected offset of another log would be acknowledged, and void for every reader: its fence is not there."""
    monkeypatch.setattr("command_api.engine.engine.WATCH_S", 0.0)
    async with bench() as b:
        await b.do(b.open())
        b.log.make_anew(0)
        b.foreign_fence()  # two records, and the next offset would be the one that the writer expects
        watching = asyncio.create_task(b.engine.watch())
        await until(lambda: b.classes().count("fence") == 2)
        watching.cancel()
        await until(lambda: b.engine.serves(0))
        answer = await b.do(b.open("two"), on="two")
        assert [r.entity_id for r in b.valid()] == [answer.entity.id]
