"""Lists of 50 rows out of a million incidents, over HTTP: each order, filters common and rare, words, counts.

``make bench-queries``. Postgres makes the rows itself; the gateway runs as a process of its own; one client asks, one question at a time. Each question
is asked in rounds, all questions in turn, so that all of them meet the same machine; a figure is the median of the rounds' figures.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import orjson
import uvloop

from bench.board import fill
from bench.http import Connection
from bench.report import Row, percentile, report
from devstack.ports import HOST, free_port
from devstack.postgres import Postgres
from devstack.process import ServerProcess
from devstack.redis import Redis
from devstack.table import DEVELOPER
from devstack.throwaway import RunningService

ROWS = int(os.environ.get("ROWS", "1000000"))
ROUNDS = 7
ROUNDS_MIN = 3
MEASURE_S_MAX = 150.0
"""No further round begins after it: on a busy machine there are fewer."""
ASKED = 12
"""Times that a round asks each question."""
P95_MS_MAX = 25.0
DEEP_PAGES = 20
QUESTIONS: Mapping[str, str] = {
    "newest": "",
    "one status": "status=open",
    "the last status": "status=resolved",
    "two statuses": "status=open&status=acknowledged",
    "live": "live=true",
    "not live": "live=false",
    "a severity": "severity=sev1",
    "an assignee": "assignee=usr_3",
    "nobody assigned": "assignee=none",
    "a team": "team=team-3",
    "a label of 40 %": "label=env%3Dprod",
    "a label of 1 %": "label=tier%3Dgold",
    "a label of 0.1 %": "label=service%3D77",
    "a rare label": "label=customer%3Drare",
    "two filters": "status=open&severity=sev1",
    "two filters, rare": "label=tier%3Dgold&severity=sev1",
    "two that exclude each other": "label=legacy&live=true",
    "changed in one week": "updated_after=2026-05-01T00:00:00Z&updated_before=2026-05-08T00:00:00Z",
    "oldest change": "sort=updated",
    "by creation": "sort=-created",
    "by rank": "sort=rank",
    "by title": "sort=title",
    "by rank, a label of 1 %": "sort=rank&label=tier%3Dgold",
    "a rare word": "q=zookeeper",
    "a common word": "q=latency",
    "a rare and a common word": "q=" + quote("certificate node-3061"),
    "a word with a filter": "q=zookeeper&label=env%3Dprod",
}
FACETS: Mapping[str, str] = {
    "facets: status, severity": "facet=status&facet=severity",
    "facets of a label of 1 %": "facet=status&facet=severity&facet=assignee&label=tier%3Dgold",
}


async def timed(connection: Connection, path: str) -> float:
    """Milliseconds of one question. Every answer has to be 200."""
    began = time.perf_counter()
    answer = await connection.get(path)
    took = (time.perf_counter() - began) * 1000
    assert answer.status == 200, (path, answer)
    return took


async def deep_page(connection: Connection) -> str:
    """The address of a page deep in the list of the newest."""
    path = "/v1/incidents?limit=200"
    for _ in range(DEEP_PAGES):
        answer = await connection.get(path)
        path = f"/v1/incidents?limit=200&cursor={orjson.loads(answer.body)['next']}"
    return path.replace("limit=200", "limit=50")


async def measure(port: int) -> dict[str, tuple[float, float]]:
    """p50 and p95 of each question."""
    connection = await Connection.open(HOST, port)
    paths = {name: f"/v1/incidents?{query}" for name, query in QUESTIONS.items()}
    paths |= {name: f"/v1/incidents/facets?{query}" for name, query in FACETS.items()}
    paths[f"page {DEEP_PAGES * 4 + 1} of the newest"] = await deep_page(connection)
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in paths}
    for path in paths.values():
        await timed(connection, path)
    began = time.perf_counter()
    for number in range(ROUNDS):
        if number >= ROUNDS_MIN and time.perf_counter() - began > MEASURE_S_MAX:
            break
        for name, path in paths.items():
            times = [await timed(connection, path) for _ in range(ASKED)]
            rounds[name].append((percentile(times, 0.5), percentile(times, 0.95)))
    connection.close()
    return {name: (statistics.median(p50 for p50, _ in both), statistics.median(p95 for _, p95 in both)) for name, both in rounds.items()}


def rows_of(figures: Mapping[str, tuple[float, float]]) -> list[Row]:
    """The table. Lists have an aim; counts are told beside them."""
    rows: list[Row] = []
    for name, (p50, p95) in figures.items():
        rows.append(Row(f"{name}, p50", "ms", p50))
        row = Row(f"{name}, p95", "ms", p95)
        rows.append(row if name in FACETS else row.judged(f"<= {P95_MS_MAX:.0f}", ok=p95 <= P95_MS_MAX))
    return rows


def main() -> None:
    """Make the board, ask, print."""
    with tempfile.TemporaryDirectory(prefix="bench-queries-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres, redis = Postgres(folder / "postgres", durable=False), Redis(folder / "redis")
        port = free_port()
        env = {"OPSROOM_DEV_IDENTITY": DEVELOPER, "OPSROOM_GATEWAY_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        gateway = RunningService("gateway-ws", "gateway-ws", port, ServerProcess("gateway-ws", folder / "gateway-ws.log"), env)
        try:
            postgres.start()
            redis.start()
            began = time.perf_counter()
            uvloop.run(fill(postgres.dsn, {"incident": ROWS}))
            filled_s = time.perf_counter() - began
            gateway.env = {**env, "OPSROOM_POSTGRES": postgres.dsn, "OPSROOM_REDIS": redis.url}
            gateway.start()
            figures = uvloop.run(measure(port))
        finally:
            gateway.stop()
            redis.kill()
            postgres.kill()
    notes = [
        f"{ROWS:,} incidents, made and indexed in {filled_s:.0f} s; 50 rows a list; one client, at most {ROUNDS} rounds of {ASKED} questions each",
        f"load at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores (the questions themselves are about 1)",
    ]
    report("queries", rows_of(figures), notes)


if __name__ == "__main__":
    main()
