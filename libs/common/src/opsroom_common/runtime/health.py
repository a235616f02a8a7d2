"""Health: alive and progressing (``/healthz``), able to serve (``/readyz``), numbers (``/metrics``).

Alive is not enough: a consumer that stands still while there is work is unhealthy, and a restart is what cures it. A part that waits for
a server that is away is healthy but not ready: a restart would not help, and the reason is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.metrics import CONTENT_TYPE, Metrics

CHECK_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class _Place:
    position: int
    end: int
    moved_at: float


class Progress:
    """A watchdog of one consumer: it is stuck when it has lag and does not move, or does not report at all, for ``stall_after_s``.

    The consumer calls ``report`` after every poll, also an empty one. While it waits on purpose it calls ``pause`` with the reason.
    """

    def __init__(self, name: str, clock: Clock, stall_after_s: float = 30.0) -> None:
        self.name = name
        self._clock = clock
        self._stall_after_s = stall_after_s
        self._places: dict[int, _Place] = {}
        self._reported_at = clock.monotonic()
        self._paused: str | None = None

    def report(self, partition: int, position: int, end: int) -> None:
        """``position`` is the next offset to handle, ``end`` the partition's end offset as last known."""
        now = self._clock.monotonic()
        self._reported_at = now
        known = self._places.get(partition)
        # Work that arrives for an idle consumer starts the watch anew: it was not late before.
        if known is None or known.position != position or known.position >= known.end:
            self._places[partition] = _Place(position, end, now)
        else:
            self._places[partition] = _Place(position, end, known.moved_at)

    def beat(self) -> None:
        """The loop runs; nothing is known of any partition (none assigned, say)."""
        self._reported_at = self._clock.monotonic()

    def keep(self, partitions: Collection[int]) -> None:
        """Forget all partitions but these: the others belong to somebody else now."""
        self._places = {p: place for p, place in self._places.items() if p in partitions}

    def pause(self, reason: str) -> None:
        """The consumer waits for ``reason`` on purpose; it is not stuck, but see ``paused`` for readiness."""
        self._paused = reason

    def resume(self) -> None:
        """The wait is over; the watch starts anew."""
        if self._paused is None:
            return
        self._paused = None
        now = self._clock.monotonic()
        self._reported_at = now
        self._places = {p: _Place(place.position, place.end, now) for p, place in self._places.items()}

    @property
    def paused(self) -> str | None:
        return self._paused

    def lag(self) -> int:
        """Records that wait, over all partitions, as last reported."""
        return sum(max(0, place.end - place.position) for place in self._places.values())

    def stuck(self) -> str | None:
        """Why the consumer counts as stuck, or None."""
        if self._paused is not None:
            return None
        now = self._clock.monotonic()
        silent_s = now - self._reported_at
        if silent_s > self._stall_after_s:
            return f"{self.name} has not polled for {silent_s:.0f} s"
        for partition, place in sorted(self._places.items()):
            still_s = now - place.moved_at
            if place.end > place.position and still_s > self._stall_after_s:
                return f"{self.name} partition {partition} stands at {place.position} of {place.end} for {still_s:.0f} s"
        return None


@dataclass(frozen=True, slots=True)
class Check:
    """What one readiness check says. ``reason`` is one line, also when it is fine."""

    ok: bool
    reason: str


CheckFunction = Callable[[], Check | Awaitable[Check]]


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    function: CheckFunction
    required: bool


class Readiness:
    """Named checks. A required one that fails makes the service not ready; another one makes it degraded, with the reason shown."""

    def __init__(self) -> None:
        self._checks: list[_Named] = []

    def add(self, name: str, check: CheckFunction, *, required: bool) -> None:
        """``check`` answers within a second from what is known; it must not do the work itself."""
        self._checks.append(_Named(name, check, required))

    async def ask(self) -> tuple[bool, dict[str, dict[str, object]]]:
        """Whether all required checks hold, and what each one says."""
        answers = await asyncio.gather(*(_answer(named) for named in self._checks))
        pairs = list(zip(self._checks, answers, strict=True))
        ready = all(answer.ok for named, answer in pairs if named.required)
        return ready, {n.name: {"ok": a.ok, "reason": a.reason, "required": n.required} for n, a in pairs}


async def _answer(named: _Named) -> Check:
    try:
        answer = named.function()
        if isinstance(answer, Check):
            return answer
        return await asyncio.wait_for(answer, CHECK_TIMEOUT_S)
    except TimeoutError:
        return Check(ok=False, reason=f"no answer within {CHECK_TIMEOUT_S:.0f} s")
    except Exception as error:  # noqa: BLE001 -- a check that breaks is a check that fails, and says so
        return Check(ok=False, reason=f"{type(error).__name__}: {error}")


def health_router(service: str, progress: Sequence[Progress], readiness: Readiness, metrics: Metrics) -> APIRouter:
    """``/healthz`` 200 or 503 with what is stuck; ``/readyz`` 200 (status ready or degraded) or 503, with every check; ``/metrics``."""
    router = APIRouter(tags=["health"])

    async def healthz() -> Response:
        stuck = [reason for reason in (p.stuck() for p in progress) if reason is not None]
        return _json(503 if stuck else 200, {"service": service, "status": "stuck" if stuck else "ok", "stuck": stuck})

    async def readyz() -> Response:
        ready, checks = await readiness.ask()
        degraded = [name for name, check in checks.items() if not check["ok"]]
        status = "not ready" if not ready else "degraded" if degraded else "ready"
        body = {"service": service, "status": status, "degraded": degraded, "checks": checks}
        return _json(200 if ready else 503, body)

    async def numbers() -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE)

    router.add_api_route("/healthz", healthz, response_class=Response, summary="Alive and progressing")
    router.add_api_route("/readyz", readyz, response_class=Response, summary="Able to serve; what is degraded and why")
    router.add_api_route("/metrics", numbers, response_class=Response, summary="Metrics in Prometheus' text format")
    return router


def _json(status: int, body: object) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
