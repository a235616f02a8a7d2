"""A projection is rebuilt and switched while people work: no request fails, and every board is right afterwards. The commands are the how-to's."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.projector.tests.log_book import LogBook

from devstack.throwaway import ThrowawayStack
from opsroom_checks.runnable import docs_block
from opsroom_common.contracts.topics import EVENTS, load_topics
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import RawRecord
from opsroom_common.postgres.pool import Pool
from opsroom_common.runtime.ids import SystemIds
from projector.verify import differences

from .screen import Screen
from .test_first_alert import environment, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
IDS = SystemIds()
INCIDENTS, WRITERS, READERS, SCREENS = 42, 3, 3, 4
"""Each writer opens and writes its own: the number of incidents is a multiple of that of the writers."""


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[ThrowawayStack]:
    with ThrowawayStack(tmp_path / "stack", services=("projector", "command-api", "gateway-ws")) as running:
        yield running


@dataclass
class Load:
    """People at work. Nobody repeats a request: one that fails is a finding."""

    stack: ThrowawayStack
    names: list[str] = field(default_factory=lambda: [IDS.entity_id("inc") for _ in range(INCIDENTS)])
    writes: int = 0
    reads: int = 0
    failures: list[str] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def write(self, number: int) -> None:
        async with httpx.AsyncClient(base_url=self.stack.command_api.url, timeout=20) as http:
            for turn in range(number, 1_000_000, WRITERS):
                name = self.names[turn % INCIDENTS]
                if turn < INCIDENTS:
                    answer = await http.post("/v1/incidents", json={"id": name, "title": f"incident {turn}"}, headers=self.key())
                else:
                    answer = await http.post(f"/v1/incidents/{name}/notes", json={"text": f"note {turn}"}, headers=self.key())
                self.writes += self.judged(answer)

    async def read(self) -> None:
        """Also one's own writes: what a command was told is in the rows, whichever projection they are of."""
        async with (
            httpx.AsyncClient(base_url=self.stack.gateway.url, timeout=20) as http,
            httpx.AsyncClient(base_url=self.stack.command_api.url, timeout=20) as commands,
        ):
            while True:
                self.reads += self.judged(await http.get("/v1/incidents", params={"limit": "200"}))
                for name in self.names[::10]:
                    answer = await commands.post(f"/v1/incidents/{name}/notes", json={"text": "mine"}, headers=self.key())
                    if answer.status_code == httpx.codes.NOT_FOUND:
                        continue
                    self.writes += self.judged(answer)
                    told = answer.json()
                    place = f"{told['log']['partition']}:{told['log']['offset']}"
                    row = await http.get(f"/v1/incidents/{name}", params={"wait_for": place})
                    self.reads += self.judged(row)
                    if row.is_success and row.json()["version"] < told["version"]:
                        self.failures.append(f"{name}: version {told['version']} was acknowledged, {row.json()['version']} is shown")
                    self.reads += self.judged(await http.get(f"/v1/incidents/{name}/timeline"))

    def judged(self, answer: httpx.Response) -> int:
        if not answer.is_success:
            self.failures.append(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
        return 1

    @staticmethod
    def key() -> dict[str, str]:
        return {"Idempotency-Key": IDS.uuid7()}

    def has_done(self, reads: int, writes: int) -> Callable[[], bool]:
        """Whether so much more was done since now. Raises what ended somebody's work."""
        wanted = self.reads + reads, self.writes + writes

        def holds() -> bool:
            for task in self.tasks:
                assert not task.done(), task.result()
            return self.reads >= wanted[0] and self.writes >= wanted[1]

        return holds

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.tasks = [asyncio.create_task(self.write(number)) for number in range(WRITERS)]
        self.tasks += [asyncio.create_task(self.read()) for _ in range(READERS)]
        try:
            yield
            assert self.has_done(0, 0)()
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)


async def told(stack: ThrowawayStack, lines: str, code: int = 0) -> str:
    ended = await asyncio.to_thread(run, lines, environment(stack))
    assert ended.returncode == code, ended.stdout + ended.stderr
    print(ended.stdout)
    return ended.stdout


