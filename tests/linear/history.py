"""The recorded history of one incident: every attempt of every command, what it was told, and whether one order of moments explains it all.

An *attempt* is one request over HTTP. Attempts with the same command id are retries: at most one of them takes effect. What they are told must be
true, of refusals and of "already so" too, and so must each version number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .incident import ABSENT, Ask, Incident, No, Shown, decide
from .search import NEVER, Operation, violation


@dataclass(frozen=True, slots=True)
class Done:
    """2xx. ``version`` is right after the command. ``shown`` is the incident as of then; of a replay it may be older or newer, and is not checked."""

    version: int
    replayed: bool
    shown: Shown | None


@dataclass(frozen=True, slots=True)
class Refused:
    """4xx: this attempt changed nothing, since the state did not allow it. ``shown`` is what it was judged on, where the answer tells."""

    code: str
    shown: Shown | None = None


@dataclass(frozen=True, slots=True)
class NotApplied:
    """503 with ``applied: false``: this attempt certainly changed nothing, whatever the state is."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """503 with ``applied: null``, a time-out, a broken connection: it may take effect at any later moment, or never."""


Answer: TypeAlias = Done | Refused | NotApplied | Unknown


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request. Times in seconds of one monotonic clock."""

    entity: str
    command_id: str
    ask: Ask
    replica: str
    invoked: float
    returned: float
    answer: Answer


@dataclass(frozen=True, slots=True)
class Falsehood:
    """Why a history cannot be true, for a person."""

    entity: str
    why: str


def falsehood(attempts: Sequence[Attempt], final: Shown | None = None) -> Falsehood | None:
    """None if the history of one incident is linearisable. ``final`` is what the log holds after everything. Raises search.GaveUp."""
    if not attempts:
        return None
    told: dict[str, int] = {}
    for attempt in attempts:
        if isinstance(attempt.answer, Done) and _took_effect(attempt.answer, attempt, told):
            return Falsehood(
                attempt.entity, f"{attempt.command_id} was told two versions: {told[attempt.command_id]} and {attempt.answer.version}"
            )
    found = violation(_operations(attempts, told, final), ABSENT)
    return None if found is None else Falsehood(attempts[0].entity, str(found))


def by_entity(attempts: Iterable[Attempt]) -> dict[str, list[Attempt]]:
    """The attempts of each incident, in the order of their calls."""
    found: dict[str, list[Attempt]] = {}
    for attempt in sorted(attempts, key=lambda each: each.invoked):
        found.setdefault(attempt.entity, []).append(attempt)
    return found


def _took_effect(answer: Done, attempt: Attempt, told: dict[str, int]) -> bool:
    """Note the version of a replay, which is certainly the version at which the command took effect; True if another one was told before."""
    return answer.replayed and told.setdefault(attempt.command_id, answer.version) != answer.version


def _operations(attempts: Sequence[Attempt], told: dict[str, int], final: Shown | None) -> list[Operation[Incident]]:
    bits = {name: 1 << number for number, name in enumerate(dict.fromkeys(each.command_id for each in attempts))}
    first = {each.command_id: each.invoked for each in sorted(attempts, key=lambda each: -each.invoked)}
    operations: list[Operation[Incident]] = [
        _AttemptOperation(each, bits[each.command_id], told.get(each.command_id), first[each.command_id])
        for each in attempts
        if not isinstance(each.answer, NotApplied)
    ]
    if final is not None:
        last = max(each.returned if each.returned != NEVER else each.invoked for each in attempts)
        operations.append(_FinalRead(final, math.nextafter(last, math.inf)))
    return operations


@dataclass(frozen=True, slots=True)
class _AttemptOperation:
    attempt: Attempt
    bit: int
    told: int | None
    """At which version it took effect, if a replay has said so."""
    first_invoked: float
    """When its command was sent first."""

    @property
    def invoked(self) -> float:
        # A refusal is remembered and told again (R7): it may have been judged when an earlier attempt arrived, whose answer was lost.
        return self.first_invoked if isinstance(self.attempt.answer, Refused) else self.attempt.invoked

    @property
    def returned(self) -> float:
        return NEVER if isinstance(self.attempt.answer, Unknown) else self.attempt.returned

    def __str__(self) -> str:
        each = self.attempt
        return f"{each.invoked:.3f} to {each.returned:.3f} {each.command_id} at {each.replica}: {each.ask} -> {each.answer}"

    def after(self, state: Incident) -> Incident | None:
        answer = self.attempt.answer
        applied = bool(state.applied & self.bit)
        if isinstance(answer, Done) and answer.replayed:
            return state if applied else None
        if applied:
            return None
        judged = decide(state.shown, self.attempt.ask)
        match answer:
            case Done():
                return self._done(state, judged, answer)
            case Refused():
                fits = isinstance(judged, No) and judged.code == answer.code and answer.shown in {None, state.shown}
                return state if fits else None
            case Unknown():
                # Without an effect it need not be placed at all.
                return self._effect(state, judged) if isinstance(judged, Shown) and judged != state.shown else None
            case NotApplied():
                raise AssertionError("it is never placed")

    def _done(self, state: Incident, judged: Shown | No, answer: Done) -> Incident | None:
        if isinstance(judged, No) or judged.version != answer.version or answer.shown not in {None, judged}:
            return None
        return state if judged == state.shown else self._effect(state, judged)

    def _effect(self, state: Incident, judged: Shown) -> Incident | None:
        return Incident(judged, state.applied | self.bit) if self.told in {None, judged.version} else None


@dataclass(frozen=True, slots=True)
class _FinalRead:
    """After every answer the log was read; commands without an answer may have taken effect before."""

    shown: Shown
    invoked: float

    @property
    def returned(self) -> float:
        return self.invoked + 1

    def after(self, state: Incident) -> Incident | None:
        return state if state.shown == self.shown else None

    def __str__(self) -> str:
        return f"the log in the end: {self.shown}"
