"""One table for every benchmark: printed, written as JSON with ``JSON=FILE``, judged with ``CHECK=1``."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

PACKAGES = ("aiokafka", "asyncpg", "eventsourcing", "fastapi", "fastavro", "psycopg", "redis", "uvicorn", "uvloop")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its peer's. ``ratio`` is ours / peer; ``aim`` is what ``ok`` was judged by, in words."""

    metric: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    aim: str = ""
    ok: bool | None = None

    def judged(self, aim: str, *, ok: bool) -> Row:
        """The same row with a verdict."""
        return replace(self, aim=aim, ok=ok)

    @property
    def ratio(self) -> float | None:
        return None if not self.peer else self.ours / self.peer


def report(name: str, rows: Sequence[Row], notes: Sequence[str] = ()) -> None:
    """Print the table; write it where ``JSON`` says; with ``CHECK=1`` exit 1 when a row misses its aim."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    load = os.getloadavg()[0]
    table = Table(title=f"{name}   {at}   {machine}, load {load:.1f}")
    for column in ("metric", "unit", "ours", "peer", "ratio", "aim"):
        table.add_column(column, justify="left" if column in {"metric", "unit", "aim"} else "right")
    for row in rows:
        peer = "" if row.peer is None else f"{row.peer:,.2f} ({row.peer_name})"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        verdict = {None: "", True: "  ok", False: "  missed"}[row.ok]
        table.add_row(row.metric, row.unit, f"{row.ours:,.2f}", peer, ratio, f"{row.aim}{verdict}")
    Console(width=150 if not sys.stdout.isatty() else None).print(table)
    for note in notes:
        print(note)
    target = os.environ.get("JSON")
    if target:
        document = {
            "name": name,
            "at": at,
            "machine": machine,
            "load": load,
            "versions": {package: version(package) for package in PACKAGES},
            "rows": [{**asdict(row), "ratio": row.ratio} for row in rows],
        }
        Path(target).write_text(json.dumps(document, indent=1) + "\n")
    if os.environ.get("CHECK") == "1" and any(row.ok is False for row in rows):
        sys.exit(1)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
