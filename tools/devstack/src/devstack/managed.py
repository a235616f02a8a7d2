"""What Kafka, Postgres and Redis have in common: one process in a folder, on one port, that is stopped, killed, paused and restarted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from devstack.ports import free_port
from devstack.process import ServerProcess


class ManagedServer(ABC):
    """A server in ``folder`` on ``port`` (a free one if None). Not thread-safe; every method blocks and may be repeated."""

    def __init__(self, folder: Path, port: int | None, process: ServerProcess) -> None:
        self.port = port if port is not None else free_port()
        self._folder = folder
        self._process = process

    @property
    def log(self) -> Path:
        return self._process.log

    @property
    def pid(self) -> int | None:
        """While it lives."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the last run ended: negative is a signal; None while it lives or before it started."""
        return self._process.exit_code

    @abstractmethod
    def start(self) -> None:
        """Start the server; return when it answers. Raises StartFailed, with nothing left running."""

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop cleanly, or by force after ``timeout_s``."""
        self._process.stop(timeout_s)

    def kill(self) -> None:
        """SIGKILL to the server and its children at once, as a crash does."""
        self._process.kill()

    def pause(self) -> None:
        """SIGSTOP: connections stay, answers do not come."""
        self._process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self._process.resume()

    def restart(self) -> None:
        """Stop cleanly and start again in the same folder, on the same port."""
        self.stop()
        self.start()
