"""Many who want the same thing at the same moment, over HTTP, and what each was told: the load of the benchmark and of the test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import orjson

from bench.http import Connection
from devstack.ports import HOST
from opsroom_common.runtime.ids import SystemIds

IDS = SystemIds()
CURRENCY = "EUR"
OPENING, STEP, RESERVE = Decimal(100), Decimal("0.50"), Decimal("101.00")
WINDOW_S, LENGTH_S, EXTENSIONS = 3, 3, 1
LASTS_S = 4
NOT_NOW = 503


@dataclass(frozen=True, slots=True)
class Told:
    """One command and its definite answer. ``known`` is the highest price that any bidder had been told of when it was sent."""

    command_id: str
    actor: str
    sent: Mapping[str, Any]
    status: int
    answer: Mapping[str, Any]
    known: Decimal
    took_s: float

    @property
    def accepted(self) -> bool:
        return self.status in {200, 201}

    @property
    def row(self) -> Mapping[str, Any]:
        return self.answer["entities"][0]["row"]


async def definite(http: httpx.AsyncClient, method: str, path: str, body: Mapping[str, object], actor: str) -> tuple[str, httpx.Response]:
    """One command, again with the same id until the answer says what became of it."""
    command_id = IDS.uuid7()
    headers = {"Idempotency-Key": command_id, "X-Dev-Actor": actor, "X-Dev-Role": "operator"}
    async with asyncio.timeout(30):
        while True:
            answer = await http.request(method, path, json=body, headers=headers)
            if answer.status_code != NOT_NOW:
                return command_id, answer
            await asyncio.sleep(0.05)


@dataclass(slots=True)
class BiddingRoom:
    """One auction and everybody who bids on it. Each bids again as soon as the last bid is answered, on the price that was told.

    Every seventh bid is below the least on purpose: it must not count, however fast it is.
    """

    http: httpx.AsyncClient
    port: int
    random: Random
    lasts_s: int = LASTS_S
    auction_id: str = field(default_factory=lambda: IDS.entity_id("auc"))
    told: list[Told] = field(default_factory=list[Told])
    known: Decimal = Decimal(0)

    @property
    def path(self) -> str:
        return f"/v1/auctions/{self.auction_id}"

    async def schedule(self) -> None:
        now = datetime.now(UTC)
        terms = {
            "id": self.auction_id,
            "title": "One rack for fifty",
            "currency": CURRENCY,
            "opening_price": str(OPENING),
            "step": str(STEP),
            "reserve": str(RESERVE),
            "starts_at": now.isoformat(),
            "ends_at": (now + timedelta(seconds=self.lasts_s)).isoformat(),
            "extension_window_s": WINDOW_S,
            "extension_s": LENGTH_S,
            "extensions_max": EXTENSIONS,
        }
        _, answer = await definite(self.http, "POST", "/v1/auctions", terms, "usr_seller")
        assert answer.status_code == 201, answer.text

    async def bidder(self, number: int, bids: int) -> None:
        actor, least = f"usr_bidder{number:02}", OPENING
        connection = await Connection.open(HOST, self.port)
        try:
            for turn in range(bids):
                low = (number + turn) % 7 == 0
                amount = least - Decimal("0.01") if low else least + STEP * self.random.randrange(20)
                said = await self.bid(connection, actor, amount)
                shown = said.row if said.accepted else said.answer["details"]
                if shown["least_bid"] is not None:
                    least = Decimal(shown["least_bid"])
        finally:
            connection.close()

    async def bid(self, connection: Connection, actor: str, amount: Decimal) -> Told:
        """One bid, again with the same id until the answer says what became of it."""
        sent, known, command_id = {"amount": f"{amount:.2f}", "currency": CURRENCY}, self.known, IDS.uuid7()
        headers = f"Idempotency-Key: {command_id}\r\nX-Dev-Actor: {actor}\r\nX-Dev-Role: operator\r\n"
        began = time.perf_counter()
        async with asyncio.timeout(30):
            answer = await connection.post(f"{self.path}/bids", orjson.dumps(sent), headers)
            while answer.status == NOT_NOW:
                await asyncio.sleep(0.05)
                answer = await connection.post(f"{self.path}/bids", orjson.dumps(sent), headers)
        said = Told(command_id, actor, sent, answer.status, orjson.loads(answer.body), known, time.perf_counter() - began)
        self.told.append(said)
        if said.accepted:
            self.known = max(self.known, amount)
        return said

    async def everybody_bids(self, bidders: int, bids: int) -> None:
        await asyncio.gather(*[self.bidder(number, bids // bidders) for number in range(bidders)])

    async def bid_too_late(self) -> Told:
        """A bid that would win, sent after the end and before anybody closes."""
        end = max((each.row if each.accepted else each.answer["details"])["ends_at"] for each in self.told)
        await asyncio.sleep(until(end) + 0.1)
        connection = await Connection.open(HOST, self.port)
        try:
            return await self.bid(connection, "usr_late", Decimal(1_000_000))
        finally:
            connection.close()

    async def close(self) -> list[httpx.Response]:
        """Several at once, as soon as the end has come: a refusal says when that is."""
        async with asyncio.timeout(20):
            while True:
                closes = [definite(self.http, "POST", f"{self.path}/close", {}, f"usr_closer{n}") for n in range(5)]
                answers = [answer for _, answer in await asyncio.gather(*closes)]
                early = [answer.json() for answer in answers if answer.status_code == 409]
                if not early:
                    return answers
                assert {each["code"] for each in early} == {"auction-not-over"}
                await asyncio.sleep(until(early[-1]["details"]["ends_at"]))


def until(end: str) -> float:
    """Seconds, never less than a few milliseconds."""
    return max(0.005, (datetime.fromisoformat(end) - datetime.now(UTC)).total_seconds())
