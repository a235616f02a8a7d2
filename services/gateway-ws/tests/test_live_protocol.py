"""What bad input gets on a socket: each frame that is not the protocol has its code, and says what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from gateway_harness import RunningGateway, StartGateway, TestProjector, incident_id, until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway_ws.live import codes
from gateway_ws.live.limits import HARD_FRAME_BYTES_MAX

CONNECT = {"id": 1, "connect": {}}


class Raw:
    """A socket without an SDK."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._lines: list[dict] = []

    async def say(self, *commands: object) -> None:
        await self.socket.send("\n".join(c if isinstance(c, str) else json.dumps(c) for c in commands))

    async def hear(self) -> dict:
        while not self._lines:
            text = await asyncio.wait_for(self.socket.recv(), 10)
            self._lines = [json.loads(line) for line in str(text).split("\n")]
        return self._lines.pop(0)

    async def ask(self, command: dict) -> dict:
        await self.say(command)
        while True:
            answer = await self.hear()
            if answer.get("id") == command["id"]:
                return answer

    async def closed(self) -> tuple[int, str]:
        try:
            while True:
                await asyncio.wait_for(self.socket.recv(), 10)
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return closed.rcvd.code, closed.rcvd.reason


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    return await start_gateway()


@pytest.fixture
async def raw(gateway: RunningGateway) -> AsyncIterator[Raw]:
    async with connect(gateway.socket_url, proxy=None) as socket:
        yield Raw(socket)


async def test_connect_tells_who_one_is_and_how_often_a_ping_comes(raw: Raw):
    answer = await raw.ask({"id": 1, "connect": {"data": {"actor": "usr_maria", "role": "viewer"}, "name": "js"}})
    connected = answer["connect"]
    assert connected["data"] == {"actor": "usr_maria", "role": "viewer"}
    assert connected["ping"] == 25
    assert connected["pong"] is True
    assert connected["client"]


FIRST_FRAMES = (
    ("not json", "not JSON"),
    ("[]", "must be a JSON object"),
    ('{"id":1}', "exactly one method"),
    ('{"id":1,"connect":{},"subscribe":{}}', "exactly one method"),
    ('{"id":1,"connect":[]}', "must be an object"),
    ('{"connect":{}}', "id must be a whole number"),
    ('{"id":true,"connect":{}}', "id must be a whole number"),
    ('{"id":0,"connect":{}}', "id must be a whole number"),
    ('{"id":1,"connect":{"token":5}}', "token must be a string"),
    ('{"id":1,"subscribe":{"channel":"board:incident@admin"}}', "first command must be connect"),
    ("{}", "first command must be connect"),
    ("   ", "empty message"),
    ("\n".join(['{"id":1,"connect":{}}'] * 65), "more than 64 commands"),
    ("[" * 5000, "not JSON"),
)


async def test_a_malformed_first_frame_is_closed_with_3501_and_a_reason(gateway: RunningGateway):
    for frame, words in FIRST_FRAMES:
        async with connect(gateway.socket_url, proxy=None) as socket:
            raw = Raw(socket)
            await raw.say(frame)
            code, reason = await raw.closed()
            assert (code, words in reason) == (3501, True), (frame[:60], reason)


LATER_FRAMES = (
    ('{"id":2,"subscribe":{"channel":7}}', "channel must be a string"),
    ('{"id":2,"subscribe":{"channel":"x","recover":1}}', "recover must be"),
    ('{"id":2,"subscribe":{"channel":"x","recover":true,"offset":-1}}', "offset must be"),
    ('{"id":2,"subscribe":{"channel":"x","recover":true,"offset":1.5}}', "offset must be"),
    ('{"id":2,"subscribe":{"channel":"x","flag":"2"}}', "flag must be"),
    ('{"id":2,"connect":{}}', "connected already"),
    (json.dumps({"id": 2, "rpc": {"method": "x" * 70_000}}), "above 65536 bytes"),
)


async def test_a_malformed_later_frame_is_closed_with_3501_and_a_reason(gateway: RunningGateway):
    for frame, words in LATER_FRAMES:
        async with connect(gateway.socket_url, proxy=None) as socket:
            raw = Raw(socket)
            await raw.ask(CONNECT)
            await raw.say(frame)
            code, reason = await raw.closed()
            assert (code, words in reason) == (3501, True), (frame[:60], reason)


async def test_binary_frames_are_closed_with_3501(raw: Raw):
    await raw.socket.send(b"\x01\x02")
    assert await raw.closed() == (3501, "bad request: send JSON in text messages; binary ones are for Protobuf, which is not spoken here")


