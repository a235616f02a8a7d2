"""Who listens to what: every entry goes, in feed order, to the subscriptions of its channels. Synchronous, so that no order can be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from gateway_ws.live import protocol
from gateway_ws.live.channels import Channel, channels_of
from gateway_ws.live.codes import RESYNC
from gateway_ws.live.filters import TagFilter, matches
from gateway_ws.live.publications import Prepared
from gateway_ws.metrics import GatewayMetrics
from opsroom_common.runtime.clock import Clock

_SPREAD_S_MIN = 0.25
"""Below it all are told at once: connections look at the clock no more often."""
_SPREAD_S_MAX = 10.0


class Outlet(Protocol):
    """A connection, as the hub sees it."""

    def push(self, frame: str) -> None:
        """Queue one frame. Never blocks, never raises: a connection that cannot keep up closes itself."""
        ...

    def ended(self, subscription: Subscription, frame: str, delay_s: float) -> None:
        """The hub dropped this subscription: queue its last frame in ``delay_s`` seconds. Never blocks, never raises."""
        ...


@dataclass(slots=True, eq=False)
class Subscription:
    """One connection's interest in one channel."""

    channel: Channel
    tags_filter: TagFilter | None
    outlet: Outlet
    quiet: bool = True
    """Nothing was published to it since the last ping: it is due a mark."""


class Hub:
    """All subscriptions of this gateway, by channel and by distinct filter.

    ``jitter`` gives a number from 0 to 1. At a resync about ``resyncs_per_s`` connections are told each second, and all within ten seconds.
    """

    def __init__(
        self, clock: Clock, metrics: GatewayMetrics, *, jitter: Callable[[], float] = lambda: 0.0, resyncs_per_s: float = 500.0
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._jitter = jitter
        self._resyncs_per_s = resyncs_per_s
        self._channels: dict[str, dict[TagFilter | None, set[Subscription]]] = {}

    def add(self, subscription: Subscription) -> None:
        groups = self._channels.setdefault(subscription.channel.name, {})
        groups.setdefault(subscription.tags_filter, set()).add(subscription)
        self._metrics.subscriptions.inc()

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription; one that is not here is no error."""
        name = subscription.channel.name
        groups = self._channels.get(name, {})
        group = groups.get(subscription.tags_filter, set())
        if subscription not in group:
            return
        group.discard(subscription)
        self._metrics.subscriptions.dec()
        if not group:
            del groups[subscription.tags_filter]
        if not groups:
            del self._channels[name]

    def deliver(self, prepared: Prepared) -> None:
        """Send an entry to all whom it concerns. Frames are built once per channel, filters evaluated once per distinct filter."""
        entry = prepared.entry
        sent = self._clock.now()
        for name in channels_of(entry.kind, entry.entity_id):
            groups = self._channels.get(name)
            if groups is None:
                continue
            row: str | None = None
            for tags_filter, group in groups.items():
                if tags_filter is None or matches(tags_filter, entry.now):
                    row = row or protocol.publication_push(name, protocol.publication(prepared.row(sent), entry.position.n))
                    frame = row
                elif entry.was is not None and matches(tags_filter, entry.was):
                    frame = protocol.publication_push(name, protocol.publication(prepared.gone(sent), entry.position.n))
                else:
                    continue
                self._metrics.delivered.inc(len(group))
                for subscription in group:
                    subscription.quiet = False
                    subscription.outlet.push(frame)

    def resync(self, message: str) -> None:
        """End every subscription in such a way that its client subscribes again and learns that it needs a fresh snapshot.

        From this moment none of them is told anything of the feed. Each connection is told so at a moment of its own, so that not all clients
        ask for their snapshots at once.
        """
        ended = list(self._all())
        self._channels.clear()
        self._metrics.subscriptions.set(0)
        self._metrics.resyncs.inc(len(ended))
        outlets = {id(subscription.outlet) for subscription in ended}
        spread_s = min(_SPREAD_S_MAX, len(outlets) / self._resyncs_per_s)
        delays = {outlet: self._jitter() * spread_s if spread_s >= _SPREAD_S_MIN else 0.0 for outlet in outlets}
        for subscription in ended:
            frame = protocol.unsubscribe_push(subscription.channel.name, RESYNC, message)
            subscription.outlet.ended(subscription, frame, delays[id(subscription.outlet)])

    def _all(self) -> Iterator[Subscription]:
        for groups in self._channels.values():
            for group in groups.values():
                yield from group
