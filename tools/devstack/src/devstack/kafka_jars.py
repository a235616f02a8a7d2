"""Kafka's jars: copied once by Maven, from the coordinates in ``tools/devstack/kafka/pom.xml``."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from devstack.errors import DevstackError
from devstack.paths import PACKAGE, cache

_POM = PACKAGE / "kafka" / "pom.xml"
_TIMEOUT_S = 600


def kafka_jars() -> Path:
    """The folder of the jars; filled first when it is missing or the coordinates have changed. Raises DevstackError."""
    folder = cache() / "kafka"
    stamp, wanted = folder / "pom.sha256", hashlib.sha256(_POM.read_bytes()).hexdigest()
    if _current(stamp) == wanted:
        return folder / "lib"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        # Two test runs on a fresh clone: the second one waits for the first one's jars.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _current(stamp) != wanted:
            _copy(folder)
            stamp.write_text(wanted)
    return folder / "lib"


def _current(stamp: Path) -> str | None:
    return stamp.read_text() if stamp.exists() else None


def _copy(folder: Path) -> None:
    fresh = folder / "lib.new"
    shutil.rmtree(fresh, ignore_errors=True)
    maven = shutil.which("mvn")
    if maven is None:
        raise DevstackError("Maven is missing: install it (Debian: apt-get install maven) and try again")
    argv = [maven, "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise DevstackError(
            f"Maven could not fetch Kafka's jars; check the network and try again: {(result.stdout + result.stderr).strip()[-1500:]}"
        )
    shutil.rmtree(folder / "lib", ignore_errors=True)
    fresh.rename(folder / "lib")