async def test_an_oversized_message_is_not_even_read(raw: Raw):
    await raw.ask(CONNECT)
    await raw.socket.send("x" * (HARD_FRAME_BYTES_MAX + 1))
    code, _ = await raw.closed()
    assert code == codes.TOO_BIG_FOR_WEBSOCKET


async def test_send_has_nobody_to_hear_it(raw: Raw):
    await raw.ask(CONNECT)
    await raw.say({"send": {"data": {}}})
    code, _ = await raw.closed()
    assert code == 3508


REFUSED = (
    ({"publish": {"channel": "board:incident@admin", "data": {}}}, 103),
    ({"presence": {"channel": "board:incident@admin"}}, 108),
    ({"presence_stats": {"channel": "board:incident@admin"}}, 108),
    ({"history": {"channel": "board:incident@admin"}}, 108),
    ({"rpc": {"method": "acknowledge"}}, 104),
    ({"refresh": {"token": ""}}, 108),
    ({"sub_refresh": {"channel": "board:incident@admin"}}, 108),
    ({"subscribe": {"channel": "board:incident@operator"}}, 103),
    ({"subscribe": {"channel": "board:nothing@admin"}}, 102),
    ({"subscribe": {"channel": "board:incident@nobody"}}, 102),
    ({"subscribe": {"channel": "entity:inc_1@admin"}}, 102),
    ({"subscribe": {"channel": "entity:zzz_01k00000000000000000000000@admin"}}, 102),
    ({"subscribe": {"channel": ""}}, 102),
    ({"subscribe": {"channel": "x" * 129}}, 106),
    ({"subscribe": {"channel": "board:incident@admin", "tf": {"key": "status", "cmp": "like"}}}, 107),
    ({"subscribe": {"channel": "board:incident@admin", "tf": "status"}}, 107),
    ({"subscribe": {"channel": f"entity:{incident_id(1)}@admin", "tf": {"key": "status", "cmp": "ex"}}}, 107),
    (
        {"subscribe": {"channel": "board:incident@admin", "recover": True, "epoch": "1.x", "offset": 0, "flag": 2}},
        112,
    ),
)


async def test_what_is_not_done_is_answered_with_its_code_and_the_connection_stays(raw: Raw):
    await raw.ask(CONNECT)
    for number, (command, code) in enumerate(REFUSED, start=2):
        answer = await raw.ask({"id": number, **command})
        assert answer.get("error", {}).get("code") == code, (command, answer)
        assert answer["error"]["message"]
    assert (await raw.ask({"id": 99, "ping": {}})) == {"id": 99, "ping": {}}


async def test_one_subscription_a_channel_and_a_limited_number_of_them(start_gateway: StartGateway):
    gateway = await start_gateway()
    async with connect(gateway.socket_url, proxy=None) as socket:
        raw = Raw(socket)
        await raw.ask(CONNECT)
        assert "subscribe" in await raw.ask({"id": 2, "subscribe": {"channel": "board:incident@admin"}})
        assert (await raw.ask({"id": 3, "subscribe": {"channel": "board:incident@admin"}}))["error"]["code"] == 105
        for number in range(127):
            answer = await raw.ask({"id": 10 + number, "subscribe": {"channel": f"entity:{incident_id(number)}@admin"}})
            assert "subscribe" in answer
        assert (await raw.ask({"id": 200, "subscribe": {"channel": f"entity:{incident_id(500)}@admin"}}))["error"]["code"] == 106
        assert await raw.ask({"id": 201, "unsubscribe": {"channel": "board:incident@admin"}}) == {"id": 201, "unsubscribe": {}}
        assert await raw.ask({"id": 202, "unsubscribe": {"channel": "never"}}) == {"id": 202, "unsubscribe": {}}
        assert "subscribe" in await raw.ask({"id": 203, "subscribe": {"channel": f"entity:{incident_id(500)}@admin"}})


async def test_a_wrong_development_identity_is_refused_and_may_be_corrected(raw: Raw):
    answer = await raw.ask({"id": 1, "connect": {"data": {"role": "king"}}})
    assert answer["error"]["code"] == 107
    assert "viewer" in answer["error"]["message"]
    assert "connect" in await raw.ask({"id": 2, "connect": {"data": {"role": "viewer"}}})


