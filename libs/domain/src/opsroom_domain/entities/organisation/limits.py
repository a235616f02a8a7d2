"""Limits of the organisation, beside those of all kinds. It is one row, so that what it holds is short."""

from __future__ import annotations

TEAMS_MAX = 500
SERVICES_MAX = 2_000
MEMBERS_MAX = 5_000
TEAM_MEMBERS_MAX = 500
NAME_MAX = 100
GRANT_REASON_MAX = 200
TIER_MIN, TIER_MAX = 1, 4
NAMED_MAX = 20
"""How many services a refusal names."""
