"""The demo's story holds to the doors and the rules: whatever the seed, each command fits its door, and is refused only where the story says so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from command_api.api.commands import target_of
from command_api.api.doors import BY_NAME
from command_api.api.doors.door import HOLE, Asked
from command_api.signals import correlate
from opsctl.demo.cast import ACTOR_PREFIX, ADMIN
from opsctl.demo.doors import address
from opsctl.demo.scene import LABEL, Scene, run_label
from opsctl.demo.steps import Alert, Answer, Ask, Command, size
from opsctl.demo.story import Story, surprises_of
from opsroom_common.contracts.signals import AlertmanagerAlert
from opsroom_common.http.json import checked
from opsroom_common.rows import row_of
from opsroom_common.runtime.clock import ManualClock
from opsroom_common.runtime.ids import SeededIds
from opsroom_domain.decider import EditConflict, Refused
from opsroom_domain.entities.incident import SignalStatus
from opsroom_domain.ids import CommandId, EntityId, prefix_of
from opsroom_domain.permissions import allowed
from opsroom_domain.registry import KINDS, kind_of_prefix

RUN = "run7"


@dataclass
class Room:
    """Every decider in memory, behind the doors' own bodies."""

    clock: ManualClock
    states: dict[str, Any] = field(default_factory=dict)
    versions: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def take(self, step: Ask | Alert) -> tuple[Answer, ...]:
        if isinstance(step, Alert):
            return (self.alert(step),)
        assert step.who.actor.startswith(ACTOR_PREFIX)
        return tuple(self.command(step, command) for command in step.commands)

    def command(self, step: Ask, command: Command) -> Answer:
        door = BY_NAME[command.name]
        assert allowed(step.who.role, door.kind, door.name), command
        assert address(command) == (door.method, door.path.replace(HOLE, command.entity))
        body = checked(door.body, orjson.dumps(command.body))
        entity = target_of(door, body, command.entity)
        assert entity == command.entity
        asked = Asked(entity, CommandId(self.ids.uuid7()), step.who.actor, self.clock.now())
        return self.decided(door.kind, entity, door.build(asked, body))

    def decided(self, kind_name: str, entity: EntityId, command: Any) -> Answer:
        kind = KINDS[kind_name]
        try:
            events = kind.decide(self.states.get(entity), command)
        except EditConflict as refusal:
            self.refused[refusal.code] += 1
            assert refusal.conflicts
            return Answer(refusal.code, self.row(entity), refusal.details)
        except Refused as refusal:
            self.refused[refusal.code] += 1
            return Answer(refusal.code, {}, refusal.details)
        for event in events:
            self.states[entity] = kind.evolve(self.states.get(entity), event)
            self.versions[entity] += 1
        return Answer(None, self.row(entity))

    def row(self, entity: str) -> dict[str, Any]:
        kind = kind_of_prefix(prefix_of(entity))
        assert kind is not None
        now = self.clock.now()
        return row_of(
            kind.to_json(self.states[entity]),
            entity_id=entity,
            kind=kind.name,
            version=self.versions[entity],
            created_at=now,
            updated_at=now,
            updated_by="usr_demo_x",
        )

    def alert(self, step: Alert) -> Answer:
        told = AlertmanagerAlert(
            version="4",
            receiver="demo",
            group_key="demo",
            external_url="",
            fingerprint=step.fingerprint,
            status=SignalStatus.FIRING if step.ends_at is None else SignalStatus.RESOLVED,
            labels={"alertname": step.name, "severity": step.severity, "demo_alert": step.tag},
            annotations={"summary": step.summary},
            starts_at=step.starts_at,
            ends_at=step.ends_at,
            generator_url="",
        )
        incident = correlate.target(told, None)
        answer = self.decided("incident", incident, correlate.command(told, incident, self.clock.now()))
        if step.ends_at is not None or answer.code is not None:
            return answer
        return self.command(Ask(ADMIN, ()), Command("incident.change_labels", incident, {"add": list(step.labels)}))

    @property
    def ids(self) -> SeededIds:
        return SeededIds(sum(self.versions.values()), self.clock)


