"""A service's life: start its parts in order, serve, and on SIGTERM or SIGINT stop them in reverse within ``STOP_WITHIN_S``.

A part that ends by itself ends the service with exit code 1 and one clear line. Several services can share one process and one signal
handler (``run_services``).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Protocol

import uvicorn
import uvloop
from starlette.types import ASGIApp

from opsroom_common.runtime.bounded_http import BoundedHttp
from opsroom_common.runtime.logging import get_logger, speak_as

STOP_WITHIN_S = 9.0
"""For all parts of a service together; the promise is 10 s."""
START_WITHIN_S = 60.0
"""For one part. A part that waits for a server that is away starts anyway and says so in ``/readyz``."""
COLLECT_AFTER = (20_000, 50, 100)
"""Objects that are still there, then collections of the generation before: the three thresholds of ``gc``."""
_log = get_logger("service")


class Part(Protocol):
    """Something that a service is made of."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None:
        """Return once the part does its work. Raises if it never will."""
        ...

    async def run(self) -> None:
        """Live until ``stop`` is called or the task is cancelled. Returning or raising earlier ends the service."""
        ...

    async def stop(self) -> None:
        """End cleanly. Called once, only after ``start`` returned; bounded from outside."""
        ...


class Resource:
    """A part without work of its own: a pool, a client."""

    def __init__(self, name: str, start: Callable[[], Awaitable[object]], stop: Callable[[], Awaitable[object]]) -> None:
        self.name = name
        self._start = start
        self._stop = stop

    async def start(self) -> None:
        await self._start()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def stop(self) -> None:
        await self._stop()


