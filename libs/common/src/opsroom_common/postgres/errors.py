"""What Postgres says, in three words: try again, never with these values, or our own mistake (which passes through)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

_UNAVAILABLE_CLASSES = ("08", "28", "40", "53", "57", "58", "3D", "25", "XX")
"""Connection, authorisation, rollback (deadlock), resources, operator (shutdown, time-out), system, no such database, read-only, internal."""
_REJECTED_CLASSES = ("22", "54")
"""Data exceptions (a NUL in a text, say) and program limits (a key that is too long for an index)."""
_LOCK_TIMEOUT = "55P03"
_NOT_INSTALLED = ("42P01", "3F000", "42703")
"""Undefined table, undefined schema; undefined column: tables of an older release, which the next projector to start brings up to date."""


class Unavailable(Exception):
    """Postgres cannot answer now. What the statement would have done is done or not done; read before you repeat it."""


class NotInstalled(Unavailable):
    """The read model has no tables yet, or those of an older release: the projector, which makes them, has not run on this database."""


class Rejected(Exception):
    """Postgres refuses these values, now and always. Nothing was done."""


@contextmanager
def translated() -> Generator[None]:
    """Raise Unavailable and Rejected instead of the driver's errors; errors in our SQL pass through as they are."""
    try:
        yield
    except asyncpg.PostgresError as error:
        state = str(getattr(error, "sqlstate", None) or "XX000")
        said = f"Postgres: {error} ({state})"
        if state in _NOT_INSTALLED:
            raise NotInstalled(
                f"the read model has no tables yet, or those of an older release ({state}); start the projector of this one"
            ) from error
        if state[:2] in _REJECTED_CLASSES:
            raise Rejected(said) from error
        if state[:2] in _UNAVAILABLE_CLASSES or state == _LOCK_TIMEOUT or isinstance(error, asyncpg.InvalidCachedStatementError):
            raise Unavailable(said) from error
        raise
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError) as error:
        # The driver's own refusal of a value is both an interface error and a ValueError.
        if isinstance(error, ValueError):
            raise Rejected(f"Postgres: {error}") from error
        raise Unavailable(f"Postgres: {type(error).__name__} {error}".rstrip()) from error
