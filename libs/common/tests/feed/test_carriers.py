"""One suite for both carriers: what they carry arrives unchanged and in order; what they refuse or lose harms nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from devstack.redis import Redis
from opsroom_common.feed.memory import MemoryFeedCarrier, MemoryFeedTable
from opsroom_common.feed.port import CarrierUnavailable, FeedCarrier, FeedEntry, Position
from opsroom_common.feed.redis import KEY, RedisFeedCarrier

EPOCH = 1_763_800_000_000_000


def entry(n: int, epoch: int = EPOCH) -> FeedEntry:
    return FeedEntry(
        position=Position(epoch, n),
        kind="incident",
        entity_id="inc_01k00000000000000000000000",
        version=n,
        topic="ops.events",
        partition=3,
        offset=100 + n,
        actor=None if n % 2 else "usr_a",
        event_types=("opsroom.incident.opened", "opsroom.incident.noted"),
        was=None if n == 1 else {"status": "open"},
        now={"status": "“ack”"},
        row='{"title":"“é”\\n"}'.encode(),
        times={"event": 1_763_800_000.123456, "projected": 1_763_800_000.2},
    )


@pytest.fixture(params=["memory", "redis"])
async def carrier(request: pytest.FixtureRequest) -> AsyncIterator[FeedCarrier]:
    if request.param == "memory":
        made: FeedCarrier = MemoryFeedCarrier()
    else:
        made = RedisFeedCarrier(request.getfixturevalue("redis_url"))
    yield made
    await made.close()


async def test_entries_arrive_unchanged_and_in_order(carrier: FeedCarrier) -> None:
    sent = [entry(n) for n in range(1, 6)]
    await carrier.publish(sent)
    assert list(await carrier.read(Position(EPOCH, 0), 1.0)) == sent
    assert list(await carrier.read(Position(EPOCH, 3), 1.0)) == sent[3:]


async def test_a_refused_position_harms_nobody(carrier: FeedCarrier) -> None:
    await carrier.publish([entry(1), entry(2)])
    await carrier.publish([replace(entry(2), version=99), entry(1), entry(3)])
    assert list(await carrier.read(Position(EPOCH, 0), 1.0)) == [entry(1), entry(2), entry(3)]


async def test_a_later_epoch_is_after_every_position_of_an_earlier_one(carrier: FeedCarrier) -> None:
    await carrier.publish([entry(1000)])
    await carrier.publish([entry(1, EPOCH + 1)])
    await carrier.publish([entry(1001)])
    assert list(await carrier.read(Position(EPOCH, 1000), 1.0)) == [entry(1, EPOCH + 1)]


async def test_a_reader_that_waits_gets_what_comes(carrier: FeedCarrier) -> None:
    waiting = asyncio.create_task(carrier.read(Position(EPOCH, 0), 5.0))
    await asyncio.sleep(0)
    await carrier.publish([entry(1)])
    assert list(await waiting) == [entry(1)]


async def test_a_reader_that_waits_in_vain_gets_nothing(carrier: FeedCarrier) -> None:
    await carrier.publish([entry(1)])
    assert list(await carrier.read(Position(EPOCH, 1), 0.05)) == []
    assert list(await carrier.read(Position(EPOCH, 1), 0)) == []


async def test_a_cancelled_read_does_not_spoil_the_next(carrier: FeedCarrier) -> None:
    waiting = asyncio.create_task(carrier.read(Position(EPOCH, 0), 5.0))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await carrier.publish([entry(1)])
    assert list(await carrier.read(Position(EPOCH, 0), 1.0)) == [entry(1)]


async def test_many_entries_in_one_go(carrier: FeedCarrier) -> None:
    sent = [entry(n) for n in range(1, 3001)]
    await carrier.publish(sent)
    got: list[FeedEntry] = []
    while len(got) < len(sent):
        got.extend(await carrier.read(got[-1].position if got else Position(EPOCH, 0), 1.0))
    assert got == sent


async def test_the_stream_is_bounded(redis_url: str) -> None:
    carrier = RedisFeedCarrier(redis_url, entries_max=1000)
    await carrier.publish([entry(n) for n in range(1, 4001)])
    assert await carrier._sender.xlen(KEY) < 1300
    await carrier.close()


async def test_what_is_no_entry_of_ours_is_left_out(redis_url: str) -> None:
    carrier = RedisFeedCarrier(redis_url)
    await carrier._sender.xadd(KEY, {"something": "else"}, id=f"{EPOCH}-1")
    await carrier.publish([entry(2)])
    assert list(await carrier.read(Position(EPOCH, 0), 1.0)) == [entry(2)]
    await carrier.close()


async def test_a_carrier_that_is_away_says_so_and_comes_back(own_redis: Redis) -> None:
    carrier = RedisFeedCarrier(own_redis.url)
    await carrier.publish([entry(1)])
    await asyncio.to_thread(own_redis.kill)
    for call in (carrier.publish([entry(2)]), carrier.read(Position(EPOCH, 0), 0.1), carrier.ping()):
        with pytest.raises(CarrierUnavailable):
            await call
    await asyncio.to_thread(own_redis.start)
    await carrier.publish([entry(3)])
    assert list(await carrier.read(Position(EPOCH, 0), 1.0)) == [entry(3)]
    await carrier.close()


async def test_a_carrier_that_hangs_says_so_in_bounded_time(own_redis: Redis) -> None:
    carrier = RedisFeedCarrier(own_redis.url)
    await carrier.publish([entry(1)])
    own_redis.pause()
    try:
        async with asyncio.timeout(10):
            for call in (carrier.publish([entry(2)]), carrier.read(Position(EPOCH, 1), 0.1)):
                with pytest.raises(CarrierUnavailable):
                    await call
    finally:
        own_redis.resume()
    await carrier.close()


async def test_a_full_carrier_says_so(own_redis: Redis) -> None:
    carrier = RedisFeedCarrier(own_redis.url)
    await carrier._sender.config_set("maxmemory", "1kb")
    with pytest.raises(CarrierUnavailable, match="maxmemory"):
        await carrier.publish([entry(1)])
    await carrier.close()


async def test_the_memory_table_has_the_table_s_manners() -> None:
    table = MemoryFeedTable()
    assert await table.head() is None
    assert await table.read(0, 10) is None
    table.new_epoch(5)
    table.append(entry(1, 5))
    table.append(entry(2, 5))
    with pytest.raises(ValueError, match="does not follow"):
        table.append(entry(4, 5))
    found = await table.read(1, 10)
    assert found is not None
    assert (found.head, found.floor, list(found.entries)) == (Position(5, 2), 1, [entry(2, 5)])
