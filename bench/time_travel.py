"""The board as of a moment beside the board as it is: lists of 50 rows through HTTP, over 100,000 incidents with ten versions each.

``make bench-time-travel``. The rows are made by SQL from stories that the real code tells; the gateway is a process of its own. For every question
the moment is another one, at random, and the live list is asked the same in turn, so that both see the same machine.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import uvloop

from bench.board_history import FIRST, LASTS, OPENED_WITHIN, VERSIONS_EACH, write_board
from bench.http import Connection
from bench.report import Row, percentile, report
from devstack.ports import free_port
from devstack.postgres import Postgres
from devstack.process import ServerProcess
from devstack.redis import Redis
from devstack.throwaway import RunningService
from opsroom_common.postgres.pool import Pool
from opsroom_domain.times import rfc3339

ENTITIES = int(os.environ.get("ENTITIES", "100000"))
ROUNDS = 100
WARM_UP = 10
P95_MS_MAX = 150.0
LISTS: Mapping[str, Mapping[str, Any]] = {
    "newest change first": {},
    "live ones": {"live": "true"},
    "two severities": {"severity": ["sev1", "sev2"]},
    "of a busy person": {"assignee": "usr_000"},
    "of a person with little": {"assignee": "usr_150"},
    "of nobody": {"assignee": "none"},
    "with a rare label": {"label": "service=s17"},
    "live, grave, of one person, in production": {"live": "true", "severity": "sev1", "assignee": "usr_010", "label": "env=prod"},
    "with a label that nobody has": {"label": "none=such"},
    "by title, with a rare label": {"label": "service=s17", "sort": "title"},
}
CHANCE = random.Random(7)


def moment() -> str:
    """Any moment at which every incident was there."""
    return rfc3339(FIRST + OPENED_WITHIN + CHANCE.random() * (LASTS - OPENED_WITHIN))


async def timed(connection: Connection, path: str) -> tuple[float, Any]:
    """Milliseconds until the whole answer was there, and the answer."""
    began = time.perf_counter()
    answer = await connection.get(path)
    took = (time.perf_counter() - began) * 1000
    assert answer.status == 200, (path, answer.body)
    return took, orjson.loads(answer.body)


async def compare(connection: Connection, name: str, asked: Mapping[str, Any]) -> Row:
    """One list as of moments, beside the live one."""
    query = urlencode(asked, doseq=True)
    past, live = list[float](), list[float]()
    for number in range(ROUNDS + WARM_UP):
        then, page = await timed(connection, f"/v1/incidents?as_of={quote(moment())}&{query}")
        now, _ = await timed(connection, f"/v1/incidents?{query}")
        assert page["past"]["complete"], page["past"]
        if number >= WARM_UP:
            past.append(then)
            live.append(now)
    print(
        f"{name:45s} as of: p50 {percentile(past, 0.5):7.1f}  p95 {percentile(past, 0.95):7.1f}   live: p95 {percentile(live, 0.95):7.1f} ms",
        flush=True,
    )
    row = Row(f"list as of T: {name}, p95", "ms", percentile(past, 0.95), percentile(live, 0.95), "live list")
    return row.judged(f"<= {P95_MS_MAX:.0f} ms", ok=row.ours <= P95_MS_MAX)


async def others(connection: Connection) -> list[Row]:
    """Details, histories and activity: no aim of their own."""
    _, page = await timed(connection, "/v1/incidents?limit=200")
    ids = [row["id"] for row in page["items"]]
    questions: Mapping[str, Callable[[], str]] = {
        "one incident as of T": lambda: f"/v1/incidents/{CHANCE.choice(ids)}?as_of={quote(moment())}",
        "its history with diffs": lambda: f"/v1/incidents/{CHANCE.choice(ids)}/history",
        "activity before T": lambda: f"/v1/activity?to={quote(moment())}",
        "activity of one actor before T": lambda: f"/v1/activity?actor=usr_150&to={quote(moment())}",
        "activity of one rare type before T": lambda: f"/v1/activity?type=opsroom.incident.reopened&to={quote(moment())}",
        "activity of two actors and a kind before T": lambda: (
            f"/v1/activity?actor=usr_150&actor=usr_003&kind=incident&to={quote(moment())}"
        ),
    }
    rows: list[Row] = []
    for name, path in questions.items():
        times = [(await timed(connection, path()))[0] for _ in range(ROUNDS + WARM_UP)][WARM_UP:]
        rows.append(Row(f"{name}, p95", "ms", percentile(times, 0.95)))
    return rows


async def sizes(pool: Pool) -> list[Row]:
    """What a version takes, and what of it is for lists as of a moment and for activity."""
    versions = ENTITIES * VERSIONS_EACH
    found = await pool.fetch(
        "SELECT relname::text AS name, pg_relation_size(oid) AS bytes FROM pg_class WHERE relnamespace = 'read_v1'::regnamespace"
    )
    size = {row["name"]: row["bytes"] / versions for row in found}
    own = await pool.fetch("SELECT avg(pg_column_size(terms)) AS bytes FROM read_v1.entity_versions TABLESAMPLE SYSTEM (1)")
    return [
        Row("a version's row", "B", size["entity_versions"]),
        Row("of it: terms", "B", float(own[0]["bytes"])),
        Row("its indexes for lists as of T", "B", size["entity_versions_newest"] + size["entity_versions_terms"]),
        Row("an event's indexes for activity", "B", size["timeline_newest"] + size["timeline_actor"] + size["timeline_type"]),
    ]


async def measure(postgres: Postgres, redis: Redis, folder: Path) -> list[Row]:
    """Everything, on servers that run."""
    began = time.perf_counter()
    pool = await Pool.open(postgres.dsn, name="bench", statement_timeout_s=280)
    await write_board(pool, ENTITIES)
    print(f"{ENTITIES} incidents with {VERSIONS_EACH} versions each: made in {time.perf_counter() - began:.0f} s", flush=True)
    port = free_port()
    env = {
        "OPSROOM_POSTGRES": postgres.dsn,
        "OPSROOM_REDIS": redis.url,
        "OPSROOM_DEV_IDENTITY": "usr_bench:admin",
        "OPSROOM_GATEWAY_PORT": str(port),
    }
    gateway = RunningService("gateway-ws", "gateway-ws", port, ServerProcess("gateway-ws", folder / "gateway.log"), {**os.environ, **env})
    gateway.start()
    try:
        connection = await Connection.open("127.0.0.1", port)
        rows = [await compare(connection, name, asked) for name, asked in LISTS.items()]
        rows += await others(connection)
        connection.close()
    finally:
        gateway.stop()
    rows += await sizes(pool)
    await pool.close()
    return rows


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postgres, redis = Postgres(folder / "postgres", durable=False), Redis(folder / "redis")
        postgres.start()
        try:
            redis.start()
            rows = uvloop.run(measure(postgres, redis, folder))
        finally:
            redis.stop()
            postgres.stop()
    report("time-travel", rows)


if __name__ == "__main__":
    main()
