"""A new epoch is told to every board, not to all at one moment, and never to a subscription that began after it."""

from __future__ import annotations

import asyncio
import json
from itertools import cycle
from types import SimpleNamespace
from typing import Any

import pytest
from gateway_harness import StartGateway, TestProjector, Watcher, board, client_of, incident_id, until
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from gateway_ws.live.channels import parse_channel
from gateway_ws.live.connection import Connection
from gateway_ws.live.hub import Hub, Subscription
from gateway_ws.live.limits import Limits
from gateway_ws.live.protocol import Subscribe, Unsubscription
from gateway_ws.live.ring import Ring
from gateway_ws.live.subscribing import Subscriber
from gateway_ws.metrics import GatewayMetrics
from opsroom_common.auth.identity import Identity, Role
from opsroom_common.feed.port import Position
from opsroom_common.runtime.clock import ManualClock
from opsroom_common.runtime.metrics import Metrics
from opsroom_domain.ids import ActorId

CHANNEL = "board:incident@admin"
METRICS = GatewayMetrics(Metrics(CollectorRegistry()))
WHO = Identity(ActorId("usr_test"), Role.ADMIN)


class Told:
    """An outlet that remembers when it is to be told."""

    def __init__(self) -> None:
        self.delays: list[float] = []

    def push(self, frame: str) -> None:
        raise AssertionError("only ended subscriptions are told")

    def ended(self, subscription: Subscription, frame: str, delay_s: float) -> None:
        assert json.loads(frame)["push"]["unsubscribe"]["code"] == 2500
        self.delays.append(delay_s)


def subscription(outlet: Any, channel: str = CHANNEL) -> Subscription:
    found = parse_channel(channel)
    assert found is not None
    return Subscription(found, None, outlet)


@given(count=st.integers(1, 300), rate=st.floats(1, 1000), chances=st.lists(st.floats(0, 1), min_size=1))
def test_connections_are_told_over_as_long_as_their_number_needs_and_at_most_ten_seconds(count: int, rate: float, chances: list[float]):
    chance = cycle(chances)
    hub = Hub(ManualClock(), METRICS, jitter=lambda: next(chance), resyncs_per_s=rate)
    outlets = [Told() for _ in range(count)]
    for outlet in outlets:
        hub.add(subscription(outlet))
        hub.add(subscription(outlet, f"entity:{incident_id(1)}@admin"))
    hub.resync("a new epoch")
    spread_s = min(10.0, count / rate)
    for outlet in outlets:
        first, second = outlet.delays
        assert first == second, "one screen takes one snapshot"
        assert 0 <= first <= (spread_s if spread_s >= 0.25 else 0)
    if count > 1 and spread_s >= 0.25 and min(chances) < max(chances) and count >= len(chances):
        assert len({outlet.delays[0] for outlet in outlets}) > 1
    hub.resync("again")
    assert all(len(outlet.delays) == 2 for outlet in outlets), "what has ended is not ended again"


class Room:
    """One connection that has connected, and its gateway's clock."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.hub = Hub(self.clock, METRICS, jitter=lambda: 0.5, resyncs_per_s=0.1)
        self.ring = Ring(bytes_max=1000, age_max_s=60.0)
        self.ring.reset(Position(7, 3))
        limits = Limits()
        feed: Any = SimpleNamespace(verified_at=self.clock.now())
        subscriber = Subscriber(ring=self.ring, hub=self.hub, feed=feed, clock=self.clock, limits=limits, metrics=METRICS)
        around: Any = SimpleNamespace(
            ring=self.ring, hub=self.hub, feed=feed, subscriber=subscriber, clock=self.clock, limits=limits, metrics=METRICS
        )
        socket: Any = SimpleNamespace()
        self.connection = Connection("client", socket, {}, around)
        self.connection._identity = WHO

    async def subscribe(self) -> None:
        await self.connection._subscribe(Subscribe(2, CHANNEL, None, 0, None), WHO)

    def heard(self) -> list[str]:
        """What was queued since the last time."""
        found: list[str] = []
        while self.connection._outbox:
            found += self.connection._outbox.take().split("\n")
        return found

    def later(self, seconds: float) -> list[str]:
        self.clock.advance(seconds)
        self.connection.tick(self.clock.monotonic())
        return self.heard()


@pytest.fixture
def room() -> Room:
    return Room()


async def test_who_is_told_later_hears_nothing_of_the_new_epoch_before(room: Room):
    await room.subscribe()
    assert len(room.heard()) == 1
    room.ring.reset(Position(8, 0))
    room.hub.resync("a new epoch")
    assert room.heard() == []
    assert room.later(4.9) == [], "neither a mark nor a ping's worth of the new epoch"
    (told,) = room.later(0.2)
    assert json.loads(told)["push"]["unsubscribe"]["code"] == 2500
    assert room.later(1.0) == []


@pytest.mark.parametrize("ends_first", [True, False])
async def test_a_subscription_that_begins_meanwhile_is_not_ended_by_old_news(room: Room, *, ends_first: bool):
    await room.subscribe()
    room.heard()
    room.ring.reset(Position(8, 0))
    room.hub.resync("a new epoch")
    if ends_first:
        room.connection._unsubscribe(Unsubscription(3, CHANNEL))
        room.heard()
    await room.subscribe()
    (reply,) = room.heard()
    assert json.loads(reply)["subscribe"]["epoch"].startswith("8.")
    assert room.later(6.0) == []
    assert len(room.hub._channels) == 1


async def test_who_left_meanwhile_is_told_nothing(room: Room):
    await room.subscribe()
    room.hub.resync("a new epoch")
    room.connection._unsubscribe(Unsubscription(3, CHANNEL))
    room.heard()
    assert room.later(6.0) == []


async def test_many_boards_are_all_right_again_in_the_end(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway(resyncs_per_s=20.0)
    await projector.opened(1)
    watchers = [Watcher() for _ in range(20)]
    for watcher in watchers:
        client = client_of(gateway.socket_url)
        await client.connect()
        await board(client, watcher, lambda: gateway.gateway.http.url).subscribe()
    await until(lambda: all(watcher.subscribed for watcher in watchers))
    await projector.new_epoch()
    for _ in range(5):
        await projector.noted(1)
        await asyncio.sleep(0)
    await until(lambda: all(watcher.snapshots == 2 for watcher in watchers))
    await projector.noted(1)
    await until(lambda: all(watcher.view[incident_id(1)]["version"] == 7 for watcher in watchers))
    for watcher in watchers:
        since = watcher.publications[-1][0]
        assert since <= 6, "no offset of the epoch before"
