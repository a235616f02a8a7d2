"""Every code of the live protocol that this gateway sends, in one place. The numbers are Centrifugo's, so that its SDKs act on them.

A client reconnects by itself after a disconnect code below 3500, and does not after 3500 to 3999. It subscribes again by itself after
an unsubscribe code of 2500 or more. A temporary error is retried by the SDK with back-off; any other one ends the attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """The answer to a command that was not carried out. ``meaning`` says when it is sent."""

    code: int
    message: str
    temporary: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Why the server closes a connection: the close code, and the first words of the close reason."""

    code: int
    reason: str
    meaning: str

    @property
    def reconnects(self) -> bool:
        """Whether an SDK comes back by itself."""
        return self.code < _TERMINAL_FROM


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Why the server ends one subscription."""

    code: int
    reason: str
    meaning: str


_TERMINAL_FROM: Final = 3500

INTERNAL: Final = ErrorCode(100, "internal server error", True, "the gateway has no feed position yet, or failed; try again")
UNKNOWN_CHANNEL: Final = ErrorCode(102, "unknown channel", False, "channels are board:KIND@ROLE and entity:ID@ROLE")
PERMISSION_DENIED: Final = ErrorCode(103, "permission denied", False, "the channel is another role's, or clients may not publish")
METHOD_NOT_FOUND: Final = ErrorCode(
    104, "method not found", False, "there are no remote procedures; commands go to the command API over HTTP"
)
ALREADY_SUBSCRIBED: Final = ErrorCode(105, "already subscribed", False, "one subscription per channel and connection")
LIMIT_EXCEEDED: Final = ErrorCode(106, "limit exceeded", False, "too many subscriptions on this connection, or too long a channel name")
BAD_REQUEST: Final = ErrorCode(
    107, "bad request", False, "well-formed, but not acceptable: identity data or a tags filter that makes no sense"
)
NOT_AVAILABLE: Final = ErrorCode(108, "not available", False, "presence, history and token refresh are not offered")
UNRECOVERABLE_POSITION: Final = ErrorCode(
    112, "unrecoverable position", False, "asked for with flag 2: take a fresh snapshot and subscribe from its position"
)

ERRORS: Final = (
    INTERNAL,
    UNKNOWN_CHANNEL,
    PERMISSION_DENIED,
    METHOD_NOT_FOUND,
    ALREADY_SUBSCRIBED,
    LIMIT_EXCEEDED,
    BAD_REQUEST,
    NOT_AVAILABLE,
    UNRECOVERABLE_POSITION,
)

SHUTDOWN: Final = Disconnect(3001, "shutdown", "this gateway drains; connect again and recover")
SERVER_ERROR: Final = Disconnect(3004, "internal server error", "a defect here; connect again and recover")
SLOW: Final = Disconnect(3008, "slow", "the client reads slower than its subscriptions bring; nothing is lost, connect again and recover")
NO_PONG: Final = Disconnect(3012, "no pong", "no answer to a ping in time")
INVALID_TOKEN: Final = Disconnect(3500, "invalid token", "the token cannot be accepted")
INVALID_REQUEST: Final = Disconnect(3501, "bad request", "a frame that is not the protocol: malformed, too large, or in the wrong order")
STALE: Final = Disconnect(3502, "stale", "no connect command in time")
NO_SENDS: Final = Disconnect(3508, "not available", "send commands get no answer by definition, and nothing listens to them")

DISCONNECTS: Final = (SHUTDOWN, SERVER_ERROR, SLOW, NO_PONG, INVALID_TOKEN, INVALID_REQUEST, STALE, NO_SENDS)

RESYNC: Final = Unsubscribe(
    2500, "insufficient state", "the feed began a new epoch or left a hole: subscribe again, which will ask for a fresh snapshot"
)

UNSUBSCRIBES: Final = (RESYNC,)

TOO_BIG_FOR_WEBSOCKET: Final = 1009
"""The WebSocket layer's own close code, for a message above ``limits.HARD_FRAME_BYTES_MAX``: it is not even read."""
