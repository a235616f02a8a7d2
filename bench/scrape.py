"""A service's own metrics, as numbers."""

from __future__ import annotations

from urllib.request import urlopen

STAGES = ("parse", "decide", "queue", "append", "answer")


def scrape(url: str) -> dict[str, float]:
    """Every sample of ``/metrics`` by its name and labels, as they are written."""
    with urlopen(f"{url}/metrics", timeout=10.0) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line and not line.startswith("#"))}


def lag(samples: dict[str, float]) -> float:
    """Records that the projector has not folded yet."""
    return sum(value for name, value in samples.items() if name.startswith("opsroom_projector_lag_records{"))


def stage_seconds(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Seconds of all commands between two scrapes of command-api, by stage. What is in no other stage is the answer: from the ack until it is
    written, the wait for the event loop included.
    """

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    known = {stage: grown(f'opsroom_engine_stage_seconds_total{{stage="{stage}"}}') for stage in STAGES[1:4]}
    parse = grown("opsroom_command_parse_seconds_total")
    return {"parse": parse, **known, "answer": max(0.0, grown("opsroom_command_seconds_sum") - parse - sum(known.values()))}