async def test_without_a_way_to_sign_in_nobody_gets_in(start_gateway: StartGateway):
    gateway = await start_gateway(dev_identity=None)
    async with connect(gateway.socket_url, proxy=None) as socket:
        raw = Raw(socket)
        await raw.say({"id": 1, "connect": {"token": "forged"}})
        code, reason = await raw.closed()
    assert code == 3500
    assert reason.startswith("invalid token")


async def test_who_does_not_connect_in_time_is_closed_as_stale(start_gateway: StartGateway):
    gateway = await start_gateway(connect_timeout_s=0.2)
    async with connect(gateway.socket_url, proxy=None) as socket:
        assert (await Raw(socket).closed())[0] == 3502


async def test_who_does_not_answer_pings_is_closed(start_gateway: StartGateway):
    gateway = await start_gateway(ping_interval_s=0.2, pong_timeout_s=0.3)
    async with connect(gateway.socket_url, proxy=None) as socket:
        raw = Raw(socket)
        await raw.ask(CONNECT)
        assert (await raw.closed())[0] == 3012


async def test_another_sites_page_is_refused_before_the_handshake(start_gateway: StartGateway):
    gateway = await start_gateway(allowed_origins="http://localhost:3000, https://ops.example")
    for origin in ("http://localhost:3000", "https://ops.example", f"http://127.0.0.1:{gateway.port}"):
        async with connect(gateway.socket_url, proxy=None, origin=origin) as socket:  # type: ignore[arg-type]
            assert "connect" in await Raw(socket).ask(CONNECT)
    for origin in ("https://evil.example", "null", "http://localhost:3001"):
        with pytest.raises(InvalidStatus) as refused:
            await connect(gateway.socket_url, proxy=None, origin=origin)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403


async def test_above_the_limit_of_connections_a_client_is_told_to_try_again(start_gateway: StartGateway):
    gateway = await start_gateway(connections_max=1)
    async with connect(gateway.socket_url, proxy=None) as socket:
        await Raw(socket).ask(CONNECT)
        with pytest.raises(InvalidStatus) as refused:
            await connect(gateway.socket_url, proxy=None)
        assert refused.value.response.status_code == 503
        assert "Retry-After" in refused.value.response.headers
    await until(lambda: _open(gateway))


async def _carried(gateway: RunningGateway) -> bool:
    return await gateway.metric("gateway_carrier_up") == 1


async def _open(gateway: RunningGateway) -> bool:
    return await gateway.metric("gateway_connections") == 0


async def test_other_paths_take_no_sockets(gateway: RunningGateway):
    with pytest.raises(InvalidStatus) as refused:
        await connect(gateway.socket_url + "s", proxy=None)
    assert refused.value.response.status_code == 404


