"""Batches as callers send them, and short names for their parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from command_api.api.batch import PATH

from ..house import House, Json


def item(room: House, command: str, body: Json, entity: str | None = None, *, key: str | None = None) -> Json:
    """One command with a new id, or with ``key``."""
    named = {} if entity is None else {"entity": entity}
    return {"id": key or room.ids.uuid7(), "command": f"incident.{command}", "body": body} | named


def opening(room: House, incident_id: str | None = None, **more: Any) -> Json:
    return item(room, "open", {"id": incident_id or room.ids.entity_id("inc"), "title": "Disk full"} | more)


def note(room: House, entity: str, text: str = "Looking.") -> Json:
    return item(room, "add_note", {"text": text}, entity)


async def send(room: House, commands: Sequence[object], **headers: str) -> httpx.Response:
    return await room.http.post(PATH, json={"commands": commands}, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def outcomes(room: House, commands: Sequence[object], **headers: str) -> list[Json]:
    """What became of each; fails unless the batch was taken, and answered in its order."""
    answer = await send(room, commands, **headers)
    assert answer.status_code == 200, answer.text
    told: list[Json] = answer.json()["outcomes"]
    assert len(told) == len(commands)
    for sent, outcome in zip(commands, told, strict=True):
        if isinstance(sent, dict) and isinstance(sent.get("id"), str) and len(sent["id"]) <= 64:
            assert outcome["id"] == sent["id"]
    return told


def statuses(told: Sequence[Json]) -> list[int]:
    return [outcome["status"] for outcome in told]


def codes(told: Sequence[Json]) -> list[str]:
    return [outcome["body"].get("code", "ok") for outcome in told]
