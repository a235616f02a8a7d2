"""``Peers`` over HTTP: one request a command, on kept-alive connections, to the owner's peer door."""

from __future__ import annotations

import httpx

from command_api.engine import peer_wire
from command_api.engine.port import Accepted, CommandRequest, NotServing, OutcomeUnknown, RecordSkipped
from opsroom_common.log.entity import Entity
from opsroom_common.runtime.clock import Clock
from opsroom_domain.ids import EntityId

CONNECTIONS_MAX = 64
"""To one replica. What one does not answer holds up no other."""
REPLICAS_MAX = 64
"""Addresses that are remembered: replicas come and go."""
KEPT_S = 3.0
"""Shorter than a server keeps an idle connection: else a command could be written just as it closes."""
CONNECT_S = 1.0
MARGIN_S = 0.5
"""The owner answers by the deadline; what comes later is its silence."""
_OK = 200
_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)
"""Nothing of the request left this replica."""
_UNWRITTEN = frozenset({400, 401, 404, 408, 413, 429, 431, 503})
"""The door was shut, or its limits said no: no engine was asked, for what an engine says comes with 200."""


class HttpPeers:
    """The other replicas, by their addresses. All of them share one ``secret``."""

    def __init__(self, secret: str, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._secret = secret
        self._clock = clock
        self._transport = transport
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def submit(self, url: str, request: CommandRequest) -> Accepted:
        return peer_wire.read_outcome(await self._ask(f"{url}/peer/submit", url, request))

    async def skip(self, url: str, request: CommandRequest) -> RecordSkipped:
        return peer_wire.read_skipped(await self._ask(f"{url}/peer/skip", url, request))

    async def _ask(self, door: str, url: str, request: CommandRequest) -> bytes:
        now = self._clock.monotonic()
        body = peer_wire.write_request(request, now)
        try:
            answer = await (await self._client(url)).post(door, content=body, timeout=self._timeout(request.deadline - now))
        except _UNSENT as error:
            raise NotServing(f"its owner at {url} cannot be reached ({type(error).__name__}); nothing was written") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(
                f"its owner at {url} gave no answer ({type(error).__name__}); repeat the command with the same id to learn what became of it"
            ) from error
        if answer.status_code in _UNWRITTEN:
            raise NotServing(f"its owner at {url} does not take commands from here ({answer.status_code}): {answer.text[:200]}")
        if answer.status_code != _OK:
            raise OutcomeUnknown(f"its owner at {url} answered {answer.status_code}; repeat the command with the same id")
        return answer.content

    async def current(self, url: str, kind: str, entity_id: EntityId, deadline: float) -> Entity | None:
        left_s = deadline - self._clock.monotonic()
        try:
            answer = await (await self._client(url)).post(
                f"{url}/peer/current", content=peer_wire.write_current(kind, entity_id, left_s), timeout=self._timeout(left_s)
            )
        except httpx.HTTPError as error:
            raise NotServing(f"its owner at {url} gave no answer ({type(error).__name__})") from error
        if answer.status_code != _OK:
            raise NotServing(f"its owner at {url} answered {answer.status_code}")
        return peer_wire.read_entity(answer.content)

    async def close(self) -> None:
        """End the connections."""
        for client in self._clients.values():
            await client.aclose()

    async def _client(self, url: str) -> httpx.AsyncClient:
        client = self._clients.get(url)
        if client is None:
            if len(self._clients) >= REPLICAS_MAX:
                await self._clients.pop(next(iter(self._clients))).aclose()
            client = self._clients[url] = httpx.AsyncClient(
                headers={"Authorization": f"Peer {self._secret}", "Content-Type": "application/json"},
                limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX, keepalive_expiry=KEPT_S),
                trust_env=False,
                transport=self._transport,
            )
        return client

    def _timeout(self, left_s: float) -> httpx.Timeout:
        return httpx.Timeout(max(0.0, left_s) + MARGIN_S, connect=CONNECT_S, pool=CONNECT_S)
