"""What clients are generated from is what is sent: OpenAPI as committed, AsyncAPI against frames from a live socket."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import orjson
import pytest
import yaml
from gateway_harness import StartGateway, TestProjector, incident_id
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from websockets.asyncio.client import connect

from gateway_ws.live import codes
from gateway_ws.live.channels import channels_of
from gateway_ws.openapi import write
from gateway_ws.permissions import ROLES

SCHEMAS = Path(__file__).parents[3] / "schemas"


def test_the_committed_openapi_description_is_the_present_one(tmp_path: Path):
    write(tmp_path / "now.json")
    committed = (SCHEMAS / "openapi" / "gateway-ws.json").read_text()
    assert (tmp_path / "now.json").read_text() == committed, "run python -m gateway_ws.openapi and look at the difference"


@pytest.fixture(scope="module")
def asyncapi() -> dict:
    return yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text())


@pytest.fixture(scope="module")
def validators(asyncapi: dict):
    openapi = orjson.loads((SCHEMAS / "openapi" / "gateway-ws.json").read_bytes())
    registry = Registry().with_resources(
        [
            ("https://opsroom.test/schemas/asyncapi.yaml", Resource(asyncapi, DRAFT202012)),
            ("https://opsroom.test/schemas/openapi/gateway-ws.json", Resource(openapi, DRAFT202012)),
        ]
    )

    def validator(name: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": f"https://opsroom.test/schemas/asyncapi.yaml#/components/schemas/{name}"}, registry=registry)

    return validator


def test_its_codes_and_channels_are_ours(asyncapi: dict):
    schemas = asyncapi["components"]["schemas"]
    assert schemas["ErrorReply"]["properties"]["error"]["properties"]["code"]["enum"] == [error.code for error in codes.ERRORS]
    assert asyncapi["components"]["parameters"]["role"]["enum"] == sorted(role.value for role in ROLES)
    addresses = {channel["address"] for channel in asyncapi["channels"].values()}
    ours = {name.replace("x", "{id}").replace("@admin", "@{role}") for name in channels_of("incident", "x") if name.endswith("@admin")}
    assert ours <= addresses


async def test_every_frame_of_a_live_socket_fits_the_description(start_gateway: StartGateway, projector: TestProjector, validators):
    gateway = await start_gateway(ping_interval_s=0.3)
    filtered = {"channel": "board:incident@admin", "tf": {"key": "status", "cmp": "eq", "val": "open"}}
    said: list[dict] = [
        {"id": 1, "connect": {"name": "test", "data": {"role": "admin"}}},
        {"id": 2, "subscribe": filtered},
        {"id": 3, "subscribe": {"channel": f"entity:{incident_id(1)}@admin", "recover": True, "epoch": "x", "offset": 0}},
        {"id": 4, "subscribe": {"channel": "nothing"}},
        {"id": 5, "ping": {}},
        {"id": 6, "unsubscribe": {"channel": f"entity:{incident_id(1)}@admin"}},
        {},
    ]
    for command in said:
        validators("Command").validate(command)
    heard: list[dict] = []
    async with connect(gateway.socket_url, proxy=None) as socket:

        async def hear_until(kind: str) -> None:
            while Counter(_kinds(frame) for frame in heard)[kind] == 0:
                text = str(await socket.recv())
                heard.extend(json.loads(line) for line in text.split("\n"))

        await socket.send("\n".join(json.dumps(command) for command in said))
        await hear_until("unsubscribe")
        position = (await gateway.get("/v1/incidents")).json()["position"]
        await projector.opened(1, labels=("a",))
        await projector.acknowledged(1)
        for kind in ("row", "gone", "mark"):
            await hear_until(kind)
        asked = {"channel": f"entity:{incident_id(1)}@admin", "recover": True, **position}
        await socket.send(json.dumps({"id": 7, "subscribe": asked}))
        await hear_until("recovered")
        await projector.new_epoch()
        await hear_until("unsubscribed")
    for frame in heard:
        validators("Answer").validate(frame)


def _kinds(frame: dict) -> str:
    push = frame.get("push", {})
    if "pub" in push:
        return push["pub"]["data"]["type"]
    if "unsubscribe" in push:
        return "unsubscribed"
    if frame.get("subscribe", {}).get("recovered"):
        return "recovered"
    return next((name for name in ("unsubscribe", "subscribe", "error", "connect", "ping") if name in frame), "server ping")


def test_the_description_can_say_no(validators):
    for wrong in ({"push": {"channel": "x", "pub": {"data": {"type": "row"}, "offset": 1}}}, {"id": 0, "ping": {}}, {"surprise": 1}):
        with pytest.raises(ValidationError):
            validators("Answer").validate(wrong)