def play(seed: int, commands: int, pace_s: float) -> tuple[Room, Counter[str]]:
    """Tell the story, and hold every answer against what it expects."""
    clock = ManualClock()
    room, sent = Room(clock), Counter[str]()
    story = Story(Scene(RUN, commands * pace_s, Random(seed), clock, SeededIds(seed, clock)))
    waits = 0
    while sum(sent.values()) < commands:
        turn = story.turn()
        clock.advance(pace_s)
        if turn is None:
            waits += 1
            assert waits < commands * 10, "the story stands still"
            continue
        sent[type(turn.step).__name__] += size(turn.step)
        answers = room.take(turn.step)
        assert surprises_of(turn.step, answers) == [], turn.step
        assert story.answered(turn, answers) == []
    return room, sent


@given(seed=st.integers(0, 2**32), commands=st.integers(20, 300), pace_s=st.sampled_from((0.01, 0.05, 0.3, 5.0)))
def test_whatever_the_seed_every_command_fits_and_is_refused_only_where_the_story_says_so(seed: int, commands: int, pace_s: float) -> None:
    play(seed, commands, pace_s)


@given(seed=st.integers(0, 2**32))
def test_everything_that_a_story_makes_is_marked(seed: int) -> None:
    room, _ = play(seed, 150, 0.05)
    assert room.states
    assert all({LABEL, run_label(RUN)} <= set(state.labels) for state in room.states.values())


def test_within_five_minutes_everything_happens() -> None:
    room, sent = play(7, 6000, 0.05)
    assert sent["Alert"] > 20
    assert {prefix_of(entity) for entity in room.states} == {"inc", "tsk", "tkt", "auc"}
    assert {"edit-conflict", "bid-too-low", "merged"} <= set(room.refused)
    states = list(room.states.values())
    incidents = [state for state in states if state.id.startswith("inc_")]
    assert {"resolved", "merged", "investigating"} <= {state.status.value for state in incidents}
    assert any(state.postmortem and state.postmortem.review.value == "approved" and len(state.postmortem.picks) == 2 for state in incidents)
    auctions = [state for state in states if state.id.startswith("auc_")]
    assert any(state.status.value == "closed" and state.winner for state in auctions)
    assert any(state.extensions for state in auctions)
    tasks = [state for state in states if state.id.startswith("tsk_")]
    assert any(state.parent and state.link(other.id, "blocked-by") for state in tasks for other in tasks)
    assert any(state.checklist and all(item.ticked_by for item in state.checklist.values()) for state in tasks)
    tickets = [state for state in states if state.id.startswith("tkt_")]
    assert {"solved"} <= {state.status.value for state in tickets}
    assert len({actor for state in incidents for actor in (state.assignee,) if actor}) > 3


def test_an_arc_that_meets_a_refusal_which_it_did_not_expect_ends_and_the_others_go_on() -> None:
    clock = ManualClock()
    story = Story(Scene(RUN, 60.0, Random(7), clock, SeededIds(7, clock)))
    turn = story.turn()
    assert turn is not None
    answers = tuple(Answer("parked") for _ in range(len(turn.step.commands) if isinstance(turn.step, Ask) else 1))
    assert story.answered(turn, answers) == ["parked"] * len(answers)
    with pytest.raises(ValueError, match="belongs to no step"):
        story.answered(turn, answers)
    clock.advance(timedelta(seconds=1).total_seconds())
    assert story.turn() is not None


def test_the_same_seed_tells_the_same_story() -> None:
    first, second = play(11, 400, 0.05)[0], play(11, 400, 0.05)[0]
    assert [state.title for state in first.states.values()] == [state.title for state in second.states.values()]
    assert first.refused == second.refused
