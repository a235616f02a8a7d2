"""A whole product with some incidents in it, and opsctl as a process beside it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from devstack.throwaway import ThrowawayStack
from opsctl.main import perform
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import RawRecord
from opsroom_common.runtime.ids import SystemIds

ATTEMPTS_MAX = 100
SCRIPT = str(Path(sys.executable).parent / "opsctl")


@dataclass(frozen=True)
class Said:
    """What one run of opsctl said."""

    code: int
    out: str
    error: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Room:
    """The running product. ``opsctl`` runs a command line against it, in this process: what a process adds is in test_command_line."""

    stack: ThrowawayStack
    ids: SystemIds = field(default_factory=SystemIds)

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, **self.stack.env, "COLUMNS": "200"}

    def opsctl(self, *arguments: str, **change: str) -> Said:
        out, error = io.StringIO(), io.StringIO()
        with mock.patch.dict(os.environ, {**self.env, **change}), redirect_stdout(out), redirect_stderr(error):
            code = perform(list(arguments))
        return Said(code, out.getvalue(), error.getvalue())

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Post a command, and again with the same id while it is told 503, as every client does."""
        answer = httpx.Response(httpx.codes.SERVICE_UNAVAILABLE)
        command_id = self.ids.uuid7()
        for _ in range(ATTEMPTS_MAX):
            answer = httpx.post(f"{self.stack.command_api.url}{path}", json=body, headers={"Idempotency-Key": command_id}, timeout=20)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.1)  # as Retry-After asks every client to
        assert answer.is_success, answer.text
        return answer.json()

    def incident(self, title: str = "Disk full", notes: int = 1) -> str:
        """Open and acknowledge one; its version is 2 and the number of notes."""
        entity = self.ids.entity_id("inc")
        self.post("/v1/incidents", {"id": entity, "title": title, "severity": "sev2"})
        self.post(f"/v1/incidents/{entity}/acknowledge", {})
        for number in range(notes):
            self.post(f"/v1/incidents/{entity}/notes", {"text": f"looking {number}"})
        return entity

    def land(self, entity: str, *records: RawRecord) -> None:
        """Append past command-api, as a zombie or a vandal would."""

        async def append() -> None:
            log = KafkaEventLog(self.stack.servers.kafka.bootstrap, load_topics()[EVENTS].partitions)
            session = await log.session()
            try:
                await session.append(log.partition_of(entity), records)
            finally:
                await session.close()
                await log.close()

        asyncio.run(append())

    def raw(self, entity: str) -> list[dict[str, Any]]:
        """All records of the entity's partition, as --json shows them."""
        place = self.opsctl("events", "--entity", entity, "--limit", "1", "--json").objects[0]["partition"]
        return self.opsctl("events", "--all", "--json", "--partition", str(place)).objects


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with ThrowawayStack(Path(tmp_path_factory.mktemp("room")), services=("projector", "command-api")) as stack:
        yield Room(stack)
