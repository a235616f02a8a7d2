"""A closed loop: some clients, each sending its next request as soon as the last is answered."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bench.report import percentile


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one round, or the medians of several."""

    per_second: float
    p50_ms: float
    p99_ms: float


async def closed_loop(clients: int, one: Callable[[int, int], Awaitable[None]], seconds: float) -> Measured:
    """``clients`` tasks, each calling ``one(client, i)`` as soon as its last call is done."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        i = 0
        while (began := time.perf_counter()) < end:
            await one(number, i)
            times.append(time.perf_counter() - began)
            i += 1

    began = time.perf_counter()
    await asyncio.gather(*[client(number) for number in range(clients)])
    took = time.perf_counter() - began
    return Measured(len(times) / took, percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3)


def medians(rounds: Sequence[Measured]) -> Measured:
    return Measured(
        statistics.median(each.per_second for each in rounds),
        statistics.median(each.p50_ms for each in rounds),
        statistics.median(each.p99_ms for each in rounds),
    )
