"""Limits of one incident, beside those of all kinds. A row travels whole to every screen, so that everything in it is bounded."""

from __future__ import annotations

NOTE_MAX = 10_000
RESOLUTION_MAX = 10_000
SOURCE_MAX = 100
SIGNALS_MAX = 500
FINGERPRINT_MAX = 200
SIGNAL_SUMMARY_MAX = 1_000
SIGNAL_URL_MAX = 1_000
ESCALATION_LEVEL_MAX = 10
RECENT_NOTES = 20
"""How many notes an incident remembers by id, to know a repeated one; their texts live in the timeline."""
