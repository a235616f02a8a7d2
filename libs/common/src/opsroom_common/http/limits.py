"""Limits of a door as plain ASGI middleware: the size of a body, and a last net under everything.

Plain ASGI, because a wrapped request and a task per request (Starlette's BaseHTTPMiddleware) cost as much as the command itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsroom_common.http.problems import Problem, problem, unexpected
from opsroom_common.runtime.telemetry import inject


class BodyLimit:
    """Refuses bodies above ``limit_bytes`` with 413: at once by Content-Length, else as soon as the bytes that came exceed it.

    ``by_path`` holds other limits for single addresses.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int, by_path: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._by_path = dict(by_path or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._by_path.get(scope["path"], self._limit_bytes)
        length = _content_length(scope)
        if length is not None and length > limit:
            await _too_large(limit).response()(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _too_large(limit)
            return message

        await self._app(scope, counted, send)


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
