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
SERVICES_MAX = 50
SERVICE_MAX = 64
TAKEN_MAX = 100
"""How many other incidents one may have taken things from."""
LEFT_NAMED_MAX = 20
"""How many of the things that found no room an event names; the rest is counted."""
TAKE_SIGNALS_MAX = 50
"""Signals in one step of a process: their texts fit into one batch however long they are."""
SPLITS_MAX = 20
MOVED_MAX = 500
"""How many signals may have gone to other incidents by splits; they are remembered, so that later reports find them."""
SECTION_MAX = 8_000
PICKS_MAX = 100
PICK_NOTE_MAX = 500
FOLLOW_UPS_MAX = 50
AUTHORS_MAX = 50
RECENT_NOTES = 20
"""How many notes an incident remembers by id, to know a repeated one; their texts live in the timeline."""
