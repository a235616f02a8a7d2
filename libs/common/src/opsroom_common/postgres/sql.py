"""All SQL is in ``.sql`` files, as named statements: ``-- name: load_row`` begins one, the next name or the end of the file ends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^--\s*name:\s*([a-z_][a-z0-9_]*)\s*$", re.MULTILINE)


@cache
def statements(package: str, file: str) -> Mapping[str, str]:
    """The named statements of ``file`` in ``package``. What stands before the first name is a comment. Raises ValueError for a name that comes twice."""
    parts = _NAME.split(script(package, file))
    found: dict[str, str] = {}
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        if name in found:
            raise ValueError(f"{package}/{file}: the statement {name} is there twice; rename one")
        found[name] = text.strip().rstrip(";")
    return found


@cache
def script(package: str, file: str) -> str:
    """The whole text of ``file`` in ``package``."""
    return files(package).joinpath(file).read_text(encoding="utf-8")
