"""The names of projections: ``read_v1``, ``read_v2`` and so on. A name is also its schema's, so it goes into SQL text: only these are let in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from opsroom_common.postgres.sql import statements

FIRST = "read_v1"
"""The first projection of a database; in our ``.sql`` files it stands for whichever projection is meant."""
_NAME = re.compile(r"read_v([1-9][0-9]{0,5})")


class BadName(ValueError):
    """No name of a projection."""


def number_of(name: str) -> int:
    """The number in a name. Raises BadName."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise BadName(f"{name!r} is no name of a projection: they are like read_v2; `opsctl projections list` shows them")
    return int(found[1])


def next_name(names: Iterable[str]) -> str:
    """The name after the highest of ``names``: a number is not used twice while anybody may remember it."""
    return f"read_v{1 + max((number_of(name) for name in names), default=0)}"


def written_for(text: str, name: str) -> str:
    """SQL text of ours, for the projection ``name``. Raises BadName."""
    number_of(name)
    return text.replace(FIRST, name)


@cache
def statements_for(package: str, file: str, name: str) -> Mapping[str, str]:
    """The named statements of a file, for the projection ``name``. Raises BadName."""
    return {key: written_for(text, name) for key, text in statements(package, file).items()}
