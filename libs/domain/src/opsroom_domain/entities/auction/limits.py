"""Limits of one auction, beside those of all kinds."""

from __future__ import annotations

from datetime import timedelta

BIDS_SHOWN = 50
"""How many of the highest bids the state holds; all of them are in the log and the timeline."""
DURATION_MAX = timedelta(days=366)
"""From the start to the scheduled end."""
EXTENSION_S_MAX = 24 * 3600
"""Seconds; of the window and of the length."""
EXTENSIONS_MAX = 100
