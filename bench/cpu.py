"""What each process spends: CPU seconds so far, its children included."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

import psutil

LOAD = "load"
"""This process, which sends the requests."""


def cpu_seconds(pids: Mapping[str, int | None]) -> dict[str, float]:
    """By name, those that live, and ``LOAD``."""
    spent = {LOAD: sum(os.times()[:2])}
    for name, pid in pids.items():
        if pid is not None:
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                spent[name] = sum(_own(each) for each in (process, *process.children(recursive=True)))
    return spent


def _own(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0
