"""The words and limits of a policy. A policy travels whole with its last versions, so its limits are tight."""

from __future__ import annotations

from enum import StrEnum


class PolicyType(StrEnum):
    ESCALATION = "escalation"
    """Who is called when nobody acts: its steps count."""
    NOTIFICATION = "notification"
    """Who hears of what: its rules and quiet hours count."""


class Status(StrEnum):
    DRAFT = "draft"
    """Nothing was published yet."""
    ACTIVE = "active"
    INACTIVE = "inactive"


class Transport(StrEnum):
    """How a notification travels."""

    EMAIL = "email"
    CHAT = "chat"
    WEBHOOK = "webhook"


class ScopeField(StrEnum):
    """What a policy can be narrowed to. A field without members means all."""

    SERVICES = "services"
    TEAMS = "teams"
    SEVERITIES = "severities"


PREFIX = "pol"
SCOPE_MAX = 30
"""Members of one field of the scope."""
STEPS_MAX = 10
RULES_MAX = 10
NOTIFY_MAX = 5
"""Recipients of one step or rule."""
RULE_WORDS_MAX = 10
"""Kinds, events or severities of one rule."""
QUIET_MAX = 7
DELAY_MIN_MAX = 7 * 24 * 60
"""Minutes: a week."""
REPEATS_MAX = 10
DAY_MIN = 24 * 60
OFFSET_MIN_MAX = 14 * 60
"""Minutes between a local time and UTC."""
VERSIONS_MAX = 20
"""Published versions that a policy keeps, beside the active one if it is older. The log keeps all."""
