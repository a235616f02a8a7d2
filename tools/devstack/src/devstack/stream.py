"""One log stream for a whole stack: each line with the name of who wrote it, in that one's colour."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import IO, TextIO

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)
_LINE_CHARS_MAX = 16_384
_KEPT_LINES = 20


class LogStream:
    """Writes whole lines from many threads. When nobody reads any more, ``on_closed`` is called once and lines are dropped."""

    def __init__(self, out: TextIO, names: Sequence[str], on_closed: Callable[[], None] = lambda: None) -> None:
        self._out = out
        self._width = max((len(name) for name in names), default=0)
        self._colour = {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}
        self._coloured = out.isatty() and not os.environ.get("NO_COLOR")
        self._on_closed = on_closed
        self._closed = False
        self._lock = Lock()

    def say(self, text: str) -> None:
        """A line of the supervisor's own."""
        self._write(text + "\n")

    def line(self, name: str, text: str) -> None:
        """A line that the child ``name`` wrote. Cut at 16,384 characters."""
        mark = f"{name:<{self._width}} |"
        if self._coloured:
            mark = f"\x1b[{self._colour.get(name, 37)}m{mark}\x1b[0m"
        self._write(f"{mark} {text[:_LINE_CHARS_MAX]}\n")

    def _write(self, text: str) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                self._out.write(text)
                self._out.flush()
            except (OSError, ValueError):
                self._closed = True
        if self._closed:
            self._on_closed()


class LastLines:
    """The last twenty lines that a child wrote."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)

    def add(self, line: str) -> None:
        self._lines.append(line[:_LINE_CHARS_MAX])

    def all(self) -> tuple[str, ...]:
        return tuple(self._lines)


class Follower:
    """Hands on the lines that are appended to a file, from its present end; a file that was cut is read from its start."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = file.stat().st_size if file.exists() else 0
        self._rest = b""

    def poll(self, handle: Callable[[str], None]) -> None:
        """Call ``handle`` with each line that was completed since the last call."""
        try:
            with self._file.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._at:
                    self._at, self._rest = 0, b""
                file.seek(self._at)
                fresh = file.read(1 << 20)
        except FileNotFoundError:
            return
        self._at += len(fresh)
        *lines, rest = (self._rest + fresh).split(b"\n")
        self._rest = rest[-_LINE_CHARS_MAX:]
        for line in lines:
            handle(line.decode(errors="replace"))


def pump(source: IO[bytes], handle: Callable[[str], None]) -> None:
    """Call ``handle`` with each line of ``source`` until it ends. For a thread of its own. A longer line than 16,384 bytes is split."""
    while line := source.readline(_LINE_CHARS_MAX):
        handle(line.rstrip(b"\r\n").decode(errors="replace"))
