"""Handing things of one incident over to another one, in steps that fit into a batch: what merges and splits have in common."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TypeAlias

from command_api.processes.steps import NotYet, Outcome, Refusal, Step
from opsroom_domain.entities.incident import Incident, SignalCopy, TakenWhy, TakeOver
from opsroom_domain.entities.incident.limits import TAKE_SIGNALS_MAX
from opsroom_domain.ids import EntityId

INCIDENT = "incident"
HOPS_MAX = 20
"""How many merges a thing is carried along before the process waits."""
ROUNDS_MAX = 20
"""How often a process takes news of signals along before it waits."""
Handing: TypeAlias = Generator[Step, Outcome, Refusal | None]


def in_parts(signals: Sequence[SignalCopy]) -> Sequence[tuple[SignalCopy, ...]]:
    """At least one part, each small enough for one command."""
    return [tuple(signals[start : start + TAKE_SIGNALS_MAX]) for start in range(0, max(1, len(signals)), TAKE_SIGNALS_MAX)]


def hand_over(target: EntityId, parts: Sequence[TakeOver]) -> Handing:
    """Let ``target`` take the parts, in order. Returns its refusal, or nothing once it has all of them.

    A target that has taken from the source before and was then merged itself passes the rest on: that goes to where it was merged.
    """
    for part in parts:
        refusal = yield from _hand_over(target, part)
        if refusal is not None:
            return refusal
    return None


def _hand_over(target: EntityId, part: TakeOver) -> Handing:
    at, taking = target, part
    for _ in range(HOPS_MAX):
        outcome = yield Step(kind=INCIDENT, entity_id=at, command=taking)
        if not isinstance(outcome, Refusal):
            return None
        onward = passed_on(outcome, taking.source, taking.why)
        if onward is None:
            return outcome
        at, taking = onward, replace(part, source=at, why=TakenWhy.MERGE)
    raise NotYet(f"what {part.source} has was merged on {HOPS_MAX} times beyond {target}")


def passed_on(refusal: Refusal, source: EntityId, why: TakenWhy) -> EntityId | None:
    """Where things of ``source`` went with the incident that refused them, because that was merged after it had taken from it in this way; or
    nothing.
    """
    there = None if refusal.entity is None else refusal.entity.state
    if refusal.code != "merged" or not isinstance(there, Incident):
        return None
    taken = there.taken_from.get(source)
    return there.merged_into if taken is not None and taken.why is why else None
