"""What a policy says: its scope, steps, rules and quiet hours, and what makes them right. A draft may be incomplete, and is never malformed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from opsroom_domain.decider import Invalid
from opsroom_domain.entities.incident.words import Severity
from opsroom_domain.entities.policy.words import (
    DAY_MIN,
    DELAY_MIN_MAX,
    NOTIFY_MAX,
    OFFSET_MIN_MAX,
    QUIET_MAX,
    REPEATS_MAX,
    RULE_WORDS_MAX,
    RULES_MAX,
    SCOPE_MAX,
    STEPS_MAX,
    PolicyType,
    ScopeField,
    Transport,
)
from opsroom_domain.shared.priority import Priority

SEVERITIES = frozenset({*Severity, *Priority})
"""How bad an incident is, and how soon a task or a ticket has to be looked at."""
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RECIPIENT = re.compile(r"(?:usr|svc)_[A-Za-z0-9_-]{1,64}|team:[a-z0-9][a-z0-9_-]{0,63}|assignee|requester|team|watchers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """``after_min`` minutes after the start, and then ``repeats`` times more, ``every_min`` minutes apart, these are told.

    ``notify``: people (``usr_…``), ``team:ID``, or who they are to the entity: ``assignee``, ``requester``, ``team``, ``watchers``.
    """

    after_min: int
    notify: tuple[str, ...]
    transport: Transport
    repeats: int = 0
    every_min: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Of which events who hears. Without kinds, events or severities it means all of them. ``in_quiet_hours``: they hear of it at once even then."""

    notify: tuple[str, ...]
    transport: Transport
    kinds: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    in_quiet_hours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Every day from one minute to another (0 to 1439), over midnight if the end is smaller. ``offset_min``: minutes that the local time is ahead of UTC."""

    from_min: int
    to_min: int
    offset_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The draft, or a version that was published."""

    services: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    rules: tuple[Rule, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()

    def scope(self, field: ScopeField) -> tuple[str, ...]:
        return {ScopeField.SERVICES: self.services, ScopeField.TEAMS: self.teams, ScopeField.SEVERITIES: self.severities}[field]


def checked_scope(field: ScopeField, members: Sequence[str]) -> tuple[str, ...]:
    """The members, sorted and once each. Raises Invalid."""
    found = tuple(sorted(set(members)))
    _count(field.value, found, SCOPE_MAX)
    if field is ScopeField.SEVERITIES:
        _check_severities(found)
    else:
        _check_words(field.value, found, _ID)
    return found


def check_steps(steps: Sequence[Step]) -> None:
    """In the order of their time, with a real delay and somebody to tell. Raises Invalid."""
    _count("steps", steps, STEPS_MAX)
    for number, step in enumerate(steps, start=1):
        where = f"step {number}"
        _check_notify(where, step.notify)
        if not 0 <= step.after_min <= DELAY_MIN_MAX:
            raise Invalid("bad-delay", f"{where} comes after {step.after_min} minutes; choose 0 to {DELAY_MIN_MAX}")
        if number > 1 and step.after_min <= steps[number - 2].after_min:
            raise Invalid("unordered-steps", f"{where} comes after {step.after_min} minutes, not later than the one before it; order them")
        if not 0 <= step.repeats <= REPEATS_MAX:
            raise Invalid("bad-repeats", f"{where} repeats {step.repeats} times; choose 0 to {REPEATS_MAX}")
        if step.repeats and not 1 <= step.every_min <= DELAY_MIN_MAX:
            raise Invalid("bad-delay", f"{where} repeats every {step.every_min} minutes; choose 1 to {DELAY_MIN_MAX}")
        if not step.repeats and step.every_min:
            raise Invalid("bad-delay", f"{where} has a time between repeats and no repeats; leave it 0, or let it repeat")


def check_rules(rules: Sequence[Rule]) -> None:
    """Each with somebody to tell and words that can be. Raises Invalid."""
    _count("rules", rules, RULES_MAX)
    for number, rule in enumerate(rules, start=1):
        where = f"rule {number}"
        _check_notify(where, rule.notify)
        for what, words in (("kinds", rule.kinds), ("events", rule.events), ("severities", rule.severities)):
            _count(f"{what} of {where}", words, RULE_WORDS_MAX)
        _check_words(where, (*rule.kinds, *rule.events), _WORD)
        _check_severities(rule.severities)


def check_quiet_hours(periods: Sequence[QuietHours]) -> None:
    """Minutes of a day, and not a whole one. Raises Invalid."""
    _count("quiet hours", periods, QUIET_MAX)
    for period in periods:
        if not (0 <= period.from_min < DAY_MIN and 0 <= period.to_min < DAY_MIN) or abs(period.offset_min) > OFFSET_MIN_MAX:
            raise Invalid(
                "bad-quiet-hours", f"quiet hours are minutes 0 to {DAY_MIN - 1} of a day, at most {OFFSET_MIN_MAX} from UTC; correct them"
            )
        if period.from_min == period.to_min:
            raise Invalid("bad-quiet-hours", "quiet hours start and end at the same minute; leave them out, or take another end")


def check_complete(kind: PolicyType, content: Content) -> None:
    """Whether it can be published: it tells somebody something. Raises Invalid ``empty-policy``; what is malformed never got into the draft."""
    if kind is PolicyType.ESCALATION and not content.steps:
        raise Invalid("empty-policy", "an escalation without steps calls nobody; add a step before you publish it")
    if kind is PolicyType.NOTIFICATION and not content.rules:
        raise Invalid("empty-policy", "notifications without rules tell nobody; add a rule before you publish them")


def _check_notify(where: str, notify: Sequence[str]) -> None:
    if not notify:
        raise Invalid("nobody-to-notify", f"{where} tells nobody; name a person, a team, or a part like assignee")
    _count(f"recipients of {where}", notify, NOTIFY_MAX)
    for recipient in notify:
        if not _RECIPIENT.fullmatch(recipient):
            known = "usr_…, svc_…, team:ID, assignee, requester, team or watchers"
            raise Invalid("bad-recipient", f"{where}: {recipient[:40]!r} is nobody; name {known}")


def _check_severities(severities: Sequence[str]) -> None:
    for severity in severities:
        if severity not in SEVERITIES:
            raise Invalid("unknown-severity", f"{severity[:40]!r} is no severity or priority; choose from {', '.join(sorted(SEVERITIES))}")


def _check_words(where: str, words: Sequence[str], pattern: re.Pattern[str]) -> None:
    for word in words:
        if not pattern.fullmatch(word):
            raise Invalid("bad-word", f"{where}: {word[:40]!r} is no name; a name has a-z, 0-9 and _, and an id - too")


def _count(what: str, members: Sequence[object], count_max: int) -> None:
    if len(members) > count_max:
        raise Invalid("too-many", f"{len(members)} {what}, and there may be {count_max}; send fewer")
