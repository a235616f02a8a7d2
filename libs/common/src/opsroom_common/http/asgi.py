"""An application that is set after its server: the server's address must be known before everything else is wired."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class LateApp:
    """Hands everything to ``app``; 503 until there is one."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app or Response(status_code=503)
        await app(scope, receive, send)
