"""Contention, shown: fifty bidders on one auction, twenty editors on one incident, over HTTP, on a whole stack."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import pytest
from bench.bidding import EXTENSIONS, LENGTH_S, OPENING, RESERVE, STEP, WINDOW_S, BiddingRoom, Told, definite

from devstack.throwaway import ThrowawayStack
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.postgres.pool import Pool
from opsroom_domain.entities.auction import BidPlaced, Closed, Extended, Scheduled
from projector.verify import differences

from .test_crashes import IDS, valid_events

BIDDERS, BIDS = 50, 2_000
EDITORS = 20


@pytest.fixture
async def http(stack: ThrowawayStack) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=BIDDERS)
    async with httpx.AsyncClient(base_url=stack.command_api.url, timeout=20, limits=limits) as client:
        yield client


async def story_of(stack: ThrowawayStack, entity_id: str) -> list[DomainRecord]:
    """The entity's events, once every row is the fold of the log."""
    log = KafkaEventLog(stack.servers.kafka.bootstrap, load_topics()[EVENTS].partitions)
    pool = await Pool.open(stack.servers.postgres.dsn, name="test")
    try:
        async with asyncio.timeout(30):
            while await behind(log, pool):
                await asyncio.sleep(0.05)
        assert await differences(log, pool) == [], "the rows are not the fold of the log"
        return [event for event in await valid_events(log) if event.entity_id == entity_id]
    finally:
        await log.close()
        pool._pool.terminate()


async def behind(log: KafkaEventLog, pool: Pool) -> int:
    stands = {row["partition"]: row["offset"] for row in await pool.fetch('SELECT partition, "offset" FROM read.checkpoints')}
    return sum([await log.end_offset(p) - stands.get(p, 0) for p in range(log.partitions)])


async def row_of(stack: ThrowawayStack, entity_id: str) -> dict[str, Any]:
    pool = await Pool.open(stack.servers.postgres.dsn, name="test")
    try:
        (found,) = await pool.fetch("SELECT state FROM read.entities WHERE id = $1", entity_id)
        return found["state"]
    finally:
        pool._pool.terminate()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_fifty_bidders_and_one_winner(stack: ThrowawayStack, http: httpx.AsyncClient) -> None:
    room = BiddingRoom(http, stack.command_api.port, Random(20))
    await room.schedule()
    await room.everybody_bids(BIDDERS, BIDS)
    assert (await room.bid_too_late()).answer["code"] == "auction-over"
    closes = await room.close()
    await room.bidder(BIDDERS, 1)
    assert len(room.told) == BIDS + 2
    assert room.told[-1].answer["code"] == "auction-ended"
    events = await story_of(stack, room.auction_id)
    prices = the_log_keeps_the_rules(events)
    exactly_one_wins(events, closes, await row_of(stack, room.auction_id))
    no_bid_is_lost_and_none_counts_twice(events, room.told)
    everybody_refused_was_told_the_price(room.told, prices)
    accepted = sum(each.accepted for each in room.told)
    refused = Counter(each.answer["code"] for each in room.told if not each.accepted)
    print(f"{accepted} accepted, {dict(refused)}")
    assert refused["bid-too-low"], "nobody was too slow: that is no contest"


def the_log_keeps_the_rules(events: Sequence[DomainRecord]) -> list[Decimal]:
    """Judged anew from the log alone, by the terms and without the decider. Returns the prices, in order."""
    terms, prices, leader = events[0].event, list[Decimal](), None
    assert isinstance(terms, Scheduled)
    end, moved = terms.ends_at, 0
    for number, record in enumerate(events):
        event = record.event
        assert record.version == number + 1
        if isinstance(event, BidPlaced):
            assert terms.starts_at <= event.at < end, "a bid counted outside the time"
            assert event.amount >= (prices[-1] + STEP if prices else OPENING), "a bid counted below the rules"
            assert event.by != leader, "somebody bid against themselves"
            prices.append(event.amount)
            leader = event.by
            due = end - event.at <= timedelta(seconds=WINDOW_S) and moved < EXTENSIONS
            assert isinstance(events[number + 1].event, Extended) is due, "the end did not move when it had to"
        elif isinstance(event, Extended):
            moved += 1
            assert (event.previous, event.ends_at, event.number) == (end, end + timedelta(seconds=LENGTH_S), moved)
            end = event.ends_at
        elif isinstance(event, Closed):
            assert event.at >= end, "closed before its end"
    return prices


def exactly_one_wins(events: Sequence[DomainRecord], closes: Sequence[httpx.Response], row: dict[str, Any]) -> None:
    """One closing, whoever sent it first; all who ask are told the same winner, and so is the row."""
    (closed,) = [each.event for each in events if isinstance(each.event, Closed)]
    best = max((each.event for each in events if isinstance(each.event, BidPlaced)), key=lambda bid: bid.amount)
    assert best.amount >= RESERVE
    assert (closed.result, closed.winner, closed.price, closed.winning_bid) == ("sold", best.by, best.amount, best.bid_id)
    shown = {(one["winner"], one["price"], one["result"]) for one in [row, *(each.json()["entities"][0]["row"] for each in closes)]}
    assert shown == {(best.by, f"{best.amount:.2f}", "sold")}


