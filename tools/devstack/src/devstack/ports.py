"""Free TCP ports that stay free until their server binds them.

A port from the kernel (bind to 0, close) can be given to somebody's outgoing connection a moment later. These come from below the
kernel's ephemeral range, and a file lock, held while this process lives, keeps other runs of this code away from them.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from threading import Lock

HOST = "127.0.0.1"
_FIRST, _LAST = 20_000, 29_999
_held: dict[int, int] = {}
_guard = Lock()


def is_free(port: int) -> bool:
    """True if a server could listen on ``port`` of the loopback interface now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection of an earlier run that lingers in TIME_WAIT is no listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a free port that no other caller of this function gets while this process lives. Raises OSError when all are taken."""
    size = _LAST - _FIRST + 1
    start = os.getpid() * 37 % size
    with _guard:
        for step in range(size):
            port = _FIRST + (start + step) % size
            if port not in _held and _reserve(port):
                return port
    raise OSError(f"no free port between {_FIRST} and {_LAST}: end what holds them")


def _reserve(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"opsroom-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return False
    if not is_free(port):
        os.close(handle)
        return False
    _held[port] = handle
    return True
