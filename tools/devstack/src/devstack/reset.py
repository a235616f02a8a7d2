"""Wipes a stack's data: what ``devstack up`` made, and nothing else in that directory."""

from __future__ import annotations

import shutil
from pathlib import Path

from devstack.claim import Claim

_MADE = ("kafka", "postgres", "redis")


def wipe(home: Path) -> list[str]:
    """Remove the servers' data below ``home``; return what was removed. Raises StackRunning when a stack uses it."""
    claim = Claim(home)
    claim.take()
    try:
        removed = [name for name in _MADE if (home / name).exists()]
        for name in removed:
            shutil.rmtree(home / name)
        return removed
    finally:
        claim.release()