def no_bid_is_lost_and_none_counts_twice(events: Sequence[DomainRecord], told: Sequence[Told]) -> None:
    counted = Counter(each.command_id for each in events if isinstance(each.event, BidPlaced))
    assert counted == Counter(each.command_id for each in told if each.accepted)
    logged = {str(each.command_id): each for each in events if isinstance(each.event, BidPlaced)}
    for each in told:
        if each.accepted:
            event = logged[each.command_id].event
            assert (event.by, f"{event.amount:.2f}") == (each.actor, each.sent["amount"])
            assert each.answer["version"] in {logged[each.command_id].version, logged[each.command_id].version + 1}


def everybody_refused_was_told_the_price(told: Sequence[Told], prices: Sequence[Decimal]) -> None:
    """A price that really stood, not older than what anybody knew when the bid was sent; with the least bid and the end that go with it."""
    for each in told:
        if each.accepted:
            continue
        assert each.status == 409, each.answer
        details, code = each.answer["details"], each.answer["code"]
        price = Decimal(0) if details["current_price"] is None else Decimal(details["current_price"])
        assert price in {Decimal(0), *prices}
        assert price >= each.known, "an old price was told"
        assert f"the price is {price:.2f}" in each.answer["detail"] if price else "there is no bid yet" in each.answer["detail"]
        assert datetime.fromisoformat(details["ends_at"])
        if code == "bid-too-low":
            least = price + STEP if price else OPENING
            assert Decimal(details["least_bid"]) == least
            assert Decimal(each.sent["amount"]) < least
        elif code == "already-leading":
            assert details["highest_bidder"] == each.actor
        else:
            assert code in {"auction-over", "auction-ended"}


@pytest.mark.timeout(120)
async def test_twenty_editors_of_one_incident(stack: ThrowawayStack, http: httpx.AsyncClient) -> None:
    incident_id = IDS.entity_id("inc")
    path = f"/v1/incidents/{incident_id}"
    opened = {"id": incident_id, "title": "Disk full", "description": "db-1"}
    assert (await definite(http, "POST", "/v1/incidents", opened, "usr_opener"))[1].status_code == 201
    rivals = {f"usr_rival{n:02}": f"Disk full, says {n:02}" for n in range(EDITORS // 2)}
    others: list[tuple[str, str, dict[str, object]]] = [
        ("PATCH", "", {"changes": {"description": {"seen": "db-1", "to": "db-1 and db-2"}}}),
        ("POST", "/severity", {"seen": "sev3", "to": "sev1"}),
        ("POST", "/assign", {"seen": None, "to": "usr_maria"}),
        ("POST", "/team", {"seen": None, "to": "storage"}),
        ("POST", "/status", {"seen": "open", "to": "investigating"}),
        ("POST", "/labels", {"add": ["db"]}),
        ("POST", "/labels", {"add": ["eu"]}),
        ("POST", "/watchers", {"add": ["usr_ben"]}),
        ("POST", "/watchers", {"add": ["usr_ann"]}),
        ("POST", "/comments", {"text": "Looking."}),
    ]
    retitles = [
        definite(http, "PATCH", path, {"changes": {"title": {"seen": "Disk full", "to": title}}}, actor) for actor, title in rivals.items()
    ]
    edits = [definite(http, method, path + last, body, f"usr_editor{n:02}") for n, (method, last, body) in enumerate(others)]
    mixed = [each for pair in zip(retitles, edits, strict=True) for each in pair]
    answers = [answer for _, answer in await asyncio.gather(*mixed)]

    assert {answer.status_code for answer in answers[1::2]} == {200}, "a disjoint edit was refused"
    won = [answer for answer in answers[::2] if answer.status_code == 200]
    lost = [answer for answer in answers[::2] if answer.status_code == 409]
    assert (len(won), len(lost)) == (1, len(rivals) - 1), "an edit was lost: of one field and one seen value only the first counts"
    events = await story_of(stack, incident_id)
    (retitled,) = [each for each in events if each.envelope.type.endswith(".edited") and each.event.changes[0].field == "title"]
    winner, when = retitled.event.by, retitled.event.at
    wanted = set[str]()
    for answer in lost:
        problem = answer.json()
        (conflict,) = problem["conflicts"]
        assert problem["code"] == "edit-conflict"
        assert (conflict["field"], conflict["seen"], conflict["current"]) == ("title", "Disk full", rivals[winner])
        assert (conflict["changed_by"], datetime.fromisoformat(conflict["changed_at"])) == (winner, when)
        wanted.add(conflict["wanted"])
    assert wanted == set(rivals.values()) - {rivals[winner]}

    row = await row_of(stack, incident_id)
    expected = {
        "title": rivals[winner],
        "description": "db-1 and db-2",
        "severity": "sev1",
        "assignee": "usr_maria",
        "team": "storage",
        "status": "investigating",
        "labels": ["db", "eu"],
        "watchers": ["usr_ann", "usr_ben"],
    }
    assert {field: row[field] for field in expected} == expected, "an edit was lost"
    assert len(row["comments"]) == 1
