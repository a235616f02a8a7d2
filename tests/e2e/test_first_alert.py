"""The tutorial, without a person: a real Prometheus and Alertmanager, one incident on the socket, and nothing twice."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from devstack.ports import free_port
from devstack.throwaway import ThrowawayStack
from opsroom_checks.runnable import docs_block
from opsroom_common.contracts.envelope import DomainRecord
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.kafka import KafkaEventLog

from .metrics import total
from .test_crashes import valid_events

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"(inc_[0-9a-z]{26}), version (\d+): ([\d.]+) ms from webhook to socket")


@pytest.fixture(scope="module", autouse=True)
def _debian_programs() -> None:
    """Demanded, not skipped: without them the product's main job is not tested."""
    missing = [name for name in ("prometheus", "prometheus-alertmanager") if shutil.which(name) is None]
    assert not missing, f"{', '.join(missing)}: run make system"


def environment(stack: ThrowawayStack) -> dict[str, str]:
    """As a reader's shell beside this stack."""
    ports = {"OPSROOM_COMMAND_API_PORT": str(stack.command_api.port), "OPSROOM_GATEWAY_PORT": str(stack.gateway.port)}
    return {**os.environ, **stack.servers.addresses.environment(), **ports}


def run(commands: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
        stdin=subprocess.DEVNULL,
    )


async def incident_events(stack: ThrowawayStack) -> list[DomainRecord]:
    log = KafkaEventLog(stack.servers.kafka.bootstrap, load_topics()[EVENTS].partitions)
    try:
        return [event for event in await valid_events(log) if event.kind == "incident"]
    finally:
        await log.close()


async def handled(stack: ThrowawayStack) -> bool:
    """Whether every signal that was taken in has been folded."""
    api = stack.command_api.url
    return await total(api, "opsroom_signals_handled_total") == await total(api, "opsroom_signals_taken_total")


@dataclass(frozen=True, slots=True)
class Told:
    """A whole run of the tutorial's script, and the webhooks' bodies."""

    ended: subprocess.CompletedProcess[str]
    webhooks: list[bytes]

    def incident(self) -> str:
        return NAMED.findall(self.ended.stdout)[0][0]


@pytest.fixture(scope="module")
def told(stack: ThrowawayStack, tmp_path_factory: pytest.TempPathFactory) -> Told:
    bodies = tmp_path_factory.mktemp("tutorial") / "webhooks.jsonl"
    ended = run(f"{docs_block(ROOT, 'first-alert').strip()} --record {bodies}", environment(stack))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return Told(ended, bodies.read_bytes().splitlines())


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_real_alert_becomes_one_incident_on_the_socket_and_a_repeated_webhook_changes_nothing(
    stack: ThrowawayStack, told: Told
) -> None:
    opened, resolved = NAMED.findall(told.ended.stdout)
    assert "SEV1 open: ShopDown" in told.ended.stdout
    assert "Resolved automatically" in told.ended.stdout
    assert (opened[0], opened[1], resolved[1]) == (resolved[0], "2", "4")
    assert all(0 < float(ms) < 60_000 for *_, ms in (opened, resolved))

    before = await incident_events(stack)
    whole = [(opened[0], what) for what in ("opened", "signal_attached", "signal_attached", "resolved")]
    assert [(e.entity_id, e.envelope.type.rpartition(".")[2]) for e in before if e.envelope.actor == "svc_signals"] == whole
    assert {status for body in told.webhooks for status in re.findall(rb'"status":"(\w+)"', body)} == {b"firing", b"resolved"}
    async with httpx.AsyncClient(base_url=stack.command_api.url, timeout=20) as http:
        for body in [*told.webhooks, *reversed(told.webhooks)]:
            answer = await http.post("/v1/signals/alertmanager", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 202, answer.text
    async with asyncio.timeout(30):
        while not await handled(stack):
            await asyncio.sleep(0.05)
    assert await incident_events(stack) == before


@pytest.mark.slow
async def test_the_tutorial_goes_on_as_it_says(stack: ThrowawayStack, told: Told) -> None:
    names = docs_block(ROOT, "first-alert-names")
    env = environment(stack)
    commands = names + docs_block(ROOT, "first-alert-commands") + docs_block(ROOT, "first-alert-again")
    first, *answers = (await asyncio.to_thread(run, commands, env)).stdout.splitlines()
    assert first == told.incident()
    assert [(json.loads(each)["version"], json.loads(each)["replayed"]) for each in answers] == [(5, False), (6, False), (6, True)]

    async with asyncio.timeout(30), httpx.AsyncClient(base_url=stack.gateway.url) as http:
        while (await http.get(f"/v1/incidents/{first}")).json()["version"] < 6:
            await asyncio.sleep(0.05)
    timeline = (await asyncio.to_thread(run, names + docs_block(ROOT, "first-alert-timeline"), env)).stdout.splitlines()[1:]
    assert [line.split()[0] for line in timeline] == list("123456")
    assert timeline[4].endswith("usr_dev Reopened: It came back too quickly to be trusted.")
    assert timeline[5].endswith("usr_dev Acknowledged")

    log = await asyncio.to_thread(run, names + docs_block(ROOT, "first-alert-log"), env)
    assert log.returncode == 0, log.stdout + log.stderr
    assert all(word in log.stdout for word in ("opened", "resolved", "reopened", "acknowledged"))
    past = await asyncio.to_thread(run, names + docs_block(ROOT, "first-alert-past"), env)
    assert past.returncode == 0, past.stdout + past.stderr
    assert "resolved" in past.stdout


def test_without_a_running_stack_the_tutorial_says_what_to_start(stack: ThrowawayStack) -> None:
    told = run(docs_block(ROOT, "first-alert"), {**environment(stack), "OPSROOM_COMMAND_API_PORT": str(free_port())})
    assert told.returncode == 1
    assert len(told.stderr.strip().splitlines()) == 1
    assert "make up" in told.stderr


def test_an_interrupted_tutorial_leaves_nothing_running(stack: ThrowawayStack) -> None:
    program = [sys.executable, str(ROOT / "docs" / "tutorial" / "first_alert.py")]
    with subprocess.Popen(program, env=environment(stack), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        while "a real Prometheus runs" not in child.stdout.readline():
            assert child.poll() is None, child.communicate()
        started = psutil.Process(child.pid).children(recursive=True)
        assert len(started) == 3
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
    assert child.returncode == 130, said
    assert psutil.wait_procs(started, timeout=10)[1] == []
