"""What the command doors count."""

from __future__ import annotations

from opsroom_common.runtime.metrics import CounterSpec, HistogramSpec

COMMANDS = CounterSpec(
    "opsroom_commands_total",
    "Commands answered, by command and by the answer's code (ok, replayed, or the problem's code).",
    ("command", "outcome"),
)
COMMAND_SECONDS = HistogramSpec(
    "opsroom_command_seconds",
    "Time from the request's arrival at the door until its answer is written, accepted commands only, in seconds.",
)
PARSE_SECONDS = CounterSpec(
    "opsroom_command_parse_seconds_total", "The part of opsroom_command_seconds until the command is handed to the engine, in seconds."
)