async def test_switched_under_load_with_no_failed_request(own_stack: ThrowawayStack, until: Callable[..., Awaitable[None]]) -> None:
    load = Load(own_stack)
    screens = [Screen(own_stack.gateway.url) for _ in range(SCREENS)]
    pool = await Pool.open(own_stack.servers.postgres.dsn, name="test")
    log = KafkaEventLog(own_stack.servers.kafka.bootstrap, load_topics()[EVENTS].partitions)
    try:
        for screen in screens:
            await screen.open()
        async with load.running():
            await until(load.has_done(20, 200))
            assert "read_v2 is ready" in await told(own_stack, docs_block(ROOT, "rebuild-build"))
            assert "is sound" in await told(own_stack, docs_block(ROOT, "rebuild-compare"))
            # Statements that are prepared now meet wider tables after the switch.
            await pool.execute("ALTER TABLE read_v2.timeline ADD COLUMN later text; ALTER TABLE read_v2.entities ADD COLUMN later text")
            assert "read_v2 is live, read_v1 is old" in await told(own_stack, docs_block(ROOT, "rebuild-switch"))
            await until(load.has_done(50, 50))
            await until(lambda: all(screen.snapshots == 2 for screen in screens))
            assert "read_v2" in await told(own_stack, docs_block(ROOT, "rebuild-list"))
            assert await pool.fetch("SELECT later FROM read.entities LIMIT 1")
            assert "read_v1 is live, read_v2 is old" in await told(own_stack, docs_block(ROOT, "rebuild-back"))
            await until(load.has_done(50, 50))
            await until(lambda: all(screen.snapshots == 3 for screen in screens))
            assert "read_v2 is dropped" in await told(own_stack, docs_block(ROOT, "rebuild-drop"))
        assert load.failures == []
        await until_current(log, pool)
        assert await differences(log, pool) == []
        async with httpx.AsyncClient(base_url=own_stack.gateway.url) as http:
            rows = {row["id"]: row for row in (await http.get("/v1/incidents", params={"limit": "200"})).json()["items"]}
        assert set(rows) == set(load.names)
        for screen in screens:
            await until(lambda screen=screen: screen.rows == rows)
    finally:
        for screen in screens:
            await screen.close()
        await log.close()
        await pool.close()


async def until_current(log: KafkaEventLog, pool: Pool) -> None:
    async with asyncio.timeout(30):
        while True:
            stands = {row["partition"]: row["offset"] for row in await pool.fetch('SELECT partition, "offset" FROM read.checkpoints')}
            if all([stands.get(p, 0) >= await log.end_offset(p) for p in range(log.partitions)]):
                return
            await asyncio.sleep(0.05)


class Builder:
    """``opsctl projections build`` as a process of its own, which says what it does."""

    def __init__(self, stack: ThrowawayStack) -> None:
        script = Path(sys.executable).parent / "opsctl"
        self._process = subprocess.Popen(
            [script, "projections", "build", "--json"], env=environment(stack), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def until(self, done: Callable[[dict[str, Any]], bool]) -> bool:
        """Whether it came so far; False if it ended before."""
        assert self._process.stdout is not None
        return any(done(json.loads(line)) for line in self._process.stdout)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> tuple[int, str]:
        _, error = self._process.communicate(timeout=80)
        return self._process.returncode, error


def says(words: str) -> Callable[[dict[str, Any]], bool]:
    return lambda progress: progress["doing"].startswith(words)


async def test_a_builder_that_is_killed_goes_on_when_it_is_started_again(own_stack: ThrowawayStack) -> None:
    log = KafkaEventLog(own_stack.servers.kafka.bootstrap, load_topics()[EVENTS].partitions)
    pool = await Pool.open(own_stack.servers.postgres.dsn, name="test")
    book = LogBook(partitions=log.partitions)
    for _ in range(600):
        book.random_step()
    await asyncio.to_thread(own_stack.command_api.stop)
    try:
        session = await log.session()
        for partition in range(log.partitions):
            records = book.log.records(partition)
            raws = [RawRecord(record.key, record.value or b"", record.headers, record.timestamp_ms) for record in records]
            await session.append(partition, raws)
        await session.close()
        await until_current(log, pool)
        for where in ("loads", "writes the versions", "makes index 2", "analyses"):
            builder = Builder(own_stack)
            assert await asyncio.to_thread(builder.until, says(where)), f"it ended before it came to {where!r}"
            builder.kill()
            assert await differences(log, pool) == []
            left = await pool.fetch("SELECT name, state FROM feed.projections ORDER BY name")
            assert [tuple(row.values()) for row in left] == [("read_v1", "live"), ("read_v2", "building")]
        one, other = Builder(own_stack), Builder(own_stack)
        ends = sorted([await asyncio.to_thread(one.end), await asyncio.to_thread(other.end)])
        assert ends[0][0] == 0, ends
        assert ends[1][0] == 0 or "works on read_v2" in ends[1][1], "the second one is told, or came when the first one was done"
        assert "is sound" in await told(own_stack, docs_block(ROOT, "rebuild-compare"))
        assert await differences(log, pool, schema="read_v2") == []
        await asyncio.to_thread(own_stack.projector.kill)
        assert "read_v2 is live" in await told(own_stack, docs_block(ROOT, "rebuild-switch"))
        await asyncio.to_thread(own_stack.projector.start)
        assert await differences(log, pool) == []
    finally:
        await log.close()
        await pool.close()
