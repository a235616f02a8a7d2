"""What an operator is told of a running product, also when parts of it lie or are gone."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from devstack.postgres import psql
from devstack.topics import create_topic, delete_topics
from opsctl.owners import owner_stands
from opsctl.topics import topic_stands
from opsroom_common.contracts.codec import encode_event
from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.owners import OWNER_TYPE, Owner, encode_owner
from opsroom_common.contracts.topics import Topic, load_topics
from opsroom_common.log.admin_kafka import KafkaLogAdmin
from opsroom_common.log.kafka import KafkaEventLog
from opsroom_common.log.port import RawRecord
from opsroom_common.log.topic import LogTopicWriter
from opsroom_common.runtime.ids import SystemIds
from opsroom_domain.entities.incident import Acknowledged, Noted
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version

from .conftest import SCRIPT, Room

if TYPE_CHECKING:
    from conftest import KafkaAddress, MakeTopic

pytestmark = [pytest.mark.server, pytest.mark.timeout(150)]
NOBODY = "postgresql://postgres@127.0.0.1:1/postgres"
ACTOR = ActorId("usr_vandal")


def until(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sql(room: Room, statement: str) -> str:
    return psql(room.stack.servers.postgres.dsn, statement)


def record(room: Room, entity: str, version: int, term: str) -> RawRecord:
    """A note in the right form, of any term."""
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    envelope = Envelope(
        id=room.ids.uuid7(),
        type="opsroom.incident.noted",
        source="/command-api",
        time=at,
        term=term,
        subject=EntityId(entity),
        entity_version=Version(version),
        command_id=CommandId(room.ids.uuid7()),
        body_hash="0" * 64,
        actor=ACTOR,
    )
    return encode_event(envelope, "incident", Noted(at=at, by=ACTOR, note_id=room.ids.uuid7(), text="void"))


def term_of(room: Room, entity: str) -> str:
    return next(each["term"] for each in reversed(room.raw(entity)) if each["class"] == "fence")


def test_events_are_shown_once_each_in_the_order_of_time_whatever_their_partition(room: Room) -> None:
    made = [room.incident(f"Disk {number}") for number in range(5)]
    said = room.opsctl("events", "--json")
    assert (said.code, said.error) == (0, "")
    mine = [each for each in said.objects if each["entity"] in made]
    assert [(each["entity"], each["version"]) for each in mine] == [(entity, version) for entity in made for version in (1, 2, 3)]
    assert len({each["partition"] for each in mine}) > 1, "try again with more incidents: all fell into one partition"
    assert [each["time"] for each in said.objects] == sorted(each["time"] for each in said.objects)
    assert mine[0]["data"]["title"] == "Disk 0"
    assert mine[0]["actor"] == "usr_dev"
    assert {each["class"] for each in said.objects} == {"event"}


def test_one_entity_a_limit_and_words_for_people(room: Room) -> None:
    entity = room.incident("Disk full", notes=3)
    assert [each["version"] for each in room.opsctl("events", "--entity", entity, "--json").objects] == [1, 2, 3, 4, 5]
    assert len(room.opsctl("events", "--entity", entity, "--json", "--limit", "2").objects) == 2
    lines = room.opsctl("events", "--entity", entity).out.splitlines()
    assert len(lines) == 5
    assert "incident.opened v1 by usr_dev" in lines[0]
    assert 'title="Disk full"' in lines[0]


def test_a_void_is_shown_only_when_asked_for_and_changes_no_state(room: Room) -> None:
    entity = room.incident()
    room.land(entity, record(room, entity, 4, term=room.ids.uuid7()))
    assert [each["version"] for each in room.opsctl("events", "--entity", entity, "--json").objects] == [1, 2, 3]
    everything = room.opsctl("events", "--entity", entity, "--json", "--all").objects
    assert [each["class"] for each in everything] == ["event", "event", "event", "void"]
    assert "VOID" in room.opsctl("events", "--entity", entity, "--all").out
    assert {"fence", "event", "void"} <= {each["class"] for each in room.raw(entity)}
    state = room.opsctl("state", entity, "--json")
    assert (state.code, state.objects[0]["version"], state.objects[0]["row"]["verdict"]) == (0, 3, "same")


def test_a_record_that_cannot_be_read_is_a_line_and_parks_its_entity(room: Room) -> None:
    entity = room.incident()
    good = record(room, entity, 4, term=term_of(room, entity))
    room.land(entity, RawRecord(good.key, b"\xff\xff", good.headers, good.timestamp_ms))
    shown = room.opsctl("events", "--entity", entity, "--json").objects[-1]
    assert shown["undecodable"]
    assert shown["entity"] == entity
    assert "UNDECODABLE" in room.opsctl("events", "--entity", entity).out
    said = room.opsctl("state", entity)
    assert said.code == 1
    assert f"PARKED at offset {shown['offset']}" in said.out
    assert "what the log says" in said.out, "the projector has parked it at the same record"
    assert room.opsctl("state", entity, "--json").objects[0]["parked"]["offset"] == shown["offset"]


@pytest.mark.parametrize("postgres", [None, NOBODY])
def test_from_begins_in_the_middle_of_a_term_and_knows_it(room: Room, postgres: str | None) -> None:
    before, after = room.incident(), None
    edge = room.opsctl("events", "--entity", before, "--json").objects[-1]["time"]
    after = room.incident()
    until(lambda: room.opsctl("lag", "--json").code == 0)
    said = room.opsctl("events", "--from", edge, "--json", **({} if postgres is None else {"OPSROOM_POSTGRES": postgres}))
    assert said.code == 0
    assert [(each["entity"], each["version"]) for each in said.objects] == [(before, 3), (after, 1), (after, 2), (after, 3)]
    assert len(said.error.splitlines()) == (0 if postgres is None else 1)
    assert room.opsctl("events", "--from", "now", "--json").out == ""
    assert len(room.opsctl("events", "--from", "1h", "--entity", after, "--json").objects) == 3


def test_follow_tells_what_comes_and_ends_quietly(room: Room) -> None:
    old = room.incident()
    process = subprocess.Popen(
        [SCRIPT, "events", "--follow", "--from", "now", "--json"], env=room.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        # What is posted before it listens is not its business, so it is told until it hears.
        until(lambda: room.post(f"/v1/incidents/{old}/notes", {"text": "hello"}) is not None and _has_line(process))
        lines.append(process.stdout.readline())
        assert old in lines[0]
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
        assert (process.returncode, error) == (130, "")
    finally:
        process.kill()
        process.wait(10)


def _has_line(process: subprocess.Popen[str]) -> bool:
    import select

    assert process.stdout is not None
    assert process.poll() is None
    return bool(select.select([process.stdout], [], [], 0.1)[0])


def test_state_now_at_a_version_and_at_a_moment_is_what_the_row_says(room: Room) -> None:
    entity = room.incident("First", notes=0)
    room.post(f"/v1/incidents/{entity}/severity", {"seen": "sev2", "to": "sev1"})
    events = room.opsctl("events", "--entity", entity, "--json").objects
    for at, severity, version in ((None, "sev1", 3), ("2", "sev2", 2), ("v1", "sev2", 1), (events[1]["time"], "sev2", 2)):
        said = room.opsctl("state", entity, "--json", *(() if at is None else ("--at", at)))
        assert said.code == 0, said
        found = said.objects[0]
        assert (found["version"], found["state"]["severity"], found["row"]["verdict"]) == (version, severity, "same")
    assert "severity               sev1" in room.opsctl("state", entity).out
    assert room.opsctl("state", entity, "--at", "4").code == 4
    assert room.opsctl("state", entity, "--at", "1h").code == 4
    assert room.opsctl("state", room.ids.entity_id("inc")).code == 4


@pytest.mark.parametrize(
    ("change", "field", "at"),
    [
        ("entities SET state = jsonb_set(state, '{title}', '\"Else\"') WHERE id = '{}'", "state.title", None),
        ("entities SET status = 'lost' WHERE id = '{}'", "status", None),
        ("entities SET tags = tags - 'status' WHERE id = '{}'", "tags.status", None),
        ("entities SET version = 2 WHERE id = '{}'", "version", None),
        ("entities SET memory = jsonb_set(memory, '{recent}', '[]') WHERE id = '{}'", "memory.recent", None),
        ("entities SET updated_at = updated_at + interval '1 microsecond' WHERE id = '{}'", "updated_at", None),
        ("entity_versions SET actor = 'usr_else' WHERE version = 2 AND id = '{}'", "actor", "2"),
        ("entity_versions SET state = jsonb_set(state, '{assignee}', '\"usr_b\"') WHERE version = 1 AND id = '{}'", "state.assignee", "1"),
    ],
)
def test_a_row_that_lies_is_named_field_by_field(room: Room, change: str, field: str, at: str | None) -> None:
    entity = room.incident()
    until(lambda: sql(room, f"SELECT version FROM read_v1.entities WHERE id = '{entity}'").strip() == "3")
    sql(room, f"UPDATE read_v1.{change.replace('{}', entity)}")
    said = room.opsctl("state", entity, "--json", *(() if at is None else ("--at", at)))
    assert said.code == 1
    found = said.objects[0]["row"]
    assert (found["verdict"], [each["field"] for each in found["differences"]]) == ("differs", [field])
    if field == "state.title":
        words = room.opsctl("state", entity).out
        assert "DIFFERS from the log in state.title" in words
        assert "opsctl projections build" in words


def test_a_row_that_is_gone_or_invented_differs(room: Room) -> None:
    entity, invented = room.incident(), room.ids.entity_id("inc")
    assert room.opsctl("state", entity).code == 0
    sql(
        room,
        f"INSERT INTO read_v1.entities SELECT (jsonb_populate_record(e, jsonb_build_object('id', '{invented}'))).* FROM read_v1.entities e WHERE id = '{entity}'",
    )
    assert room.opsctl("state", invented, "--json").objects[0]["row"]["verdict"] == "differs"
    sql(room, f"DELETE FROM read_v1.entities WHERE id IN ('{entity}', '{invented}')")
    said = room.opsctl("state", entity, "--json")
    assert (said.code, said.objects[0]["row"]["differences"]) == (1, [{"field": "the row", "log": "version 3", "row": None}])


def test_without_postgres_the_state_is_shown_and_not_called_compared(room: Room) -> None:
    entity = room.incident()
    said = room.opsctl("state", entity, "--json", OPSROOM_POSTGRES=NOBODY)
    assert (said.code, said.objects[0]["version"], said.objects[0]["row"]["verdict"]) == (3, 3, "not-compared")
    assert "could not compare" in room.opsctl("state", entity, OPSROOM_POSTGRES=NOBODY).out
    lag = room.opsctl("lag", OPSROOM_POSTGRES=NOBODY)
    assert (lag.code, len(lag.error.splitlines())) == (3, 1)


def test_a_projector_that_is_away_is_behind_and_lags_until_it_is_back(room: Room) -> None:
    entity = room.incident()
    assert room.opsctl("state", entity).code == 0
    room.stack.projector.stop()
    try:
        room.post(f"/v1/incidents/{entity}/notes", {"text": "unseen"})
        said = room.opsctl("state", entity, "--json")
        assert (said.code, said.objects[0]["version"], said.objects[0]["row"]["verdict"]) == (1, 4, "behind")
        until(lambda: room.opsctl("lag", "--age-max", "1").code == 1)
        lag = room.opsctl("lag", "--behind-max", "0", "--age-max", "1000", "--json")
        behind = [each for each in lag.objects if each["reader"] == "projector" and each["behind"]]
        assert lag.code == 1
        assert [(each["behind"], bool(each["problem"])) for each in behind] == [(1, True)]
    finally:
        room.stack.projector.start()
    until(lambda: room.opsctl("lag", "--behind-max", "0").code == 0)
    assert room.opsctl("state", entity).code == 0


def test_lag_shows_every_partition_of_the_projector_and_of_the_signals(room: Room) -> None:
    room.incident()
    until(lambda: room.opsctl("lag", "--behind-max", "0").code == 0)
    topics = load_topics()
    found = room.opsctl("lag", "--json").objects
    readers = [(each["reader"], each["partition"]) for each in found]
    assert readers == [
        *(("projector", partition) for partition in range(topics["ops.events"].partitions)),
        *(("command-api.signals", partition) for partition in range(topics["ops.signals"].partitions)),
    ]
    assert all(each["behind"] == 0 for each in found)
    assert "command-api.signals, from ops.signals: stable, 1 member" in room.opsctl("lag").out


def test_topics_are_as_declared_and_a_stray_one_is_named(room: Room) -> None:
    said = room.opsctl("topics", "--json")
    assert (said.code, [each["topic"] for each in said.objects]) == (0, list(load_topics()))
    assert said.objects[0]["records"] > 0
    bootstrap = room.stack.servers.kafka.bootstrap
    asyncio.run(create_topic(bootstrap, "ops.stray", 1))
    try:
        said = room.opsctl("topics")
        assert said.code == 1
        assert "ops.stray: not declared" in said.out
    finally:
        asyncio.run(delete_topics(bootstrap, ["ops.stray"]))


async def test_a_topic_that_is_missing_or_other_than_declared_is_told_with_both_values(room: Room) -> None:
    declared = load_topics()["ops.signals"].model_dump()
    wanted = [Topic(**{**declared, "name": "ops.nowhere"}), Topic(**{**declared, "partitions": 3, "retention_ms": 1000})]
    admin = KafkaLogAdmin(room.stack.servers.kafka.bootstrap)
    try:
        missing, other = (await topic_stands(admin, {topic.name: topic for topic in wanted}))[:2]
    finally:
        await admin.close()
    assert [problem.split(":")[0] for problem in missing.problems] == ["missing"]
    assert "4 partitions, declared 3" in other.problems[0]
    assert "retention.ms is 604800000, declared 1000" in other.problems[1]


def test_a_reader_that_has_enough_is_no_error(room: Room) -> None:
    room.incident(notes=20)
    command = f"{SCRIPT} events --json --from 1h --all | head -c 10; echo; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], env=room.env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in {"0", "141"}, "0 if it had said all before the pipe was closed"


def test_the_event_types_of_the_log_are_those_of_the_domain(room: Room) -> None:
    entity = room.incident(notes=0)
    assert room.opsctl("events", "--entity", entity, "--json").objects[1]["type"] == f"opsroom.incident.{Acknowledged.__name__.lower()}"


def test_owners_names_the_replica_of_every_partition(room: Room) -> None:
    said = room.opsctl("owners", "--json")
    assert said.code == 0, said
    partitions = load_topics()["ops.events"].partitions
    assert [line["partition"] for line in said.objects] == list(range(partitions))
    assert {(line["owner"], line["url"], line["serving"]) for line in said.objects} == {("command-api", room.stack.command_api.url, True)}
    shown = room.opsctl("owners")
    assert shown.code == 0
    assert shown.out.count(room.stack.command_api.url) == partitions


async def test_owners_finds_a_partition_that_has_nobody(kafka: KafkaAddress, kafka_topics: MakeTopic) -> None:
    topic = await kafka_topics(1)
    control = KafkaEventLog(kafka.bootstrap, 1, topic=topic)
    term = SystemIds().uuid7()
    at = datetime(2026, 11, 23, 9, tzinfo=UTC)
    writer = LogTopicWriter(control)
    for partition, serving in ((0, True), (1, True), (1, False)):
        envelope = Envelope(id=SystemIds().uuid7(), type=OWNER_TYPE, source="/command-api", time=at, term=term)
        line = Owner(partition=partition, owner="a", url="http://a", term=term, serving=serving)
        await writer.append([encode_owner(envelope, line), RawRecord(b"0", b"?", (), 0)])
    stands = await owner_stands(control, 3)
    await writer.close()
    await control.close()
    assert [(s.line is not None and s.line.serving, bool(s.problem)) for s in stands] == [(True, False), (False, True), (False, True)]
