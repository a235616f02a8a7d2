"""Limits of a door as plain ASGI middleware: the size of a body and how long it may take, all bodies together, and a last net under everything.

Plain ASGI, because a wrapped request and a task per request (Starlette's BaseHTTPMiddleware) cost as much as the command itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsroom_common.http.problems import Problem, problem, unexpected
from opsroom_common.runtime.telemetry import inject

BODY_WITHIN_S = 10.0
REQUESTS_MAX = 5_000
BODIES_BYTES_MAX = 32 * 1024 * 1024


class BodyLimit:
    """Refuses bodies above ``limit_bytes`` with 413: at once by Content-Length, else as soon as the bytes that came exceed it.

    ``by_path`` holds other limits for single addresses. A body that is not whole after ``within_s`` ends with 408. Beyond ``requests_max``
    requests in progress, or ``bodies_bytes_max`` of their bodies, it is 503: nothing of the request was begun. GET and HEAD are not counted:
    health has to answer then too.
    """

    def __init__(
        self,
        app: ASGIApp,
        limit_bytes: int,
        by_path: Mapping[str, int] | None = None,
        *,
        within_s: float = BODY_WITHIN_S,
        requests_max: int = REQUESTS_MAX,
        bodies_bytes_max: int = BODIES_BYTES_MAX,
    ) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._by_path = dict(by_path or {})
        self._within_s = within_s
        self._requests_max = requests_max
        self._bodies_bytes_max = bodies_bytes_max
        self._requests = 0
        self._bodies_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        limit = self._by_path.get(scope["path"], self._limit_bytes)
        length = _content_length(scope)
        if length is not None and length > limit:
            await _too_large(limit).response()(scope, receive, send)
            return
        if self._requests >= self._requests_max:
            await _too_busy().response()(scope, receive, send)
            return
        until = asyncio.get_running_loop().time() + self._within_s
        seen, whole = 0, False

        async def counted() -> Message:
            nonlocal seen, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError as error:
                raise _too_slow(self._within_s) from error
            whole = not message.get("more_body", False)
            size = len(message.get("body", b""))
            if seen + size > limit:
                raise _too_large(limit)
            if self._bodies_bytes + size > self._bodies_bytes_max:
                raise _too_busy()
            seen += size
            self._bodies_bytes += size
            return message

        self._requests += 1
        try:
            await self._app(scope, counted, send)
        finally:
            self._requests -= 1
            self._bodies_bytes -= seen


class LastNet:
    """Turns what nobody expected into a 500 problem without a stack trace. Problems that are raised outside any route become answers too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Problem as refusal:
            if started:
                raise
            await refusal.response()(scope, receive, send)
        except Exception as error:
            if started:
                raise
            await unexpected(error, inject() or "none").response()(scope, receive, send)


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None


def _too_large(limit: int) -> Problem:
    detail = f"the body is above {limit} bytes; send less, or split it"
    return problem(413, "body-too-large", "The body is too large", detail, headers={"Connection": "close"}, limit_bytes=limit)


def _too_slow(within_s: float) -> Problem:
    detail = f"the body was not whole after {within_s:g} s; nothing was begun, send it again on a new connection"
    return problem(408, "body-too-slow", "The body came too slowly", detail, headers={"Connection": "close"}, applied=False)


def _too_busy() -> Problem:
    detail = "too many requests are in progress here; nothing was begun, repeat it with the same Idempotency-Key in a moment"
    return problem(503, "overloaded", "Not now", detail, headers={"Connection": "close", "Retry-After": "1"}, applied=False)
