"""One auction and everybody at once: how many bids a second are decided and how soon each bidder knows.

``make bench-contention``. 50 bidders send 2,000 bids on one auction, each the next as soon as the last is answered: one entity, so one partition
and one writer decide all of them, in order. Every seventh bid is too low on purpose. Servers and services run on free ports with their durability
as they ship. What was accepted is checked elsewhere: ``tests/e2e/test_contention.py``.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import uvloop

from bench.bidding import BiddingRoom
from bench.report import Row, percentile, report
from devstack.throwaway import ThrowawayStack

BIDDERS, BIDS = 50, 2_000
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Round:
    seconds: float
    accepted: int
    took_s: tuple[float, ...]


async def one_round(stack: ThrowawayStack, number: int) -> Round:
    async with httpx.AsyncClient(base_url=stack.command_api.url) as http:
        room = BiddingRoom(http, stack.command_api.port, Random(number), lasts_s=600)
        await room.schedule()
        began = time.perf_counter()
        await room.everybody_bids(BIDDERS, BIDS)
        seconds = time.perf_counter() - began
    return Round(seconds, sum(each.accepted for each in room.told), tuple(each.took_s for each in room.told))


async def measure(stack: ThrowawayStack) -> list[Round]:
    await one_round(stack, 0)
    return [await one_round(stack, number) for number in range(1, ROUNDS + 1)]


def rows_of(rounds: list[Round]) -> list[Row]:
    at = f"{BIDDERS} bidders, {BIDS:,} bids on one auction"
    return [
        Row(f"{at}: bids", "1/s", statistics.median(BIDS / each.seconds for each in rounds)),
        Row(f"{at}: accepted", "", statistics.median(each.accepted for each in rounds)),
        Row(f"{at}: answer, p50", "ms", statistics.median(percentile(each.took_s, 0.5) for each in rounds) * 1e3),
        Row(f"{at}: answer, p99", "ms", statistics.median(percentile(each.took_s, 0.99) for each in rounds) * 1e3),
    ]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ThrowawayStack(Path(folder), services=("command-api", "projector"), durable=True) as stack,
    ):
        rounds = uvloop.run(measure(stack))
    report(
        "contention",
        rows_of(rounds),
        [
            f"medians of {ROUNDS} rounds; load, Kafka, Postgres, Redis, command-api and projector share the cores; an answer holds the whole row"
        ],
    )


if __name__ == "__main__":
    main()
