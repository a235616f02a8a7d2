"""The live protocol behind uvicorn: handshake checks, and a WebSocket that can be cut.

ASGI has no word for cutting a connection whose client does not read, and uvicorn's own pings and compression are not wanted here (ours carry
marks; deflate costs three times the delivery). So uvicorn gets a protocol class of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.server import ServerProtocol

from gateway_ws.live.connection import Connection, Surroundings
from gateway_ws.live.connections import Connections
from gateway_ws.live.limits import HARD_FRAME_BYTES_MAX
from gateway_ws.live.socket import Closed
from gateway_ws.metrics import GatewayMetrics

PATH: Final = "/connection/websocket"
_EXTENSION: Final = "opsroom.transport"
_RETRY_AFTER_S: Final = b"2"


class GatewayWebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket without compression and without its own pings, with a limit on messages and a way to cut the transport."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn = ServerProtocol(max_size=HARD_FRAME_BYTES_MAX, logger=self.logger)
        self.ping_interval = None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        scope = getattr(self, "scope", None)
        if scope is not None:
            # The application's task was made just now and has not run yet.
            extensions = cast("dict[str, dict[str, object]]", scope["extensions"])
            extensions[_EXTENSION] = {"abort": self.transport.abort}

    async def send(self, message: ASGISendEvent) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # A refusal completes the handshake too; uvicorn would log an error for each.
            self.handshake_complete = True


class _AsgiSocket:
    """``Socket`` over an accepted ASGI WebSocket."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        extension = cast("Mapping[str, object]", scope.get("extensions", {}).get(_EXTENSION, {}))
        self._abort = cast("Callable[[], None] | None", extension.get("abort"))
        self._closed = False

    async def receive(self) -> str | bytes:
        message = await self._receive()
        if message["type"] != "websocket.receive":
            self._closed = True
            raise Closed
        text = message.get("text")
        return cast("bytes", message.get("bytes") or b"") if text is None else cast("str", text)

    async def send(self, text: str) -> None:
        await self._say({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        if not self._closed:
            await self._say({"type": "websocket.close", "code": code, "reason": reason})
            self._closed = True

    def abort(self) -> None:
        if self._abort is not None:
            self._abort()

    async def _say(self, message: dict[str, object]) -> None:
        try:
            await self._send(message)
        except (ClientDisconnected, OSError) as error:
            raise Closed from error


class NewId(Protocol):
    def uuid7(self) -> str: ...


class LiveDoor:
    """The ASGI application at ``/connection/websocket``. Refuses before the handshake what it can refuse there."""

    def __init__(
        self, connections: Connections, around: Surroundings, ids: NewId, origins: frozenset[str], metrics: GatewayMetrics
    ) -> None:
        self._connections = connections
        self._around = around
        self._ids = ids
        self._origins = origins
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["path"] != PATH:
            await self._refuse(send, 404, "not_found", f"there is no WebSocket here; connect to {PATH}")
            return
        if not self._origin_fits(headers):
            await self._refuse(send, 403, "origin", "this origin is not allowed; add it to OPSROOM_GATEWAY_ALLOWED_ORIGINS")
            return
        why = self._connections.refusal()
        if why is not None:
            await self._refuse(send, 503, why, f"this gateway is {why}; try again in a moment")
            return
        await send({"type": "websocket.accept"})
        socket = _AsgiSocket(scope, receive, send)
        await self._connections.serve(Connection(self._ids.uuid7(), socket, headers, self._around))

    def _origin_fits(self, headers: Mapping[str, str]) -> bool:
        """A browser names the page's origin, and only browsers can be tricked: no origin is fine, another site's is not."""
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return True
        return bool(headers.get("host")) and urlsplit(origin).netloc == headers["host"]

    async def _refuse(self, send: Send, status: int, reason: str, detail: str) -> None:
        self._metrics.refused.labels(reason=reason).inc()
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        if status == 503:  # noqa: PLR2004 -- an HTTP status
            headers.append((b"retry-after", _RETRY_AFTER_S))
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": detail.encode()})
