"""One child process on a leash: it is stopped, killed and paused by its id, and dies when this process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

import psutil

from devstack.errors import StartFailed

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_POLL_S = 0.02
_TAIL_LINES = 15
_TAIL_BYTES = 16_384


@cache
def _spawner() -> ThreadPoolExecutor:
    # The kernel ties a child to the *thread* that started it. This one lives as long as the process, whoever calls.
    return ThreadPoolExecutor(1, thread_name_prefix="devstack-spawner")


def leashed(argv: Sequence[str], user: str | None = None) -> list[str]:
    """The command that runs ``argv`` on a leash to this process, as ``user`` if one is named."""
    return [sys.executable, "-I", "-S", _LAUNCH, str(os.getpid()), user or "-", *argv]


def spawn(
    argv: Sequence[str],
    *,
    stdout: int | IO[bytes] | None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``argv`` on a leash, in its own session (a Ctrl-C in the terminal does not reach it), with stderr in ``stdout``.

    ``env`` is added to this process' environment.
    """
    environment = {**os.environ, **(env or {})}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            leashed(argv, user),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )

    return _spawner().submit(start).result()


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log file; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


@dataclass(slots=True)
class ServerProcess:
    """A server that logs to a file. Not thread-safe; every method may be repeated."""

    name: str
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The server's process id, while it lives."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How the last run ended: negative is a signal; ``None`` while it lives or before it started."""
        return self._child.poll() if self._child is not None else None

    def start(
        self,
        argv: Sequence[str],
        ready: Callable[[], bool],
        timeout_s: float,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start the server and wait until ``ready()``. Raises StartFailed, with nothing left running."""
        if self.pid is not None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self._child = spawn(argv, stdout=out, env=env, cwd=cwd, user=self.user)
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.pid is None:
                raise StartFailed(f"{self.name} ended with code {self.exit_code} while it started; see {self.log}:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                self.kill()
                raise StartFailed(f"{self.name} was not ready within {timeout_s:.0f} s and was ended; see {self.log}:\n{tail(self.log)}")
            time.sleep(_POLL_S)

    def stop(self, timeout_s: float = 10.0) -> None:
        """Ask the server to end; after ``timeout_s`` kill it."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        self.resume()
        child.send_signal(self.stop_signal)
        try:
            child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL the server and its children at once, as a crash does."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self._child is not None:
            self._child.wait()

    def pause(self) -> None:
        """SIGSTOP the server and its children: they hold their connections and say nothing."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        """SIGCONT: the opposite of ``pause``."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _family(self) -> list[psutil.Process]:
        # The parent first: a stopped or dead parent starts no more children. Postgres' children are sessions of their own,
        # so their process group would not reach them.
        if self.pid is None:
            return []
        try:
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []
