"""Who uses a data directory: a lock that dies with its holder, and a record of the children that a dead holder may have left."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

from devstack.errors import StackRunning

_BORN_SLACK_S = 1.0


@dataclass(frozen=True, slots=True)
class Member:
    """A child as it was recorded. ``born`` (Unix seconds, from the kernel) tells it from a later process with the same id."""

    pid: int
    born: float
    where: str

    @classmethod
    def of(cls, pid: int, where: str) -> Self | None:
        """The process ``pid`` as it is now, or ``None`` when it is gone."""
        try:
            return cls(pid, psutil.Process(pid).create_time(), where)
        except psutil.NoSuchProcess:
            return None

    def lives(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.born) < _BORN_SLACK_S and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


class Claim:
    """The right to use ``home``. ``take`` it before anything is started; it ends with this process, however that ends."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._record = home / "stack.json"
        self._handle: int | None = None

    def take(self) -> None:
        """Raises StackRunning when a stack runs here, or when children of a dead one are left."""
        self._home.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._home / "stack.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 20).decode(errors="replace").strip()
            os.close(handle)
            raise StackRunning(
                f"a stack already runs on {self._home} (pid {holder or 'unknown'}): stop it with Ctrl-C there, or with kill {holder}"
            ) from None
        left = {name: member for name, member in self.members().items() if member.lives()}
        if left:
            os.close(handle)
            names = ", ".join(f"{name} (pid {member.pid})" for name, member in left.items())
            pids = " ".join(str(member.pid) for member in left.values())
            raise StackRunning(
                f"a stack on {self._home} is half alive: its supervisor is gone and {names} still runs: end that with kill {pids}, then try again"
            )
        os.truncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle

    def record(self, children: Mapping[str, Member]) -> None:
        """Write down who runs, for ``members`` of others."""
        draft = self._record.with_suffix(".new")
        draft.write_text(json.dumps({name: asdict(member) for name, member in children.items()}))
        draft.replace(self._record)

    def members(self) -> dict[str, Member]:
        """The children that were recorded last, alive or not."""
        try:
            read = json.loads(self._record.read_text())
            return {str(name): Member(int(each["pid"]), float(each["born"]), str(each["where"])) for name, each in read.items()}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def release(self) -> None:
        """Give the directory back; the record is removed, since nothing of ours runs any more."""
        if self._handle is not None:
            with suppress(FileNotFoundError):
                self._record.unlink()
            os.close(self._handle)
            self._handle = None
