"""A consumer that stands still while there is work is unhealthy; one that waits on purpose is not, and says why."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from opsroom_common.runtime.clock import ManualClock
from opsroom_common.runtime.health import Check, Progress, Readiness, health_router
from opsroom_common.runtime.metrics import CounterSpec, GaugeSpec, Metrics


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def progress(clock: ManualClock) -> Progress:
    return Progress("fold", clock, stall_after_s=10)


def test_no_progress_while_there_is_lag_is_stuck(progress: Progress, clock: ManualClock) -> None:
    for _ in range(3):
        progress.report(0, 5, 9)
        clock.advance(4)
    assert progress.stuck() is not None
    assert "partition 0 stands at 5 of 9" in str(progress.stuck())


def test_progress_however_slow_is_healthy(progress: Progress, clock: ManualClock) -> None:
    for position in range(20):
        progress.report(0, position, 1000)
        clock.advance(9)
        assert progress.stuck() is None


def test_an_idle_consumer_is_healthy_and_not_late_when_work_arrives(progress: Progress, clock: ManualClock) -> None:
    for _ in range(10):
        progress.report(0, 5, 5)
        clock.advance(9)
    progress.report(0, 5, 6)
    assert progress.stuck() is None
    clock.advance(9)
    progress.report(0, 5, 6)
    assert progress.stuck() is None
    clock.advance(2)
    progress.report(0, 5, 6)
    assert progress.stuck() is not None


def test_one_busy_partition_does_not_hide_a_stuck_one(progress: Progress, clock: ManualClock) -> None:
    for position in range(6):
        progress.report(0, position, 100)
        progress.report(1, 7, 8)
        clock.advance(3)
    assert "partition 1" in str(progress.stuck())


def test_a_consumer_that_does_not_poll_is_stuck(progress: Progress, clock: ManualClock) -> None:
    progress.report(0, 5, 5)
    clock.advance(11)
    assert "has not polled" in str(progress.stuck())
    progress.beat()
    assert progress.stuck() is None


def test_a_pause_on_purpose_is_healthy_and_the_watch_starts_anew_after_it(progress: Progress, clock: ManualClock) -> None:
    progress.report(0, 5, 9)
    progress.pause("Postgres is away")
    clock.advance(1000)
    assert (progress.stuck(), progress.paused) == (None, "Postgres is away")
    progress.resume()
    assert (progress.stuck(), progress.paused) == (None, None)
    clock.advance(11)
    progress.beat()
    assert progress.stuck() is not None


def test_a_partition_of_somebody_else_is_not_watched(progress: Progress, clock: ManualClock) -> None:
    progress.report(0, 5, 9)
    progress.keep([])
    clock.advance(11)
    progress.beat()
    assert (progress.stuck(), progress.lag()) == (None, 0)


def app_of(progress: Progress, readiness: Readiness, metrics: Metrics) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(health_router("test", [progress], readiness, metrics))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_healthz_is_503_with_the_reason_when_a_consumer_is_stuck(progress: Progress, clock: ManualClock) -> None:
    async with app_of(progress, Readiness(), Metrics(CollectorRegistry())) as http:
        progress.report(0, 1, 1)
        assert (await http.get("/healthz")).status_code == 200
        clock.advance(11)
        answer = await http.get("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (503, "stuck")
        assert "has not polled" in answer.json()["stuck"][0]


@pytest.mark.parametrize(
    ("required", "ok", "status", "word"), [(True, True, 200, "ready"), (True, False, 503, "not ready"), (False, False, 200, "degraded")]
)
async def test_readyz_tells_ready_degraded_and_not_ready_apart(
    progress: Progress, required: bool, ok: bool, status: int, word: str
) -> None:
    readiness = Readiness()
    readiness.add("always", lambda: Check(ok=True, reason="fine"), required=True)
    readiness.add("redis", lambda: Check(ok=ok, reason="away since 12:00"), required=required)
    async with app_of(progress, readiness, Metrics(CollectorRegistry())) as http:
        answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (status, word)
    assert answer.json()["checks"]["redis"]["reason"] == "away since 12:00"
    assert answer.json()["degraded"] == ([] if ok else ["redis"])


async def test_a_check_that_breaks_or_hangs_is_a_check_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opsroom_common.runtime.health.CHECK_TIMEOUT_S", 0.02)

    async def hangs() -> Check:
        await asyncio.sleep(60)
        return Check(ok=True, reason="")

    def breaks() -> Check:
        raise KeyError("x")

    readiness = Readiness()
    readiness.add("hangs", hangs, required=False)
    readiness.add("breaks", breaks, required=False)
    ready, checks = await readiness.ask()
    assert ready
    assert [checks[name]["ok"] for name in ("hangs", "breaks")] == [False, False]


async def test_metrics_are_declared_once_and_shown() -> None:
    metrics = Metrics(CollectorRegistry())
    spec = CounterSpec("test_things_total", "Things that happened.", ("kind",))
    metrics.counter(spec).labels("a").inc()
    metrics.counter(spec).labels("a").inc()
    assert b'test_things_total{kind="a"} 2.0' in metrics.render()
    assert b"# HELP test_things_total Things that happened." in metrics.render()
    with pytest.raises(ValueError, match="declared twice"):
        metrics.counter(CounterSpec("test_things_total", "Other things."))
    with pytest.raises(ValueError, match="declared twice"):
        metrics.gauge(GaugeSpec("test_things_total", "Things that happened.", ("kind",)))
