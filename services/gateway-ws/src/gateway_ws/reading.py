"""When Postgres cannot be read now, and what that means here: wait, never guess."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from opsroom_common.postgres.errors import Unavailable


class ReadUnavailable(Exception):
    """Postgres cannot be read now, or has no tables yet; the message says why. Nothing is wrong with the request."""


@contextmanager
def reading() -> Generator[None]:
    """Raise ReadUnavailable when Postgres is away. Other errors pass through: they are defects."""
    try:
        yield
    except Unavailable as error:
        raise ReadUnavailable(str(error)) from error
