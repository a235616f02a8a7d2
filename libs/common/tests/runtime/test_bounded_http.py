"""A client that never finishes the head of its request, or never stops sending it, costs little and not for long."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from opsroom_common.runtime.bounded_http import HEAD_BYTES_MAX, BoundedHttp
from opsroom_common.runtime.service import HttpServer


async def _length(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{scope['path']} {len(body)}")(scope, receive, send)


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    running = HttpServer(_length, "127.0.0.1", 0, grace_s=1)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedHttp, "head_within_s", 0.1)


async def told(server: HttpServer, *pieces: bytes) -> bytes:
    """Everything that the server says until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("pieces", [(), (b"GET / HT",), (b"GET / HTTP/1.1\r\nHost: a\r\nX: ",)])
async def test_a_head_that_is_not_whole_in_time_ends_the_connection(server: HttpServer, pieces: tuple[bytes, ...]) -> None:
    assert await told(server, *pieces) == b""


@pytest.mark.usefixtures("impatient")
async def test_the_second_request_of_a_connection_has_the_same_time(server: HttpServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        async with asyncio.timeout(10):
            writer.write(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readuntil(b"/one 0")
            writer.write(b"GET /two HTTP/1.1\r\nHo")
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
    finally:
        writer.close()


async def test_a_head_without_end_is_431(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedHttp, "head_within_s", 1000.0)
    line = b"x-%d: " + b"y" * 1000 + b"\r\n"
    lines = [line % number for number in range(HEAD_BYTES_MAX // 1000 * 8)]
    said = await told(server, b"GET / HTTP/1.1\r\nHost: a\r\n", *lines)
    assert b" 200 " not in said
    assert said == b"" or said.startswith(b"HTTP/1.1 431 ")


async def test_bodies_and_many_requests_on_one_connection_are_not_heads(server: HttpServer) -> None:
    body = b"b" * (4 * HEAD_BYTES_MAX)
    post = b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    get = b"GET /end HTTP/1.1\r\nHost: a\r\n"
    said = await told(server, post + body + get, b"\r\n" + post + body, get + b"Connection: close\r\n\r\n")
    assert said.count(b"/body %d" % len(body)) == 2
    assert said.count(b"/end 0") == 2
