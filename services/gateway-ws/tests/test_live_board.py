"""Promise 5: a screen is either current or says how old it is. Here with the official centrifuge-python client."""

from __future__ import annotations

import asyncio

from centrifuge import SubscriptionState
from gateway_harness import Life, StartGateway, TestProjector, Watcher, board, client_of, incident_id, until


async def test_a_change_reaches_a_subscribed_screen_with_row_version_actor_and_times(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway()
    await projector.opened(1)
    client, watcher = client_of(gateway.socket_url), Watcher()
    subscription = board(client, watcher, lambda: gateway.gateway.http.url)
    await client.connect()
    await subscription.subscribe()
    await until(lambda: watcher.subscribed)
    assert list(watcher.view) == [incident_id(1)]

    await projector.acknowledged(1)
    await until(lambda: watcher.rows)

    offset, data = watcher.publications[-1]
    assert (offset, data["version"], data["kind"], data["actor"]) == (2, 2, "incident", "usr_test")
    assert data["row"]["status"] == "acknowledged"
    assert data["event_types"] == ["opsroom.incident.acknowledged"]
    assert data["log"] == {"topic": "ops.events", "partition": 0, "offset": 1}
    assert set(data["times"]) == {"event", "projected", "sent"}


async def test_after_a_forced_close_the_client_gets_exactly_what_it_missed(start_gateway: StartGateway, projector: TestProjector):
    """Positions have gaps per channel: other incidents' entries lie between."""
    first = await start_gateway()
    await projector.opened(1)
    client, life, watcher = None, Life(), Watcher()
    client = client_of(first.socket_url, life)
    subscription = client.new_subscription(f"entity:{incident_id(1)}@admin", events=watcher, recoverable=True)
    await client.connect()
    await subscription.subscribe()
    await until(lambda: watcher.subscribed)
    await projector.noted(1)
    await projector.opened(2)
    await until(lambda: watcher.rows)

    connecting = asyncio.create_task(_restart(first, start_gateway, client))
    for _ in range(3):
        await projector.noted(1)
        await projector.noted(2)
    await connecting
    await until(lambda: len(watcher.rows) >= 4)
    await projector.noted(1)
    await until(lambda: len(watcher.rows) >= 5)

    assert [code.code for code in life.connecting][1] == 3001
    assert watcher.rows == [(incident_id(1), version) for version in (2, 3, 4, 5, 6)]
    assert watcher.subscribed[-1].recovered
    offsets = [offset for offset, _ in watcher.publications]
    assert offsets == sorted(offsets)


async def _is(value, wished) -> bool:
    return await value == wished


async def _restart(gateway, start_gateway: StartGateway, client) -> None:
    port = gateway.port
    await gateway.stop()
    await start_gateway(port=port)


async def test_unsubscribing_stops_the_updates_and_subscribing_again_works(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway()
    client, watcher = client_of(gateway.socket_url), Watcher()
    subscription = board(client, watcher, lambda: gateway.gateway.http.url)
    await client.connect()
    await subscription.subscribe()
    await projector.opened(1)
    await until(lambda: watcher.view)
    await subscription.unsubscribe()
    await until(lambda: _is(gateway.metric("gateway_subscriptions"), 0))
    await projector.acknowledged(1)
    await subscription.subscribe()
    await until(lambda: watcher.view[incident_id(1)]["version"] == 2)
    assert subscription.state is SubscriptionState.SUBSCRIBED


async def test_a_position_older_than_what_is_held_gives_a_fresh_snapshot(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway()
    client, watcher = client_of(gateway.socket_url), Watcher()
    subscription = board(client, watcher, lambda: gateway.gateway.http.url)
    await client.connect()
    await subscription.subscribe()
    await projector.opened(1)
    await until(lambda: watcher.view)

    port = gateway.port
    await gateway.stop()
    for _ in range(5):
        await projector.noted(1)
    await projector.trim(keep=2)
    await start_gateway(port=port)

    await until(lambda: watcher.view[incident_id(1)]["version"] == 6)
    assert watcher.snapshots == 2


async def test_without_get_state_the_same_is_told_as_recovered_false(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway()
    client, watcher = client_of(gateway.socket_url), Watcher()
    subscription = client.new_subscription("board:incident@admin", events=watcher, recoverable=True)
    await client.connect()
    await subscription.subscribe()
    await until(lambda: watcher.subscribed)
    port = gateway.port
    await gateway.stop()
    for number in range(1, 5):
        await projector.opened(number)
    await projector.trim(keep=1)
    await start_gateway(port=port)
    await until(lambda: len(watcher.subscribed) == 2)
    assert watcher.subscribed[1].was_recovering
    assert not watcher.subscribed[1].recovered
    assert watcher.rows == []


async def test_a_new_epoch_ends_every_subscription_loudly_and_gives_a_fresh_snapshot(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway()
    client, watcher = client_of(gateway.socket_url), Watcher()
    subscription = board(client, watcher, lambda: gateway.gateway.http.url)
    await client.connect()
    await subscription.subscribe()
    await until(lambda: watcher.subscribed)
    await projector.opened(1)
    await until(lambda: watcher.view)

    await projector.new_epoch()
    await projector.acknowledged(1)

    await until(lambda: watcher.view[incident_id(1)]["version"] == 2)
    assert watcher.subscribing[-1].code == 2500
    assert watcher.snapshots == 2


async def test_what_redis_loses_comes_from_the_table(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway()
    client, watcher = client_of(gateway.socket_url), Watcher()
    subscription = board(client, watcher, lambda: gateway.gateway.http.url)
    await client.connect()
    await subscription.subscribe()
    await until(lambda: watcher.subscribed)
    for number in range(1, 11):
        projector.carry = number % 3 != 0
        await projector.opened(number)
    # The last one is lost too: only the look at the head finds it.
    projector.carry = False
    await projector.opened(11)
    await until(lambda: len(watcher.rows) == 11)
    assert watcher.rows == [(incident_id(number), 1) for number in range(1, 12)]


async def test_quiet_subscriptions_get_marks_that_move_their_recovery_position(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway(ping_interval_s=0.3)
    await projector.opened(1)
    client, watcher = client_of(gateway.socket_url), Watcher()
    subscription = client.new_subscription(f"entity:{incident_id(1)}@admin", events=watcher, recoverable=True)
    await client.connect()
    await subscription.subscribe()
    await until(lambda: watcher.subscribed)
    for number in range(2, 7):
        await projector.opened(number)
    await until(lambda: watcher.marks and watcher.marks[-1] == 6)
    assert watcher.rows == []
    assert watcher.publications[-1][0] == 6
    # A restart with a table that holds nothing older still recovers this narrow channel.
    port = gateway.port
    await gateway.stop()
    await projector.trim(keep=0)
    await projector.noted(1)
    await start_gateway(port=port)
    await until(lambda: watcher.rows)
    assert watcher.subscribed[-1].recovered


async def test_pings_are_answered_and_keep_the_connection(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway(ping_interval_s=0.2, pong_timeout_s=0.5)
    client, life = client_of(gateway.socket_url), Life()
    client.events = life
    await client.connect()
    await until(lambda: life.connected)
    await asyncio.sleep(2)
    assert len(life.connecting) == 1
    assert not life.disconnected
