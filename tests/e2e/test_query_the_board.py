"""The page on queries does what it says, on a whole stack."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from devstack.throwaway import ThrowawayStack
from opsroom_checks.runnable import docs_block
from opsroom_common.runtime.ids import SystemIds

from .test_first_alert import environment, run

ROOT = Path(__file__).parents[2]
IDS = SystemIds()


def opened(title: str, severity: str, labels: list[str]) -> dict[str, object]:
    body = {"id": IDS.entity_id("inc"), "title": title, "source": "test", "severity": severity, "labels": labels}
    return {"id": IDS.uuid7(), "command": "incident.open", "body": body}


def send(url: str, commands: list[dict[str, object]]) -> list[dict[str, Any]]:
    """Send a batch; returns its outcomes."""
    request = Request(f"{url}/v1/commands:batch", json.dumps({"commands": commands}).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        outcomes = json.load(answer)["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == [201] * len(commands), outcomes
    return outcomes


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_board_is_queried_as_the_page_says(stack: ThrowawayStack) -> None:
    commands = [opened(f"Disk {number} full", "sev1", ["env=prod"]) for number in range(3)] + [opened("Slow", "sev3", [])]
    outcomes = await asyncio.to_thread(send, stack.command_api.url, commands)
    for outcome in outcomes:
        log = outcome["body"]["log"]
        waited = f"{stack.gateway.url}/v1/incidents?wait_for={log['partition']}:{log['offset']}"
        await asyncio.to_thread(lambda url=waited: urlopen(url, timeout=30).close())
    page = (
        docs_block(ROOT, "query-list")
        + docs_block(ROOT, "query-unchanged")
        + docs_block(ROOT, "query-facets")
        + docs_block(ROOT, "query-export")
        + docs_block(ROOT, "query-code")
    )
    ended = await asyncio.to_thread(run, page, environment(stack))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert [line.split(" ", 1)[1] for line in lines[:2]] == ["Disk 2 full", "Disk 1 full"]
    assert lines[2:5] == ["more", "304", "4"]
    assert {"severity sev1 3", "severity sev3 1", "status open 4"} <= set(lines)
    assert lines[-6] == "code,title"
    assert [line.split(",")[1] for line in lines[-5:-2]] == ["Disk 0 full", "Disk 1 full", "Disk 2 full"]
    assert lines[-2:] == ["3 rows", "incident Slow"]
