"""Limits of one live connection. Everything that can grow has one here."""

from __future__ import annotations

from dataclasses import dataclass

HARD_FRAME_BYTES_MAX = 256 * 1024
"""A WebSocket message above it is refused unread, with the WebSocket layer's 1009. Between ``frame_bytes_max`` and it, our 3501 says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    frame_bytes_max: int = 64 * 1024
    """Of one incoming message, all its commands together."""
    commands_per_frame_max: int = 64
    subscriptions_max: int = 128
    channel_chars_max: int = 128
    filter_nodes_max: int = 64
    """Of one tags filter, leaves and branches together."""
    filter_depth_max: int = 8
    outbox_bytes_max: int = 4 * 1024 * 1024
    """What may wait for one slow reader; above it the connection is closed with 3008."""
    recovery_bytes_max: int = 2 * 1024 * 1024
    """What one recovery may bring; above it a fresh snapshot is cheaper, and is what the client is told to take."""
    connect_timeout_s: float = 10.0
    ping_interval_s: float = 25.0
    pong_timeout_s: float = 10.0
    close_timeout_s: float = 5.0
    """How long a close frame may wait behind a client that does not read; then the socket is cut."""
    connections_max: int = 10_000
