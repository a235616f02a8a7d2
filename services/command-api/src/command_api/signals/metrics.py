"""What ingest and the signals' consumer count."""

from __future__ import annotations

from opsroom_common.runtime.metrics import CounterSpec, GaugeSpec

SIGNALS_TAKEN = CounterSpec("opsroom_signals_taken_total", "Signals that are in ops.signals, by source.", ("source",))
SIGNALS_CUT = CounterSpec(
    "opsroom_signals_cut_total", "Alerts that Alertmanager left out of a webhook (truncatedAlerts); raise max_alerts there.", ("source",)
)
SIGNALS_HANDLED = CounterSpec(
    "opsroom_signals_handled_total",
    "Signals folded, by result: accepted (by the engine), unchanged (known before, or nothing to do), dead (put into ops.signals.dlq).",
    ("result",),
)
SIGNAL_RETRIES = CounterSpec("opsroom_signal_retries_total", "Attempts at a signal that failed for now and will be repeated.")
SIGNALS_LAG = GaugeSpec("opsroom_signals_lag", "Records of ops.signals that wait for this consumer.")
