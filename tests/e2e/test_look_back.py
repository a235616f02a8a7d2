"""The page about the past says what is so: its commands are run as they stand there, on a board with something on it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from devstack.throwaway import ThrowawayStack
from opsroom_checks.runnable import docs_block
from opsroom_common.runtime.ids import SystemIds

from .test_first_alert import environment, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
IDS = SystemIds()
BLOCKS = {
    "history": docs_block(ROOT, "look-back-history"),
    "one": docs_block(ROOT, "look-back-one"),
    # The moment of the block before is asked for again.
    "board": docs_block(ROOT, "look-back-one") + "echo --\n" + docs_block(ROOT, "look-back-board"),
    "activity": docs_block(ROOT, "look-back-activity"),
}


async def work(stack: ThrowawayStack) -> None:
    """An incident is opened, acknowledged and resolved, and the rows are there."""
    name = IDS.entity_id("inc")
    commands = (
        ("", {"id": name, "title": "Disk full"}),
        (f"/{name}/acknowledge", {}),
        (f"/{name}/resolve", {"resolution": "Space freed."}),
    )
    log: dict[str, int] = {}
    async with httpx.AsyncClient(base_url=stack.command_api.url, timeout=20) as http:
        for path, body in commands:
            answer = await http.post(f"/v1/incidents{path}", json=body, headers={"Idempotency-Key": IDS.uuid7()})
            assert answer.is_success, answer.text
            log = answer.json()["log"]
    async with httpx.AsyncClient(base_url=stack.gateway.url, timeout=20) as http:
        answer = await http.get(f"/v1/incidents/{name}", params={"wait_for": f"{log['partition']}:{log['offset']}"})
        assert answer.json()["item"]["status"] == "resolved"


async def test_the_commands_of_the_page_show_the_past(stack: ThrowawayStack) -> None:
    await work(stack)
    names = docs_block(ROOT, "look-back-names")
    said: dict[str, list[str]] = {}
    for block, commands in BLOCKS.items():
        ended = await asyncio.to_thread(run, f"{names}\n{commands}", environment(stack))
        assert ended.returncode == 0, ended.stderr
        said[block] = ended.stdout.rpartition("--\n")[2].splitlines()
    history = said["history"]
    assert [line.split()[0] for line in history] == ["1", "2", "3"]
    assert "/status" in history[1]
    assert said["one"][0].startswith("open ")
    assert said["one"][1].split()[0] == "1"
    assert said["board"][0].startswith("0 "), "two minutes ago there was nothing"
    assert said["board"][1].split()[0] == "1"
    assert said["board"][2].startswith("id,")
    assert len(said["activity"]) == 4
    assert said["activity"][3].split()[0] == "1"
