"""What a supervisor runs: a server of ours, or a service as a program."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.error import URLError
from urllib.request import urlopen

from devstack.errors import StartFailed
from devstack.process import spawn, tail
from devstack.stream import Follower, LastLines, pump

_POLL_S = 0.05
_HTTP_OK = 200

OnLine = Callable[[str, str], None]
"""Called with a child's name and a line that it wrote, from any thread."""


class Child(Protocol):
    """Something with a name that is started, watched and stopped. ``start`` and ``stop`` may be called from different threads."""

    @property
    def name(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the children that must be ready before this one starts the first time."""
        ...

    @property
    def where(self) -> str:
        """Its address, for people."""
        ...

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None:
        """Return when it is ready. Raises StartFailed, with nothing left running; any other DevstackError means: trying again is useless."""
        ...

    def stop(self, timeout_s: float) -> None: ...

    def poll(self) -> None:
        """Called often: hand on what was written."""
        ...

    def end(self) -> str:
        """How it ended last, in words."""
        ...

    def last_lines(self) -> tuple[str, ...]: ...


class Server(Protocol):
    """What Kafka, Postgres and Redis have in common."""

    @property
    def log(self) -> Path: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def exit_code(self) -> int | None: ...

    def start(self) -> None: ...

    def stop(self, timeout_s: float) -> None: ...


def words_for(exit_code: int | None) -> str:
    """``exit code 3``, ``signal SIGKILL``, or ``not started``."""
    if exit_code is None:
        return "not started"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"signal {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"signal {-exit_code}"


class ServerChild:
    """A server that logs to a file, which is followed. ``after_start`` prepares it (topics, say), each time; it must be repeatable."""

    def __init__(self, name: str, server: Server, where: str, on_line: OnLine, after_start: Callable[[], None] | None = None) -> None:
        self.name = name
        self.needs: tuple[str, ...] = ()
        self.where = where
        self._server = server
        self._on_line = on_line
        self._after_start = after_start
        self._follower = Follower(server.log)
        # What a server says while it comes and goes is no news; if it fails there, its last lines are shown.
        self._told = False

    @property
    def pid(self) -> int | None:
        return self._server.pid

    def start(self) -> None:
        self._server.start()
        if self._after_start is not None:
            self._after_start()
        self._follower = Follower(self._server.log)
        self._told = True

    def stop(self, timeout_s: float) -> None:
        self._told = False
        self._server.stop(timeout_s)

    def poll(self) -> None:
        told = self._told
        self._follower.poll(lambda line: self._on_line(self.name, line) if told else None)

    def end(self) -> str:
        return words_for(self._server.exit_code)

    def last_lines(self) -> tuple[str, ...]:
        return tuple(tail(self._server.log).splitlines())


@dataclass(frozen=True, slots=True)
class Program:
    """A service as it is declared. It is ready when ``ready_url`` answers 200; without one, as soon as it runs."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    needs: tuple[str, ...] = ()
    where: str = ""
    ready_url: str | None = None
    ready_within_s: float = 60.0


class ProgramChild:
    """Runs a Program; its output goes line by line to ``on_line``."""

    def __init__(self, program: Program, on_line: OnLine) -> None:
        self.name = program.name
        self.needs = program.needs
        self.where = program.where
        self._program = program
        self._on_line = on_line
        self._lines = LastLines()
        self._child: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        if self.pid is not None:
            return
        child = spawn(self._program.argv, stdout=subprocess.PIPE, env=self._program.env)
        self._child = child
        self._reader = threading.Thread(target=self._read, args=(child,), name=f"log-{self.name}", daemon=True)
        self._reader.start()
        deadline = time.monotonic() + self._program.ready_within_s
        while not self._ready():
            if child.poll() is not None:
                raise StartFailed(f"{self.name} ended while it started: {self.end()}")
            if time.monotonic() > deadline:
                self._kill()
                raise StartFailed(
                    f"{self.name} was not ready at {self._program.ready_url} within {self._program.ready_within_s:.0f} s and was ended"
                )
            time.sleep(_POLL_S)

    def stop(self, timeout_s: float) -> None:
        if self._child is None or self._child.poll() is not None:
            return
        self._child.terminate()
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._kill()

    def poll(self) -> None:
        """Nothing to do: a thread reads."""

    def end(self) -> str:
        return words_for(self._child.poll() if self._child is not None else None)

    def last_lines(self) -> tuple[str, ...]:
        if self._reader is not None:
            # What the child wrote last may still be in the pipe.
            self._reader.join(timeout=1.0)
        return self._lines.all()

    def _kill(self) -> None:
        if self._child is not None:
            # Its session is its process group: what it started goes with it.
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def _read(self, child: subprocess.Popen[bytes]) -> None:
        if child.stdout is None:
            return
        with child.stdout as source:
            pump(source, self._take)

    def _take(self, line: str) -> None:
        self._lines.add(line)
        self._on_line(self.name, line)

    def _ready(self) -> bool:
        url = self._program.ready_url
        if url is None:
            return True
        try:
            with urlopen(url, timeout=2.0) as answer:  # noqa: S310 - http on loopback, from the declared table
                return answer.status == _HTTP_OK
        except (URLError, OSError, http.client.HTTPException):
            return False
