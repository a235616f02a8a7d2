"""One client's connection: its state machine from the first command to the close code that says why it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from gateway_ws import VERSION
from gateway_ws.live import codes, protocol
from gateway_ws.live.feed import Feed
from gateway_ws.live.hub import Hub, Subscription
from gateway_ws.live.limits import Limits
from gateway_ws.live.outbox import Outbox
from gateway_ws.live.protocol import Command, Connect, Malformed, Ping, Pong, Send, Subscribe, Unserved, Unsubscription
from gateway_ws.live.publications import mark
from gateway_ws.live.ring import Ring
from gateway_ws.live.socket import Closed, Socket
from gateway_ws.live.subscribing import Refusal, Subscriber
from gateway_ws.metrics import GatewayMetrics
from opsroom_common.auth.dev import ACTOR_HEADER, ROLE_HEADER
from opsroom_common.auth.identity import Identities, Identity
from opsroom_common.http.problems import Problem
from opsroom_common.runtime.clock import Clock
from opsroom_common.runtime.logging import get_logger

_log = get_logger("connection")
_HTTP_UNAUTHORIZED: Final = 401
_UNSERVED: Final = {
    "publish": (codes.PERMISSION_DENIED, "clients do not publish; send a command to the command API"),
    "presence": (codes.NOT_AVAILABLE, None),
    "presence_stats": (codes.NOT_AVAILABLE, None),
    "history": (codes.NOT_AVAILABLE, "the past is under /v1/incidents/{id}/timeline"),
    "rpc": (codes.METHOD_NOT_FOUND, None),
    "refresh": (codes.NOT_AVAILABLE, "this connection does not expire"),
    "sub_refresh": (codes.NOT_AVAILABLE, "subscriptions do not expire"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every connection of a gateway shares."""

    ring: Ring
    hub: Hub
    feed: Feed
    subscriber: Subscriber
    identities: Identities
    clock: Clock
    limits: Limits
    metrics: GatewayMetrics


