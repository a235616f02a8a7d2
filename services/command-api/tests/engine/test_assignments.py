"""Partitions that come and go: a hand-over answers what was decided, and nothing is decided after it."""

from __future__ import annotations

import asyncio

import pytest

from command_api.engine.port import NotServing, OutcomeUnknown
from opsroom_common.log.memory import MemoryEventLog

from .harness import acknowledge, bench, note, turns, until


async def test_a_partition_that_is_let_go_answers_what_was_decided_and_decides_nothing_more() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        decided = asyncio.create_task(b.do(acknowledge()))
        await turns()
        b.engine.assign([])
        with pytest.raises(NotServing):
            await b.do(note())
        b.wire.gate.set()
        answer = await decided
        await until(lambda: not b.engine.serves(0))
        assert [r.version for r in b.valid()] == [1, 2]
        assert answer.version == 2
        with pytest.raises(NotServing, match="another replica owns it"):
            await b.do(note())


async def test_a_successor_serves_what_was_let_go_from_where_it_was_left() -> None:
    log = MemoryEventLog(1)
    async with bench(log=log) as a, bench(log=log, serve=False) as b:
        b.engine.assign([])
        a.engine.assign([])
        await until(lambda: not a.engine.serves(0) and not b.engine.serves(0))
        a.engine.assign([0])
        await a.engine.serving(5)
        await a.do(a.open())
        a.engine.assign([])
        b.known = a.known
        b.engine.assign([0])
        await b.engine.serving(5)
        assert (await b.do(acknowledge())).version == 2
        assert "void" not in a.classes()


async def test_a_partition_that_is_wanted_again_while_it_is_let_go_is_served_again() -> None:
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        decided = asyncio.create_task(b.do(acknowledge()))
        await turns()
        b.engine.assign([])
        b.engine.assign([0])
        b.wire.gate.set()
        assert (await decided).version == 2
        await until(lambda: b.classes().count("fence") == 2 and b.engine.serves(0))
        assert (await b.do(note())).version == 3


async def test_what_cannot_be_drained_is_cut_off_and_its_outcome_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("command_api.engine.engine.DRAIN_S", 0.01)
    async with bench() as b:
        await b.do(b.open())
        b.wire.gate.clear()
        decided = asyncio.create_task(b.do(acknowledge()))
        await turns()
        b.engine.assign([])
        with pytest.raises(OutcomeUnknown):
            await decided
        await until(lambda: not b.engine.serves(0))


async def test_a_takeover_on_the_wire_is_not_cut_off_when_its_partition_goes_elsewhere() -> None:
    """To cancel it would end the producer session, and with it the term of every other partition."""
    async with bench(partitions=2) as b:
        b.engine.assign([0])
        await until(lambda: not b.engine.serves(1))
        b.wire.gate.clear()
        b.engine.assign([0, 1])
        await turns()
        b.engine.assign([0])
        await turns()
        b.wire.gate.set()
        await turns(50)
        assert b.engine.serves(0)
        assert not b.engine.serves(1)
        assert b.classes(0).count("fence") == 1, "the other partition's term went on"


async def test_the_status_names_the_partitions_that_are_wanted() -> None:
    async with bench(partitions=3) as b:
        b.engine.assign([1])
        await until(lambda: [s.partition for s in b.engine.status() if s.serving] == [1])
        assert [s.partition for s in b.engine.status()] == [1]
