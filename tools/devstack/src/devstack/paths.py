"""Where the workspace is, and what in it belongs to the development stack."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
"""tools/devstack: the package is only ever installed editable, so its neighbours are in reach."""

ROOT = PACKAGE.parents[1]
"""The root of the workspace."""


def home() -> Path:
    """The data of ``devstack up``: OPSROOM_HOME, else ``.opsroom`` in the workspace."""
    return Path(os.environ.get("OPSROOM_HOME") or ROOT / ".opsroom").absolute()


def cache() -> Path:
    """What was downloaded and can be downloaded again: OPSROOM_CACHE, else ``.cache`` in the workspace."""
    return Path(os.environ.get("OPSROOM_CACHE") or ROOT / ".cache").absolute()
