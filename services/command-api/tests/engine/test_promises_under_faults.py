"""Promises 1 to 3 under seeded faults: two writers that both believe they own the partition, a wire that loses, delays and repeats."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from command_api.engine.port import CommandRefused, CommandRequest, EngineError
from opsroom_common.log.memory import MemoryEventLog
from opsroom_common.log.port import AppendUnknown, RawRecord
from opsroom_domain.ids import CommandId

from .harness import Bench, acknowledge, bench, note, retitle

SEEDS = range(25)
COMMANDS = 40
DEFINITE_WITHIN_S = 60.0
"""A bound against hanging, far above what any machine needs: it judges no speed."""


class StormyWire:
    """Each batch meets a fate by the seed; late ones land at any later time, if ever."""

    def __init__(self, chance: random.Random, trouble: float) -> None:
        self._chance = chance
        self._trouble = trouble
        self._late: list[Callable[[], int]] = []

    async def carry(self, partition: int, records: Sequence[RawRecord], land: Callable[[], int]) -> int:
        del partition, records
        for _ in range(self._chance.randrange(6)):
            await asyncio.sleep(0)
        if self._late and self._chance.random() < 0.5:
            self._late.pop()()
        if self._chance.random() >= self._trouble:
            return land()
        fate = self._chance.choice(["lose", "late", "lose ack", "duplicate"])
        if fate == "late":
            self._late.append(land)
        if fate in {"lose", "late"}:
            raise AppendUnknown(fate)
        land()
        if fate == "lose ack":
            raise AppendUnknown(fate)
        return -1


@dataclass
class Told:
    """What clients were told."""

    accepted: dict[CommandId, int] = field(default_factory=dict)
    refused: set[CommandId] = field(default_factory=set)
    nothing_to_do: set[CommandId] = field(default_factory=set)


async def client(benches: Sequence[Bench], chance: random.Random, told: Told, number: int) -> None:
    for i in range(COMMANDS // 4):
        on = chance.choice(["one", "two"])
        command = chance.choice(
            [note(f"{number}.{i}", f"n{number}.{i}"), acknowledge(), retitle("a", f"t{number}.{i}"), note("x", f"m{number}.{i}")]
        )
        await settle(benches, benches[0].request(command, on=on), chance, told)


async def settle(benches: Sequence[Bench], request: CommandRequest, chance: random.Random, told: Told) -> None:
    """Repeat with the same id, at either writer, until the answer is definite."""
    async with asyncio.timeout(DEFINITE_WITHIN_S):
        while True:
            try:
                answer = await chance.choice(benches).engine.submit(request)
            except CommandRefused:
                told.refused.add(request.command_id)
                return
            except EngineError as error:
                assert error.status == 503, error
                await asyncio.sleep(0.001)
                continue
            if answer.entity.applied(request.command_id) is None:
                told.nothing_to_do.add(request.command_id)
            else:
                told.accepted[request.command_id] = answer.version
            return


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_acknowledged_command_is_lost_doubled_or_told_wrong(seed: int) -> None:
    chance = random.Random(seed)
    log = MemoryEventLog(1)
    async with bench(log=log) as a, bench(log=log) as b:
        b.known = a.known
        a.deadline_s = 2 * DEFINITE_WITHIN_S
        told = Told()
        for name in ("one", "two"):
            await settle([a, b], a.request(a.open(name), on=name), chance, told)
        log.wire = StormyWire(chance, trouble=0.25)
        await asyncio.gather(*[client([a, b], chance, told, number) for number in range(4)])
        calm = StormyWire(chance, trouble=0.0)
        log.wire = calm
        events = a.valid()
        folded = a.folded()  # asserts that each entity's versions are contiguous
        applied = Counter(record.command_id for record in events)
        assert all(applied[command_id] == 1 for command_id in told.accepted), "lost or doubled"
        assert {r.command_id: r.version for r in events} == told.accepted, "told a wrong version, or applied what was not acknowledged"
        assert not (told.refused | told.nothing_to_do) & set(applied), "told no, and done"
        assert {e.version for e in folded.values()} <= set(range(1, COMMANDS + 2))
