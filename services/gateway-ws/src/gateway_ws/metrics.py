"""The gateway's metrics, each declared once with what it counts."""

from __future__ import annotations

from typing import Final

from opsroom_common.runtime.metrics import CounterSpec, GaugeSpec, HistogramSpec, Metrics

_CONNECTIONS: Final = GaugeSpec("gateway_connections", "Open WebSocket connections.")
_SUBSCRIPTIONS: Final = GaugeSpec("gateway_subscriptions", "Subscriptions of all connections together.")
_DELIVERED: Final = CounterSpec("gateway_publications_total", "Publications queued to subscriptions, marks not counted.")
_RESYNCS: Final = CounterSpec("gateway_resyncs_total", "Subscriptions ended so that their clients take a fresh snapshot.")
_RECOVERIES: Final = CounterSpec("gateway_recoveries_total", "Subscribe commands that asked to recover, by outcome.", ("outcome",))
_CLOSED: Final = CounterSpec("gateway_disconnects_total", "Connections that this gateway closed, by close code.", ("code",))
_REFUSED: Final = CounterSpec("gateway_handshakes_refused_total", "WebSocket handshakes refused, by reason.", ("reason",))
_ENTRIES: Final = CounterSpec(
    "gateway_feed_entries_total", "Feed entries taken, by where they came from: carrier (Redis) or table (Postgres).", ("source",)
)
_LAG: Final = GaugeSpec("gateway_feed_lag", "Positions between the feed's head and this gateway, as last seen.")
_CARRIER: Final = GaugeSpec("gateway_carrier_up", "1 while Redis carries the feed, 0 while the table is polled.")
_QUERY: Final = HistogramSpec("gateway_query_seconds", "Time that a query's statement took.", ("query",))


class GatewayMetrics:
    """The live ones of one process."""

    def __init__(self, metrics: Metrics) -> None:
        self.connections = metrics.gauge(_CONNECTIONS)
        self.subscriptions = metrics.gauge(_SUBSCRIPTIONS)
        self.delivered = metrics.counter(_DELIVERED)
        self.resyncs = metrics.counter(_RESYNCS)
        self.recoveries = metrics.counter(_RECOVERIES)
        self.closed = metrics.counter(_CLOSED)
        self.refused = metrics.counter(_REFUSED)
        self.entries = metrics.counter(_ENTRIES)
        self.lag = metrics.gauge(_LAG)
        self.carrier_up = metrics.gauge(_CARRIER)
        self.query_seconds = metrics.histogram(_QUERY)
