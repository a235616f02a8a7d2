"""Words that all kinds use, as they stand in events, rows and tags."""

from __future__ import annotations

from enum import StrEnum


class Visibility(StrEnum):
    """Who may see an entity: everyone, the people of its team, or only those named in ``viewers``."""

    EVERYONE = "everyone"
    TEAM = "team"
    NAMED = "named"
