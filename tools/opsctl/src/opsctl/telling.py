"""Tells how far a long command is: one line that changes on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.status import Status

from opsctl.screen import Screen, one_line
from opsroom_common.runtime.clock import Clock
from projector.projections.progress import Progress

_EVERY_S = 2.0
_JSON_EVERY_S = 1.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Telling:
    """For the block of one command."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._stack = ExitStack()
        self._status: Status | None = None
        self._said: tuple[str, str | None] | None = None
        self._said_s = 0.0

    def __enter__(self) -> Self:
        if self._screen.width and not self._screen.json:
            self._status = self._stack.enter_context(self._screen.out.status("begins"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def progress(self, progress: Progress) -> None:
        """A step of a build. Something new is told at once, the rest every few seconds."""
        what = (progress.doing, progress.note)
        now_s = self._clock.monotonic()
        every_s = _JSON_EVERY_S if self._screen.json else _EVERY_S
        if self._status is not None:
            self._status.update(progress_words(progress))
        if what == self._said and now_s - self._said_s < every_s:
            return
        new, self._said, self._said_s = what != self._said, what, now_s
        if self._screen.json:
            self._screen.object(
                {
                    "name": progress.name, "doing": progress.doing, "percent": round(progress.percent, 1), "records": progress.records,
                    "records_total": progress.records_total, "events": progress.events, "events_per_s": round(progress.events_per_s),
                    "eta_s": None if progress.eta_s is None else round(progress.eta_s, 1), "rows": progress.rows, "bytes": progress.bytes,
                    "note": progress.note,
                }
            )  # fmt: skip
        elif self._status is None or new:
            self._screen.line(progress_words(progress))

    def doing(self, words: str) -> None:
        """A step of anything else."""
        if self._status is not None:
            self._status.update(one_line(words))
        elif not self._screen.json:
            self._screen.line(one_line(words))

    def say(self, words: str) -> None:
        """How it ended, for people."""
        if not self._screen.json:
            self._screen.line(words)


def progress_words(progress: Progress) -> str:
    """One line: what goes on, how far it is, how fast, and when it will be done."""
    eta = "" if progress.eta_s is None or progress.eta_s <= 0 else f", {duration_words(progress.eta_s)} to go"
    rate = f", {progress.events_per_s:,.0f} events/s" if progress.events else ""
    wrote = f", {progress.rows:,} rows, {size_words(progress.bytes)}" if progress.rows else ""
    note = f"; {one_line(progress.note)}" if progress.note else ""
    counted = f"{progress.percent:5.1f} % of {progress.records_total:,} records"
    return f"{progress.name} {progress.doing}: {counted}{rate}{wrote}{eta}{note}"


def duration_words(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004 - a minute and a half is still read as seconds
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004 - and an hour and a half as minutes


def size_words(size: int) -> str:
    value, unit = float(size), 0
    while value >= 1024 and unit < len(_UNITS) - 1:  # noqa: PLR2004 - by definition of the units
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"
