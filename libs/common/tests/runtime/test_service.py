"""A service starts its parts in order, stops them in reverse and in time, and does not outlive a part that fails."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.responses import PlainTextResponse

from opsroom_common.runtime import service as module
from opsroom_common.runtime.service import HttpServer, Loop, PortTaken, Resource, Service, run_services


class Log(list[str]):
    def part(self, name: str, *, fail: str = "") -> Resource:
        async def step(what: str) -> None:
            self.append(f"{what} {name}")
            if fail == what:
                raise RuntimeError(f"{name} cannot {what}")

        return Resource(name, lambda: step("start"), lambda: step("stop"))


async def test_parts_start_in_order_and_stop_in_reverse() -> None:
    log = Log()
    service = Service("test", [log.part("a"), log.part("b")])
    running = asyncio.create_task(run_services([service]))
    async with asyncio.timeout(5):
        while "start b" not in log:
            await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0
    assert log == ["start a", "start b", "stop b", "stop a"]


async def test_a_part_that_cannot_start_stops_those_before_it_and_gives_exit_code_1() -> None:
    log = Log()
    assert await run_services([Service("test", [log.part("a"), log.part("b", fail="start"), log.part("c")])]) == 1
    assert log == ["start a", "start b", "stop a"]


@pytest.mark.parametrize("error", [RuntimeError("boom"), None])
async def test_a_part_that_ends_ends_the_service_with_exit_code_1(error: Exception | None, capsys: pytest.CaptureFixture[str]) -> None:
    async def ends() -> None:
        if error is not None:
            raise error

    log = Log()
    assert await run_services([Service("test", [log.part("a"), Loop("fold", ends)])]) == 1
    assert log == ["start a", "stop a"]
    assert "fold" in capsys.readouterr().out


async def test_one_service_that_fails_stops_all_in_the_process() -> None:
    async def ends() -> None:
        await asyncio.sleep(0.01)

    log = Log()
    assert await run_services([Service("one", [log.part("a")]), Service("two", [Loop("fold", ends)])]) == 1
    assert log == ["start a", "stop a"]


async def test_a_part_that_does_not_stop_is_cut_off_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_WITHIN_S", 0.1)
    log = Log()

    async def never() -> None:
        await asyncio.Event().wait()

    service = Service("test", [log.part("a"), Resource("slow", log.part("b").start, never), log.part("c", fail="stop")])
    await service.start()
    async with asyncio.timeout(5):
        await service.stop()
    assert log == ["start a", "start b", "start c", "stop c", "stop a"]


ARRIVED = asyncio.Event()


@pytest.fixture
async def slow_server() -> AsyncIterator[HttpServer]:
    ARRIVED.clear()

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        if scope["path"] == "/slow":
            ARRIVED.set()
            await asyncio.sleep(0.3)
        await PlainTextResponse("done")(scope, receive, send)  # type: ignore[arg-type]

    server = HttpServer(app, "127.0.0.1", 0, grace_s=2)  # type: ignore[arg-type]
    await server.start()
    yield server
    await server.stop()


async def test_a_request_in_flight_is_finished_before_the_server_stops(slow_server: HttpServer) -> None:
    async with httpx.AsyncClient() as http:
        asked = asyncio.create_task(http.get(f"{slow_server.url}/slow"))
        await ARRIVED.wait()
        await slow_server.stop()
        assert (await asked).text == "done"
        with pytest.raises(httpx.ConnectError):
            await http.get(slow_server.url)


async def test_a_taken_port_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port}.*another port"):
            HttpServer(PlainTextResponse("x"), "127.0.0.1", port).bind()


PROGRAM = """
import sys
from starlette.responses import PlainTextResponse
from opsroom_common.runtime.logging import configure
from opsroom_common.runtime.service import HttpServer, Service, run_process
configure("probe")
async def build():
    http = HttpServer(PlainTextResponse("hello"), "127.0.0.1", 0)
    http.bind()
    print(http.port, flush=True)
    return [Service("probe", [http])]
sys.exit(run_process(build))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_stops_cleanly_on_a_signal_even_with_an_open_connection(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with httpx.Client() as http:
                for attempt in range(100):
                    try:
                        assert http.get(f"http://127.0.0.1:{port}/").text == "hello"
                        break
                    except httpx.ConnectError:
                        assert attempt < 99
                process.send_signal(number)
                assert process.wait(10) == 0
            assert '"service stopped"' in process.stdout.read()
        finally:
            process.kill()