class Loop:
    """A part that is one endless coroutine. It is cancelled at the stop, after ``ask_to_stop`` (if any) had its chance."""

    def __init__(
        self, name: str, forever: Callable[[], Awaitable[object]], ask_to_stop: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        self.name = name
        self._forever = forever
        self._ask_to_stop = ask_to_stop

    async def start(self) -> None:
        pass

    async def run(self) -> None:
        await self._forever()

    async def stop(self) -> None:
        if self._ask_to_stop is not None:
            await self._ask_to_stop()


class HttpServer:
    """uvicorn with uvloop's sockets and httptools, as a part. ``port`` 0 takes a free one; ``url`` says which, once it is started.

    ``ws`` is uvicorn's WebSocket implementation ("none" refuses upgrades). At the stop, requests in flight get ``grace_s`` to finish.
    """

    name = "http"

    def __init__(self, app: ASGIApp, host: str, port: int, *, ws: str = "none", grace_s: float = 5.0, h11_max: int = 64 * 1024) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._server = _Server(
            uvicorn.Config(
                app,
                http=BoundedHttp,
                ws=ws,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # No service believes X-Forwarded-For; what stands before us is told by the settings, not by the caller.
                proxy_headers=False,
                timeout_graceful_shutdown=max(1, int(grace_s)),
                h11_max_incomplete_event_size=h11_max,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is bound; the wished one before the start."""
        return self._port

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def bind(self) -> socket.socket:
        """Take the port now. For wiring that must know ``url`` before the start. Raises PortTaken."""
        if self._socket is not None:
            return self._socket
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # Named, or the asyncio loop takes it for no TCP and leaves the delay of small packets on.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self._host, self._port))
        except OSError as error:
            sock.close()
            raise PortTaken(
                f"cannot listen on {self._host}:{self._port} ({error.strerror}); stop what uses it or set another port"
            ) from error
        self._port = int(sock.getsockname()[1])
        self._socket = sock
        return sock

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve(sockets=[self.bind()]), name="http-server")
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError(f"the HTTP server on {self.url} ended while it started; the log above says why")
            await asyncio.sleep(0.005)

    async def run(self) -> None:
        if self._task is not None:
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class PortTaken(Exception):
    """The address cannot be bound."""


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: the process has one handler for all of its services."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class Service:
    """Parts under one name. Not reusable."""

    def __init__(self, name: str, parts: Sequence[Part]) -> None:
        self.name = name
        self._parts = tuple(parts)
        self._running: list[tuple[Part, asyncio.Task[None]]] = []
        self._stopping = False
        self.ended: asyncio.Future[str] | None = None
        """Done with the reason once a part ended by itself."""

    async def start(self) -> None:
        """Start the parts in order. If one fails, those before it are stopped again and its error is raised."""
        speak_as(self.name)
        self.ended = asyncio.get_running_loop().create_future()
        for part in self._parts:
            try:
                await asyncio.wait_for(part.start(), START_WITHIN_S)
            except BaseException as error:
                _log.error("part failed to start", service=self.name, part=part.name, error=f"{type(error).__name__}: {error}")
                await self.stop()
                raise
            task = asyncio.create_task(part.run(), name=f"{self.name}.{part.name}")
            task.add_done_callback(lambda done, part=part: self._part_ended(part, done))
            self._running.append((part, task))
        _log.info("service started", service=self.name, parts=[part.name for part in self._parts])

    async def stop(self) -> None:
        """Stop in reverse. Each part has what is left of ``STOP_WITHIN_S``; a part that does not end in time is cut off, with a line."""
        self._stopping = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STOP_WITHIN_S
        for part, task in reversed(self._running):
            # Also the last part gets a moment, or one slow part would leave the others no chance to end cleanly.
            left_s = max(0.2, deadline - loop.time())
            try:
                await asyncio.wait_for(part.stop(), left_s)
            except TimeoutError:
                _log.error("part did not stop in time and was cut off", service=self.name, part=part.name, within_s=round(left_s, 1))
            except Exception as error:  # noqa: BLE001 -- the other parts must still be stopped
                _log.error("part failed while stopping", service=self.name, part=part.name, error=f"{type(error).__name__}: {error}")
            task.cancel()
            await asyncio.wait([task], timeout=0.5)
        self._running.clear()
        _log.info("service stopped", service=self.name)

    def _part_ended(self, part: Part, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._stopping or self.ended is None or self.ended.done():
            return
        reason = f"{part.name} ended by itself" if error is None else f"{part.name} failed: {type(error).__name__}: {error}"
        _log.error("a part ended; the service stops", service=self.name, part=part.name, reason=reason, exc_info=error)
        self.ended.set_result(reason)


async def run_services(services: Sequence[Service], stop: asyncio.Event | None = None) -> int:
    """Run until SIGTERM, SIGINT, ``stop`` or the end of a part; then stop all. Returns the exit code."""
    asked = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    started: list[Service] = []
    try:
        for service in services:
            if asked.is_set():
                return 0
            # Its own task, so that the name that it speaks under stays in its own context.
            await asyncio.create_task(service.start(), name=f"start-{service.name}")
            started.append(service)
        return await _until_end(started, asked)
    except Exception as error:  # noqa: BLE001 -- the last stop before the exit code
        _log.error("start failed", error=f"{type(error).__name__}: {error}")
        return 1
    finally:
        await asyncio.gather(*(asyncio.create_task(service.stop()) for service in reversed(started)))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _until_end(services: Sequence[Service], asked: asyncio.Event) -> int:
    asked_task = asyncio.create_task(asked.wait())
    ended = [service.ended for service in services if service.ended is not None]
    try:
        await asyncio.wait([asked_task, *ended], return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked_task.cancel()
    return 1 if any(future.done() for future in ended) else 0


def run_process(build: Callable[[], Awaitable[Sequence[Service]]]) -> int:
    """Build and run services on a fresh uvloop; returns the exit code for ``sys.exit``."""

    async def main() -> int:
        services = await build()
        spare_the_collector()
        return await run_services(services)

    return uvloop.run(main())


def spare_the_collector() -> None:
    """What is wired lives as long as the process: Python's cycle collector need not look at it again. And nearly all else dies by its
    reference count, so the collector looks for cycles after COLLECT_AFTER new objects, not after every second request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
