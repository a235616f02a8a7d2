"""The straight way to a command: one look-up by method and address, in front of everything that a command does not need.

FastAPI's own way (its middlewares, two exit stacks, the resolution of parameters) takes as long as deciding and encoding together. It stays
behind this for everything else: the description, health, and every wrong address or method.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from command_api.api.doors.door import HOLE
from opsroom_common.http.problems import Problem

Handler = Callable[[Request], Awaitable[Response]]


class StraightWay:
    """``routes`` maps (method, path template) to a handler. The rest goes to ``app``."""

    def __init__(self, app: ASGIApp, routes: Mapping[tuple[str, str], Handler]) -> None:
        self._app = app
        self._exact = {key: handler for key, handler in routes.items() if HOLE not in key[1]}
        self._one = {(method, *_around(path)): handler for (method, path), handler in routes.items() if HOLE in path}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._find(scope) if scope["type"] == "http" else None
        if handler is None:
            await self._app(scope, receive, send)
            return
        try:
            response = await handler(Request(scope, receive))
        except Problem as refusal:
            response = refusal.response()
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> Handler | None:
        method, path = scope["method"], scope["path"]
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact
        parts = path.split("/", 4)
        if len(parts) < 4:  # noqa: PLR2004 -- "", v1, the collection, id, and perhaps what to do
            return None
        handler = self._one.get((method, f"/{parts[1]}/{parts[2]}/", "/" + parts[4] if len(parts) > 4 else ""))  # noqa: PLR2004
        if handler is not None:
            scope["path_params"] = {"id": parts[3]}
        return handler


def _around(path: str) -> tuple[str, str]:
    before, _, after = path.partition(HOLE)
    return before, after
