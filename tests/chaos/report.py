"""A run's table, and its figures as JSON with ``JSON=FILE``."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from .recreated import Recreated
from .run import Outcome

SESSION_TIMEOUT_S = 6.0
TAKEOVER_OVER_S = 2.0
HAND_OVER_MS = 1_000.0
FAULTS_MIN = 50
TOLD = {"Done": "yes", "Refused": "no", "NotApplied": "503, not applied", "Unknown": "unknown"}
"""Answers while the fault lasted; unknown is 503 or no answer at all."""
AIMS = {"kill -9 of an owner": (SESSION_TIMEOUT_S + TAKEOVER_OVER_S) * 1e3, "SIGTERM to an owner": HAND_OVER_MS}
"""In ms, for the slowest partition of the slowest fault."""


def report(outcome: Outcome, recreated: Recreated) -> bool:
    """Print the tables, write the JSON; True if nothing was told wrongly, and enough was broken. With ``CHECK=1`` the aims count too."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    machine = f"{os.cpu_count()} shared cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    load = os.getloadavg()[0]
    console = Console(width=130 if not sys.stdout.isatty() else None)
    console.print(_faults(outcome, f"chaos   {at}   {machine}, load {load:.1f}"))
    console.print(_counts(outcome))
    console.print(
        f"a topic made anew under live writers: {recreated.acknowledged:,} acknowledged on the new one, {recreated.falsely_acknowledged} of them falsely; "
        f"{recreated.restarts} times a replica ended itself and was started again"
    )
    failures = [*outcome.failures, *[f"told wrongly on the new topic: {each}" for each in recreated.examples]]
    if not recreated.served:
        failures.append("a partition of the new topic was not served in time")
    if len(outcome.struck) < FAULTS_MIN:
        failures.append(f"only {len(outcome.struck)} faults; a full run makes at least {FAULTS_MIN}")
    if os.environ.get("CHECK") == "1":
        failures += [
            f"{kind}: unavailable longer than {AIMS[kind]:,.0f} ms"
            for kind, values in outcome.unavailable_ms.items()
            if max(values) > AIMS.get(kind, max(values))
        ]
    for each in failures:
        print(f"chaos: {each}")
    print(f"chaos: {'passed' if not failures else 'failed'} after {outcome.seconds:.0f} s with seed {outcome.seed}")
    target = os.environ.get("JSON")
    if target:
        Path(target).write_text(json.dumps(_document(outcome, recreated, at, machine, load, failures), indent=1) + "\n")
    return not failures


def _faults(outcome: Outcome, title: str) -> Table:
    table = Table(title=title)
    for column in ("fault", "times", "unavailable p50, ms", "max, ms", "aim, ms", *TOLD.values()):
        table.add_column(column, justify="left" if column == "fault" else "right")
    for kind, values in sorted(outcome.unavailable_ms.items()):
        aim = AIMS.get(kind)
        judged = "" if aim is None else f"<= {aim:,.0f}  {'ok' if max(values) <= aim else 'missed'}"
        table.add_row(
            kind,
            str(len(values)),
            f"{statistics.median(values):,.0f}",
            f"{max(values):,.0f}",
            judged,
            *[f"{outcome.answers[kind].get(name, 0):,}" for name in TOLD],
        )
    return table


def _counts(outcome: Outcome) -> Table:
    verdict = outcome.verdict
    table = Table(title="what callers were told, and what is in the log")
    table.add_column("count")
    table.add_column("", justify="right")
    for name in ("acknowledged", "refused", "lost", "duplicated", "falsely_acknowledged", "falsely_refused", "not_linearisable"):
        table.add_row(name.replace("_", " "), f"{getattr(verdict, name):,}")
    table.add_row("attempts", f"{outcome.attempts:,}")
    table.add_row("rows that differ from the fold of the log", f"{len(outcome.row_differences):,}")
    for name, count in sorted(outcome.classes.items()):
        table.add_row(f"records of the log: {name}", f"{count:,}")
    return table


def _document(outcome: Outcome, recreated: Recreated, at: str, machine: str, load: float, failures: list[str]) -> dict[str, object]:
    kinds = [
        {
            "kind": kind,
            "times": len(values),
            "p50_ms": round(statistics.median(values), 1),
            "max_ms": round(max(values), 1),
            "aim_ms": AIMS.get(kind),
            "told": {TOLD[name]: count for name, count in outcome.answers[kind].items()},
        }
        for kind, values in sorted(outcome.unavailable_ms.items())
    ]
    counts = asdict(outcome.verdict)
    counts.pop("examples")
    return {
        "name": "chaos",
        "at": at,
        "machine": machine,
        "load": round(load, 1),
        "seed": outcome.seed,
        "seconds": round(outcome.seconds, 1),
        "session_timeout_s": SESSION_TIMEOUT_S,
        "faults": len(outcome.struck),
        "attempts": outcome.attempts,
        "counts": counts,
        "row_differences": len(outcome.row_differences),
        "log": outcome.classes,
        "unavailable": kinds,
        "recreated_topic": asdict(recreated),
        "failures": failures,
    }
