"""How a command ends: one exit code for each thing that a script may want to tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    FINDING = 1
    USAGE = 2
    AWAY = 3
    NOTHING = 4
    FAULT = 5
    INTERRUPTED = 130
    CLOSED = 141


MEANINGS: Mapping[Exit, str] = {
    Exit.OK: "done; nothing is wrong",
    Exit.FINDING: "done, and something is wrong: a row differs from the log, an entity is parked, a topic is not as declared, a reader lags, "
    "a projection is refused",
    Exit.USAGE: "wrong usage: an option, an id, a time or an address",
    Exit.AWAY: "Kafka, Postgres, command-api or the projector does not answer, or the topic or the read model is not there yet",
    Exit.NOTHING: "the log holds nothing of this id (at this version or time)",
    Exit.FAULT: "a fault in opsctl itself",
    Exit.INTERRUPTED: "ended by Ctrl-C",
    Exit.CLOSED: "whoever read the output closed it",
}


class Stop(Exception):
    """Ends the command with one line on standard error: what is wrong, and what to do."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
