"""What a published policy asks for, as pure functions of times that are given. A notifier calls these; nothing is sent here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsroom_domain.entities.policy.content import Content, QuietHours, Rule, Step
from opsroom_domain.entities.policy.words import DAY_MIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One call of an escalation: ``step`` from 0, ``repetition`` from 0 (the first call), and when it is due."""

    at: datetime
    step: int
    repetition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Who hears of an event; ``not_before``: when their quiet hours end, None for at once."""

    rule: int
    not_before: datetime | None


def schedule(steps: Sequence[Step], started_at: datetime) -> tuple[Due, ...]:
    """Every call of an escalation that started then, in the order of time; of two at the same moment the earlier step first."""
    calls = [
        Due(at=started_at + timedelta(minutes=step.after_min + repetition * step.every_min), step=number, repetition=repetition)
        for number, step in enumerate(steps)
        for repetition in range(step.repeats + 1)
    ]
    return tuple(sorted(calls, key=lambda call: (call.at, call.step, call.repetition)))


def step_due(steps: Sequence[Step], started_at: datetime, now: datetime) -> Due | None:
    """The last call that is due at ``now``, or None before the first."""
    return next((call for call in reversed(schedule(steps, started_at)) if call.at <= now), None)


def next_due(steps: Sequence[Step], started_at: datetime, now: datetime) -> Due | None:
    """The first call after ``now``, or None after the last."""
    return next((call for call in schedule(steps, started_at) if call.at > now), None)


def applies(content: Content, *, service: str | None, team: str | None, severity: str | None) -> bool:
    """Whether an entity is in the scope. A field without members means all; else an entity without a value is not in it."""
    pairs = ((content.services, service), (content.teams, team), (content.severities, severity))
    return all(not members or value in members for members, value in pairs)


def notices(content: Content, *, kind: str, event: str, severity: str | None, now: datetime) -> tuple[Notice, ...]:
    """The rules that an event meets, by their place, and when each may tell."""
    quiet = quiet_until(content.quiet_hours, now)
    met = (number for number, rule in enumerate(content.rules) if _meets(rule, kind, event, severity))
    return tuple(Notice(rule=number, not_before=None if content.rules[number].in_quiet_hours else quiet) for number in met)


def quiet_until(periods: Sequence[QuietHours], now: datetime) -> datetime | None:
    """When it is no longer quiet, if it is quiet at ``now``. Periods that follow each other are one, but never more than a day."""
    end = now
    for _ in periods:
        later = max((until for period in periods if (until := _end_of(period, end)) is not None), default=None)
        if later is None:
            break
        end = min(later, now + timedelta(minutes=DAY_MIN))
    return end if end > now else None


def _end_of(period: QuietHours, now: datetime) -> datetime | None:
    """When the period ends that ``now`` is in, or None. Its end does not belong to it."""
    local = now + timedelta(minutes=period.offset_min)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    length = (period.to_min - period.from_min) % DAY_MIN
    for day in (-1, 0):
        start = midnight + timedelta(minutes=day * DAY_MIN + period.from_min)
        end = start + timedelta(minutes=length)
        if start <= local < end:
            return end - timedelta(minutes=period.offset_min)
    return None


def _meets(rule: Rule, kind: str, event: str, severity: str | None) -> bool:
    pairs = ((rule.kinds, kind), (rule.events, event), (rule.severities, severity))
    return all(not words or word in words for words, word in pairs)