class Connection:
    """``run`` it in the socket's own task; ``tick`` it about once a second; ``close`` it from anywhere."""

    def __init__(self, client: str, socket: Socket, headers: Mapping[str, str], around: Surroundings) -> None:
        self._client = client
        self._socket = socket
        self._headers = headers
        self._around = around
        self._limits = around.limits
        self._outbox = Outbox(around.limits.outbox_bytes_max)
        self._wake = asyncio.Event()
        self._verdict: tuple[codes.Disconnect, str] | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._identity: Identity | None = None
        self._subscriptions: dict[str, Subscription] = {}
        now_s = around.clock.monotonic()
        self._opened_at_s = now_s
        self._next_ping_s = now_s + around.limits.ping_interval_s
        self._pong_due_s: float | None = None
        self._ended: dict[str, str] = {}
        """By channel, the last frames of subscriptions that the hub dropped, until ``_tell_ended_s``."""
        self._tell_ended_s = 0.0

    async def run(self) -> None:
        """Serve until either side closes. Afterwards nothing of this connection is left in the gateway."""
        writer = asyncio.create_task(self._write(), name=f"write-{self._client}")
        try:
            await self._read()
        except Closed:
            pass
        except Exception as error:  # noqa: BLE001 -- one connection's defect must not reach the others
            _log.error("connection failed", client=self._client, error=f"{type(error).__name__}: {error}", exc_info=error)
            self.close(codes.SERVER_ERROR)
        finally:
            self._drop_subscriptions()
            await self._finish(writer)

    def push(self, frame: str) -> None:
        """Queue a frame. A reader that is too slow is told so and cut off; what waits is dropped, because it will recover."""
        if self._verdict is not None:
            return
        if not self._outbox.put(frame):
            self._outbox.clear()
            self.close(codes.SLOW, f"{self._limits.outbox_bytes_max} bytes wait unread")
            return
        self._wake.set()

    def ended(self, subscription: Subscription, frame: str, delay_s: float) -> None:
        """The hub dropped a subscription of ours; its client is told in ``delay_s``, unless it has ended it itself by then."""
        self._subscriptions.pop(subscription.channel.name, None)
        if delay_s <= 0:
            self.push(frame)
            return
        self._ended[subscription.channel.name] = frame
        self._tell_ended_s = self._around.clock.monotonic() + delay_s

    def close(self, why: codes.Disconnect, detail: str = "") -> None:
        """Close with this code, after what is queued. Only the first verdict counts. Returns at once."""
        if self._verdict is not None:
            return
        self._verdict = (why, detail)
        self._around.metrics.closed.labels(code=str(why.code)).inc()
        self._wake.set()
        # A client that does not read gets no close frame either.
        self._cut = asyncio.get_running_loop().call_later(self._limits.close_timeout_s, self._socket.abort)

    def cut(self) -> None:
        """End at once, without a word."""
        self._socket.abort()

    def tick(self, now_s: float) -> None:
        """Deadlines, late news, pings and marks. ``now_s`` is monotonic."""
        if self._verdict is not None:
            return
        if self._identity is None:
            if now_s - self._opened_at_s > self._limits.connect_timeout_s:
                self.close(codes.STALE, "no connect command in time")
            return
        if self._ended and now_s >= self._tell_ended_s:
            for frame in self._ended.values():
                self.push(frame)
            self._ended.clear()
        if self._pong_due_s is not None and now_s > self._pong_due_s:
            self.close(codes.NO_PONG)
        elif now_s >= self._next_ping_s:
            self._next_ping_s = now_s + self._limits.ping_interval_s
            # Only for the oldest ping without an answer: pings may come faster than the time-out.
            if self._pong_due_s is None:
                self._pong_due_s = now_s + self._limits.pong_timeout_s
            self.push(protocol.PING)
            self._push_marks()

    def _push_marks(self) -> None:
        head = self._around.ring.position
        if head is None:
            return
        publication = protocol.publication(mark(head.n, self._around.feed.verified_at), head.n)
        for name, subscription in self._subscriptions.items():
            if subscription.quiet:
                self.push(protocol.publication_push(name, publication))
            subscription.quiet = True

    async def _read(self) -> None:
        while self._verdict is None:
            message = await self._socket.receive()
            try:
                for command in self._commands(message):
                    if self._verdict is not None:
                        return
                    await self._handle(command)
            except Malformed as error:
                self.close(codes.INVALID_REQUEST, str(error))

    def _commands(self, message: str | bytes) -> list[Command]:
        if isinstance(message, bytes):
            raise Malformed("send JSON in text messages; binary ones are for Protobuf, which is not spoken here")
        if len(message) > self._limits.frame_bytes_max:
            raise Malformed(f"a message is above {self._limits.frame_bytes_max} bytes; send fewer commands at once")
        return protocol.parse_message(message, commands_max=self._limits.commands_per_frame_max)

    async def _handle(self, command: Command) -> None:
        if isinstance(command, Connect):
            self._connect(command)
            return
        if self._identity is None:
            raise Malformed("the first command must be connect")
        match command:
            case Pong():
                self._pong_due_s = None
            case Ping():
                self.push(protocol.empty_reply(command.id, "ping"))
            case Subscribe():
                await self._subscribe(command, self._identity)
            case Unsubscription():
                self._unsubscribe(command)
            case Send():
                self.close(codes.NO_SENDS)
            case Unserved():
                error, message = _UNSERVED[command.method]
                self.push(protocol.error_reply(command.id, error, message))

    def _connect(self, command: Connect) -> None:
        if self._identity is not None:
            raise Malformed("connected already")
        headers = dict(self._headers)
        if command.token:
            headers["authorization"] = f"Bearer {command.token}"
        headers.update(_identity_headers(command.data))
        try:
            identity = self._around.identities.of(headers)
        except Problem as problem:
            if problem.status == _HTTP_UNAUTHORIZED:
                self.close(codes.INVALID_TOKEN, problem.detail)
            else:
                self.push(protocol.error_reply(command.id, codes.BAD_REQUEST, problem.detail))
            return
        self._identity = identity
        who = {"actor": identity.actor, "role": identity.role.value}
        self.push(protocol.connect_reply(command.id, self._client, VERSION, self._limits.ping_interval_s, who))

    async def _subscribe(self, command: Subscribe, identity: Identity) -> None:
        try:
            if command.channel in self._subscriptions:
                raise Refusal(codes.ALREADY_SUBSCRIBED)
            if len(self._subscriptions) >= self._limits.subscriptions_max:
                raise Refusal(codes.LIMIT_EXCEEDED, f"at most {self._limits.subscriptions_max} subscriptions on one connection")
            subscription = await self._around.subscriber.open(command, identity.role, self)
        except Refusal as refusal:
            self.push(protocol.error_reply(command.id, refusal.error, refusal.message))
            return
        self._subscriptions[command.channel] = subscription
        # It begins anew with its reply: what would end the one before must not reach it.
        self._ended.pop(command.channel, None)

    def _unsubscribe(self, command: Unsubscription) -> None:
        self._ended.pop(command.channel, None)
        subscription = self._subscriptions.pop(command.channel, None)
        if subscription is not None:
            self._around.hub.remove(subscription)
        self.push(protocol.empty_reply(command.id, "unsubscribe"))

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._outbox:
                    await self._socket.send(self._outbox.take())
                if self._verdict is not None:
                    why, detail = self._verdict
                    await self._socket.close(why.code, protocol.close_reason(why, detail))
                    return
        except Closed:
            return

    async def _finish(self, writer: asyncio.Task[None]) -> None:
        """Let the writer say goodbye if there is a verdict; its time is bounded by the cut that ``close`` set."""
        if self._verdict is None:
            writer.cancel()
        await asyncio.wait([writer])
        if self._cut is not None:
            self._cut.cancel()

    def _drop_subscriptions(self) -> None:
        for subscription in self._subscriptions.values():
            self._around.hub.remove(subscription)
        self._subscriptions.clear()


def _identity_headers(data: object) -> dict[str, str]:
    """``{"actor": …, "role": …}`` of a connect command as the development headers. Anything else in it is not ours."""
    if not isinstance(data, dict):
        return {}
    fields = cast("dict[str, object]", data)
    names = (("actor", ACTOR_HEADER), ("role", ROLE_HEADER))
    return {header: value for name, header in names if isinstance(value := fields.get(name), str)}
