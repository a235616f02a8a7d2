"""What the processes count."""

from __future__ import annotations

from opsroom_common.runtime.metrics import CounterSpec, GaugeSpec

PROCESSES_CARRIED_OUT = CounterSpec(
    "opsroom_processes_carried_out_total",
    "Causes that are dealt with, by event type and result: done (steps were taken), unchanged (there was nothing to do), unreadable.",
    ("type", "result"),
)
PROCESS_RETRIES = CounterSpec("opsroom_process_retries_total", "Tries at a cause that failed for now and will be repeated.")
PROCESSES_UNDER_WAY = GaugeSpec("opsroom_processes_under_way", "Causes that are read and not yet dealt with.")
PROCESSES_LAG = GaugeSpec("opsroom_processes_lag", "Records of ops.events, in this replica's partitions, that are not dealt with.")
