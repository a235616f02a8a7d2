"""How a subscription begins: with exactly what its client missed, or with the plain word that it must take a fresh snapshot.

History is in memory and everything from the verdict to the registration happens in one step without an await. So there is nothing to
buffer and to merge: an entry is either in the ring before that step, or delivered live after it.
"""

from __future__ import annotations

import asyncio

from gateway_ws.live import codes, protocol
from gateway_ws.live.channels import Channel, parse_channel
from gateway_ws.live.feed import Feed
from gateway_ws.live.filters import BadFilter, TagFilter, matches, parse_filter
from gateway_ws.live.hub import Hub, Outlet, Subscription
from gateway_ws.live.limits import Limits
from gateway_ws.live.protocol import RecoverFrom, Subscribe
from gateway_ws.live.publications import mark
from gateway_ws.live.recover import Verdict, judge
from gateway_ws.live.ring import Ring
from gateway_ws.metrics import GatewayMetrics
from gateway_ws.permissions import client_epoch
from gateway_ws.reading import ReadUnavailable
from opsroom_common.auth.identity import Role
from opsroom_common.feed.port import Position
from opsroom_common.runtime.clock import Clock

CATCH_UP_TIMEOUT_S = 2.0


class Refusal(Exception):
    """The subscribe command is answered with this error."""

    def __init__(self, error: codes.ErrorCode, message: str | None = None) -> None:
        super().__init__(message or error.message)
        self.error = error
        self.message = message


class Subscriber:
    """Opens subscriptions for all connections."""

    def __init__(self, *, ring: Ring, hub: Hub, feed: Feed, clock: Clock, limits: Limits, metrics: GatewayMetrics) -> None:
        self._ring = ring
        self._hub = hub
        self._feed = feed
        self._clock = clock
        self._limits = limits
        self._metrics = metrics

    async def open(self, command: Subscribe, role: Role, outlet: Outlet) -> Subscription:
        """Queue the reply, the missed publications in it, and register for what follows. Raises Refusal; then nothing is registered."""
        channel = self._channel(command, role)
        tags_filter = self._filter(command, channel)
        if command.recover is not None:
            await self._reach(command.recover, role)
        # No await from here on.
        head = self._ring.position
        if head is None:
            raise Refusal(codes.INTERNAL, "the change feed has no position yet; try again")
        subscription = Subscription(channel, tags_filter, outlet)
        outlet.push(self._reply(command, subscription, head))
        self._hub.add(subscription)
        return subscription

    def _channel(self, command: Subscribe, role: Role) -> Channel:
        if len(command.channel) > self._limits.channel_chars_max:
            raise Refusal(codes.LIMIT_EXCEEDED, f"channel names have at most {self._limits.channel_chars_max} characters")
        channel = parse_channel(command.channel)
        if channel is None:
            raise Refusal(codes.UNKNOWN_CHANNEL, "unknown channel; use board:incident@ROLE or entity:ID@ROLE")
        if channel.role != role:
            raise Refusal(codes.PERMISSION_DENIED, f"permission denied; your channels end in @{role}")
        return channel

    def _filter(self, command: Subscribe, channel: Channel) -> TagFilter | None:
        if command.tags_filter is None:
            return None
        if not channel.is_board:
            raise Refusal(codes.BAD_REQUEST, "a tags filter is for boards; subscribe to an entity without one")
        try:
            return parse_filter(command.tags_filter, nodes_max=self._limits.filter_nodes_max, depth_max=self._limits.filter_depth_max)
        except BadFilter as error:
            raise Refusal(codes.BAD_REQUEST, str(error)) from error

    async def _reach(self, asked: RecoverFrom, role: Role) -> None:
        """A client that has seen more than this gateway is right: read on before judging it."""
        head = self._ring.position
        if head is not None and judge(asked, role, self._ring.floor, head) is not Verdict.AHEAD:
            return
        try:
            await asyncio.wait_for(self._feed.catch_up(), CATCH_UP_TIMEOUT_S)
        except (ReadUnavailable, TimeoutError) as error:
            raise Refusal(codes.INTERNAL, "the change feed cannot be read now; try again") from error

    def _reply(self, command: Subscribe, subscription: Subscription, head: Position) -> str:
        role = subscription.channel.role
        epoch = client_epoch(head.epoch, role)
        asked = command.recover
        if asked is None:
            return protocol.subscribe_reply(command.id, epoch, head.n, recovered=False, was_recovering=False, publications=())
        verdict = judge(asked, role, self._ring.floor, head)
        missed = self._missed(asked.offset, subscription, head) if verdict is Verdict.RECOVERED else None
        self._metrics.recoveries.labels(outcome="recovered" if missed is not None else verdict.value.replace(" ", "_")).inc()
        if missed is not None:
            return protocol.subscribe_reply(command.id, epoch, asked.offset, recovered=True, was_recovering=True, publications=missed)
        if command.reject_unrecovered:
            raise Refusal(codes.UNRECOVERABLE_POSITION, "unrecoverable position; take a fresh snapshot and subscribe from its position")
        return protocol.subscribe_reply(command.id, epoch, head.n, recovered=False, was_recovering=True, publications=())

    def _missed(self, offset: int, subscription: Subscription, head: Position) -> list[str] | None:
        """What the subscription would have got after ``offset``, and a mark at the head; None if that is more than a fresh snapshot is worth."""
        sent = self._clock.now()
        publications: list[str] = []
        size = 0
        last = offset
        tags_filter = subscription.tags_filter
        for prepared in self._ring.after(offset):
            entry = prepared.entry
            if not subscription.channel.carries(entry.kind, entry.entity_id):
                continue
            if tags_filter is None or matches(tags_filter, entry.now):
                data = prepared.row(sent)
            elif entry.was is not None and matches(tags_filter, entry.was):
                data = prepared.gone(sent)
            else:
                continue
            last = entry.position.n
            size += len(data)
            if size > self._limits.recovery_bytes_max:
                return None
            publications.append(protocol.publication(data, last))
        if last < head.n:
            publications.append(protocol.publication(mark(head.n, self._feed.verified_at), head.n))
        return publications
