"""Limits of what all kinds have. A row travels whole to every screen, so that everything in it is bounded."""

from __future__ import annotations

TITLE_MAX = 200
DESCRIPTION_MAX = 20_000
COMMENT_MAX = 10_000
REASON_MAX = 2_000
ID_MAX = 100
"""Of opaque ids: people, notes, comments, teams."""
LABEL_MAX = 100
LABELS_MAX = 50
WATCHERS_MAX = 200
VIEWERS_MAX = 200
LINKS_MAX = 100
COMMENTS_MAX = 300
"""How many comments an entity may have; their texts live in the timeline."""
MENTIONS_MAX = 20
