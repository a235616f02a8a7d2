"""The words of an incident: its statuses and severities, as they stand in events, rows and tags."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    INVESTIGATING = "investigating"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    MERGED = "merged"


class Severity(StrEnum):
    SEV1 = "sev1"
    SEV2 = "sev2"
    SEV3 = "sev3"
    SEV4 = "sev4"
    SEV5 = "sev5"


class Duty(StrEnum):
    """A role that somebody has while the incident lasts."""

    COMMANDER = "commander"
    COMMUNICATIONS = "communications"


class TakenWhy(StrEnum):
    """Why an incident has what another one had."""

    MERGE = "merge"
    SPLIT = "split"


class Review(StrEnum):
    """How far a postmortem is."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"


class SignalStatus(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"
