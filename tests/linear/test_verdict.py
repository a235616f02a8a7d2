"""The counts of a chaos run: each finds what it is named after, and a true run has none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from opsroom_common.contracts.envelope import DomainRecord, Envelope
from opsroom_domain.entities import incident as domain
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version
from opsroom_domain.times import from_rfc3339
from tests.chaos.verdict import Log, Verdict, judge

from .history import Answer, Attempt, Done, NotApplied, Refused, Unknown
from .incident import Ask, Edit, Note, Open, Shown

NAME = EntityId("inc_01kb3f9ph0e5wrt8z2v6q4n7xd")
BY = ActorId("usr_dev")
AT = from_rfc3339("2026-11-24T12:00:00Z")
OPENED = Shown(1, "t", "sev3", "open", 0)
NOTED = Shown(2, "t", "sev3", "open", 1)


def logged(*commands: str) -> Log:
    """A log in which the first command opens the incident, and the others are notes."""
    events: list[DomainRecord] = []
    for version, command in enumerate(commands, start=1):
        event = (
            domain.Opened(
                at=AT,
                by=BY,
                incident_id=NAME,
                title="t",
                description="",
                severity=domain.Severity.SEV3,
                source="person",
                labels=(),
                visibility=domain.Visibility.EVERYONE,
            )
            if version == 1
            else domain.Noted(at=AT, by=BY, note_id=f"note_{version}", text="x")
        )
        events.append(
            DomainRecord(
                partition=0,
                offset=version,
                envelope=Envelope(id=f"record-{version}", type="opsroom.incident.x", source="/command-api", time=AT, actor=BY),
                kind="incident",
                entity_id=NAME,
                version=Version(version),
                command_id=CommandId(command),
                body_hash="",
                event=event,
            )
        )
    return Log({str(NAME): events})


def attempt(at: float, command: str, ask: Ask, answer: Answer) -> Attempt:
    return Attempt(NAME, command, ask, "a", at, at + 0.5, answer)


# Command ids are UUIDv7s: the fold reads the time in them.
A, B = "01a20e26-dc97-79d7-997d-6ab075dfc670", "01a20e26-dc97-79d7-997d-6ab075dfc671"
OPEN = attempt(0, A, Open("t"), Done(1, replayed=False, shown=OPENED))
YES = attempt(1, B, Note(), Done(2, replayed=False, shown=NOTED))


def counts(verdict: Verdict) -> set[str]:
    """Which of the bad counts are not 0."""
    names = ("lost", "duplicated", "falsely_acknowledged", "falsely_refused", "not_linearisable")
    return {name for name in names if getattr(verdict, name)}


def test_a_true_run_has_none() -> None:
    unknown = attempt(0.9, B, Note(), Unknown())
    already = attempt(2, "c", Edit("x", "t"), Done(2, replayed=False, shown=NOTED))
    conflict = attempt(3, "d", Edit("x", "y"), Refused("edit-conflict", NOTED))
    verdict = judge([OPEN, unknown, YES, already, conflict], logged(A, B), [(5.0, 6.0)])
    assert counts(verdict) == set()
    assert (verdict.acknowledged, verdict.refused, verdict.bad) == (3, 1, 0)


@pytest.mark.parametrize(
    ("attempts", "log", "expected"),
    [
        pytest.param([OPEN, YES], logged(A), {"lost", "not_linearisable"}, id="lost"),
        pytest.param([OPEN, YES], logged(A, B, B), {"duplicated", "falsely_acknowledged", "not_linearisable"}, id="twice"),
        pytest.param(
            [OPEN, attempt(1, B, Note(), Done(3, replayed=False, shown=None))],
            logged(A, B),
            {"falsely_acknowledged", "not_linearisable"},
            id="another version",
        ),
        pytest.param([OPEN, attempt(1, B, Note(), Refused("merged"))], logged(A, B), {"falsely_refused", "not_linearisable"}, id="told no"),
        pytest.param([OPEN, attempt(1, B, Note(), NotApplied())], logged(A, B), {"falsely_refused", "not_linearisable"}, id="not applied"),
        pytest.param([OPEN], Log(), {"lost", "not_linearisable"}, id="nothing there"),
    ],
)
def test_each_count_finds_what_it_is_named_after(attempts: Sequence[Attempt], log: Log, expected: set[str]) -> None:
    verdict = judge(attempts, log)
    assert counts(verdict) == expected
    assert verdict.examples


def test_a_yes_while_nobody_could_know_is_false() -> None:
    assert counts(judge([OPEN, YES], logged(A, B), [(0.9, 2.0)])) == {"falsely_acknowledged"}
    assert counts(judge([OPEN, YES], logged(A, B), [(0.9, 1.2)])) == set(), "its answer came after the silence"
