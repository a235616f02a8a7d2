"""The roles of people and services."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A person's or service's role, from the least to the most."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
