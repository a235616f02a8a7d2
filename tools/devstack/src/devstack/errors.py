"""What can go wrong here, as one line that says what to do next."""

from __future__ import annotations


class DevstackError(Exception):
    """Base: its text is one line for a person, printed without a traceback; the command then exits 1."""


class StartFailed(DevstackError):
    """A server did not become ready in its bound; it is not running any more. The text ends with its last lines."""


class PortTaken(DevstackError):
    """A wanted port belongs to another process. Nothing was started."""


class StackRunning(DevstackError):
    """The data directory belongs to a stack that runs, or that did not end cleanly and still has children."""
