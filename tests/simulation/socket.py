"""A WebSocket without a network: two directions, each in order, each with delays; cut at any moment, with what is on its way."""

from __future__ import annotations

import asyncio

from gateway_ws.live.socket import Closed

from .loop import SimLoop
from .network import Network

_CUT = object()


class Pipe:
    """One connection. Both ends see the cut after what had arrived before it."""

    def __init__(self, loop: SimLoop, network: Network) -> None:
        self._loop = loop
        self._network = network
        self.to_server: asyncio.Queue[object] = asyncio.Queue()
        self.to_client: asyncio.Queue[object] = asyncio.Queue()
        self._arrives = {id(self.to_server): 0.0, id(self.to_client): 0.0}
        self._is_cut = False

    def send(self, way: asyncio.Queue[object], message: str) -> None:
        """Raises Closed."""
        if self._is_cut:
            raise Closed
        at = max(self._loop.time() + self._network.delay(), self._arrives[id(way)])
        self._arrives[id(way)] = at
        self._loop.outside_at(at, self._arrive, way, message)

    def cut(self) -> None:
        if not self._is_cut:
            self._is_cut = True
            self.to_server.put_nowait(_CUT)
            self.to_client.put_nowait(_CUT)

    async def receive(self, way: asyncio.Queue[object]) -> str:
        """Raises Closed."""
        message = await way.get()
        if not isinstance(message, str):
            way.put_nowait(_CUT)
            raise Closed
        return message

    def _arrive(self, way: asyncio.Queue[object], message: str) -> None:
        if not self._is_cut:
            way.put_nowait(message)


class ServerSocket:
    """The gateway's end."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    async def receive(self) -> str:
        return await self._pipe.receive(self._pipe.to_server)

    async def send(self, text: str) -> None:
        self._pipe.send(self._pipe.to_client, text)

    async def close(self, code: int, reason: str) -> None:
        del code, reason
        self._pipe.cut()

    def abort(self) -> None:
        self._pipe.cut()
