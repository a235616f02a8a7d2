"""Makes ``given_when_then`` and ``examples`` importable: with importlib mode pytest adds no test folder to the path by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("given_when_then")