async def test_a_reader_that_is_too_slow_is_cut_off_and_its_memory_freed(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway(outbox_bytes_max=64 * 1024)
    async with connect(gateway.socket_url, proxy=None, max_queue=1) as socket:
        raw = Raw(socket)
        await raw.ask(CONNECT)
        await raw.ask({"id": 2, "subscribe": {"channel": "board:incident@admin"}})
        await projector.opened(1, description="x" * 50_000)
        # Nobody reads on; the kernel's buffers fill, then ours.
        socket.transport.pause_reading()
        await _write_until_closed(gateway, projector)
        socket.transport.resume_reading()
        code, reason = await raw.closed()
    assert code == 3008
    assert reason.startswith("slow")
    await until(lambda: _open(gateway))


async def _write_until_closed(gateway: RunningGateway, projector: TestProjector) -> None:
    for _ in range(40):
        for _ in range(10):
            await projector.noted(1)
        if await gateway.metric("gateway_disconnects_total"):
            return
    raise AssertionError("never closed")


async def test_a_reader_that_never_reads_again_is_cut(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway(outbox_bytes_max=64 * 1024, close_timeout_s=0.5)
    async with connect(gateway.socket_url, proxy=None, max_queue=1) as socket:
        raw = Raw(socket)
        await raw.ask(CONNECT)
        await raw.ask({"id": 2, "subscribe": {"channel": "board:incident@admin"}})
        await projector.opened(1, description="x" * 50_000)
        socket.transport.pause_reading()
        await _write_until_closed(gateway, projector)
        await until(lambda: _open(gateway), timeout_s=20)
        socket.transport.abort()


async def test_a_tags_filter_lets_pass_what_matches_and_says_gone_when_it_stops(raw: Raw, projector: TestProjector):
    await raw.ask(CONNECT)
    await raw.ask({"id": 2, "subscribe": {"channel": "board:incident@admin", "tf": {"key": "status", "cmp": "eq", "val": "open"}}})
    await projector.opened(1)
    await projector.acknowledged(1)
    await projector.noted(1)
    await projector.opened(2)
    seen = [(await raw.hear())["push"]["pub"] for _ in range(3)]
    assert [(pub["data"]["type"], pub["data"]["id"], pub["data"]["version"], pub["offset"]) for pub in seen] == [
        ("row", incident_id(1), 1, 1),
        ("gone", incident_id(1), 2, 2),
        ("row", incident_id(2), 1, 4),
    ]


async def test_a_filtered_recovery_gives_what_the_filter_would_have_given_live(raw: Raw, projector: TestProjector):
    await raw.ask(CONNECT)
    tags_filter = {"key": "status", "cmp": "eq", "val": "open"}
    first = await raw.ask({"id": 2, "subscribe": {"channel": "board:incident@admin", "tf": tags_filter}})
    await raw.ask({"id": 3, "unsubscribe": {"channel": "board:incident@admin"}})
    await projector.opened(1)
    await projector.acknowledged(1)
    await projector.noted(1)
    asked = {"channel": "board:incident@admin", "tf": tags_filter, "recover": True, "epoch": first["subscribe"]["epoch"], "offset": 0}
    answer = await raw.ask({"id": 4, "subscribe": asked})
    told = [(pub["data"]["type"], pub["offset"]) for pub in answer["subscribe"]["publications"]]
    assert answer["subscribe"]["recovered"] is True
    assert answer["subscribe"]["offset"] == 0
    assert told == [("row", 1), ("gone", 2), ("mark", 3)]


async def test_nothing_is_recovered_across_a_change_of_role(raw: Raw, gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)
    as_admin = (await gateway.get("/v1/incidents")).json()["position"]["epoch"]
    await raw.ask({"id": 1, "connect": {"data": {"role": "viewer"}}})
    asked = {"channel": "board:incident@viewer", "recover": True, "epoch": as_admin, "offset": 0}
    answer = await raw.ask({"id": 2, "subscribe": asked})
    assert answer["subscribe"]["recovered"] is False
    assert answer["subscribe"]["was_recovering"] is True


async def test_a_client_that_has_seen_more_than_this_gateway_is_believed_after_a_look_at_the_head(
    start_gateway: StartGateway, projector: TestProjector
):
    gateway = await start_gateway(feed_verify_s=60)
    async with connect(gateway.socket_url, proxy=None) as socket:
        raw = Raw(socket)
        await raw.ask(CONNECT)
        await until(lambda: _carried(gateway))
        # Both commits happen without Redis: this gateway cannot know of them yet.
        projector.carry = False
        await projector.opened(1)
        await projector.opened(2)
        position = (await gateway.get("/v1/incidents")).json()["position"]
        assert position["offset"] == 2
        answer = await raw.ask({"id": 2, "subscribe": {"channel": "board:incident@admin", "recover": True, **position}})
    assert answer["subscribe"]["recovered"] is True
    assert answer["subscribe"]["offset"] == 2
    assert answer["subscribe"]["publications"] == []


async def test_a_position_that_never_was_is_not_recovered(raw: Raw, gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)
    epoch = (await gateway.get("/v1/incidents")).json()["position"]["epoch"]
    answer = await raw.ask({"id": 1, "connect": {}})
    answer = await raw.ask({"id": 2, "subscribe": {"channel": "board:incident@admin", "recover": True, "epoch": epoch, "offset": 99}})
    assert answer["subscribe"]["recovered"] is False
    assert answer["subscribe"]["offset"] == 1


async def test_unknown_fields_are_ignored_because_sdks_add_them(raw: Raw):
    answer = await raw.ask({"id": 1, "connect": {"headers": {"x": "y"}, "flag": 1, "brand_new": [1]}, "later": {}})
    assert "connect" in answer
    answer = await raw.ask({"id": 2, "subscribe": {"channel": "board:incident@admin", "join_leave": True, "delta": "fossil", "flag": 1}})
    assert answer["subscribe"].get("delta") is None


def test_every_code_is_documented_once_and_reconnect_rules_are_centrifugos():
    for table in (codes.ERRORS, codes.DISCONNECTS, codes.UNSUBSCRIBES):
        numbers = [row.code for row in table]
        assert len(set(numbers)) == len(numbers)
        assert all(row.meaning for row in table)
    assert [row.code for row in codes.DISCONNECTS if row.reconnects] == [3001, 3004, 3008, 3012]
    assert all(row.code >= 2500 for row in codes.UNSUBSCRIBES)
