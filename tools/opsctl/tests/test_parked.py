"""What an operator does about a parked entity, against a running product: with the commands of the how-to."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from devstack.postgres import psql
from opsroom_checks.runnable import docs_block

from .conftest import SCRIPT, Room
from .test_opsctl import record, term_of

pytestmark = [pytest.mark.server, pytest.mark.timeout(150)]
ROOT = Path(__file__).parents[3]
SEE, RETRY = docs_block(ROOT, "parked-see"), docs_block(ROOT, "parked-retry")
SKIP, LETTERS = docs_block(ROOT, "parked-skip"), docs_block(ROOT, "parked-letters")
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.words LIKE '%bitter%' THEN RAISE EXCEPTION 'too bitter' USING ERRCODE = '22001'; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON read_v1.timeline FOR EACH ROW EXECUTE FUNCTION refuse()
"""


def until(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def run(room: Room, block: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A block of the how-to, in a shell."""
    path = f"{Path(SCRIPT).parent}:{room.env['PATH']}"
    return subprocess.run(
        ["bash", "-c", block],
        env={**room.env, "PATH": path, **env}, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


def parked(room: Room, entity: str) -> dict[str, object] | None:
    found = [each for each in room.opsctl("parked", "list", "--json").objects if each["entity"] == entity]
    return found[0] if found else None


def note(room: Room, entity: str, text: str = "more") -> httpx.Response:
    body, key = {"text": text}, {"Idempotency-Key": room.ids.uuid7()}
    url = f"{room.stack.command_api.url}/v1/incidents/{entity}/notes"
    while True:
        answer = httpx.post(url, json=body, headers=key, timeout=20)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
            return answer
        time.sleep(0.1)  # as Retry-After asks every client to


def spoil(room: Room, entity: str) -> None:
    """Land a record that nobody can read, with the version that comes next."""
    last = [each for each in room.opsctl("events", "--entity", entity, "--json").objects if "version" in each][-1]
    room.land(entity, replace(record(room, entity, last["version"] + 1, term_of(room, entity)), value=b"\xff"))
    until(lambda: parked(room, entity) is not None)
    until(lambda: note(room, entity).status_code == httpx.codes.LOCKED)


def test_a_record_is_skipped_and_everything_goes_on(room: Room) -> None:
    entity, other = room.incident("Poisoned"), room.incident("Healthy")
    spoil(room, entity)
    place = parked(room, entity)
    assert place is not None
    assert room.opsctl("parked", "list").code == 1
    assert note(room, other).is_success, "everything else goes on"

    seen = run(room, SEE, ENTITY=entity)
    assert seen.returncode == 1, seen.stderr
    assert f"opsctl parked skip {entity} --offset {place['offset']}" in seen.stdout
    wrong = room.opsctl("parked", "skip", entity, "--offset", str(int(str(place["offset"])) - 1), "--reason", "x")
    assert (wrong.code, wrong.out) == (1, "")
    assert f"parked at offset {place['offset']}" in wrong.error

    done = run(room, SKIP, ENTITY=entity, OFFSET=str(place["offset"]))
    while done.returncode == 1:  # what waited behind may have the same version, if an owner wrote it before it knew
        place = parked(room, entity)
        assert place is not None, done.stdout + done.stderr
        done = run(room, SKIP, ENTITY=entity, OFFSET=str(place["offset"]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert parked(room, entity) is None
    assert note(room, entity).is_success
    assert room.opsctl("state", entity).code == 0, "the row is what the log says, skip included"
    assert any(each.get("type") == "opsroom.log.skipped" for each in room.opsctl("events", "--entity", entity, "--json").objects)
    assert "never shipped" in room.opsctl("parked", "show", entity).out
    refused = room.opsctl("parked", "skip", entity, "--offset", str(place["offset"]), "--reason", "again")
    assert refused.code == 1
    assert "is not parked" in refused.error


def test_an_entity_is_retried_once_the_database_takes_its_record(room: Room) -> None:
    psql(room.stack.servers.postgres.dsn, REFUSE)
    entity = room.incident("Bitter")
    assert note(room, entity, "bitter").is_success
    until(lambda: parked(room, entity) is not None)
    until(lambda: note(room, entity).status_code == httpx.codes.LOCKED)

    still = run(room, RETRY, ENTITY=entity)
    assert (still.returncode, "too bitter" in still.stdout) == (1, True), still.stderr
    psql(room.stack.servers.postgres.dsn, "DROP TRIGGER refuse ON read_v1.timeline; DROP FUNCTION refuse()")
    back = run(room, RETRY, ENTITY=entity)
    assert (back.returncode, back.stdout) == (0, f"{entity}: it is back\n"), back.stderr
    assert room.opsctl("state", entity).code == 0
    until(lambda: note(room, entity).is_success)
    assert room.opsctl("parked", "retry", entity).code == 4
    assert room.opsctl("parked", "retry", "--all").code == 0


def alert(room: Room, status: str, fingerprint: str) -> None:
    ends = "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-23T10:00:00Z"
    one = {
        "status": status, "labels": {"alertname": "DiskFull"}, "annotations": {}, "startsAt": "2026-11-23T09:00:00Z", "endsAt": ends,
        "generatorURL": "http://127.0.0.1/g", "fingerprint": fingerprint,
    }  # fmt: skip
    body = {
        "version": "4", "groupKey": "g", "truncatedAlerts": 0, "status": status, "receiver": "opsroom", "groupLabels": {}, "commonLabels": {},
        "commonAnnotations": {}, "externalURL": "http://127.0.0.1/a", "alerts": [one],
    }  # fmt: skip
    answer = httpx.post(f"{room.stack.command_api.url}/v1/signals/alertmanager", json=body, timeout=20)
    assert answer.is_success, answer.text


def test_signals_of_a_parked_incident_are_put_back(room: Room) -> None:
    fingerprint = f"{datetime.now(UTC).microsecond:016x}"
    alert(room, "firing", fingerprint)

    def opened() -> str:
        return psql(room.stack.servers.postgres.dsn, f"SELECT id FROM read.entities WHERE state::text LIKE '%{fingerprint}%'").strip()

    until(lambda: bool(opened()))
    entity = opened()
    spoil(room, entity)
    alert(room, "resolved", fingerprint)
    until(lambda: room.opsctl("dead-letters", "list", "--error", entity, "--json").code == 1)
    (letter,) = room.opsctl("dead-letters", "list", "--error", entity, "--json").objects
    assert "DiskFull resolved" in letter["signal"]
    while (place := parked(room, entity)) is not None:
        run(room, SKIP, ENTITY=entity, OFFSET=str(place["offset"]))

    put_back = run(room, LETTERS, ENTITY=entity)
    assert put_back.returncode == 0, put_back.stderr
    assert f"put back {letter['offset']}: DiskFull resolved" in put_back.stdout
    until(lambda: psql(room.stack.servers.postgres.dsn, f"SELECT status FROM read.entities WHERE id = '{entity}'").strip() == "resolved")
    assert room.opsctl("dead-letters", "list", "--error", entity).code == 0
    assert room.opsctl("dead-letters", "replay", str(letter["offset"])).code == 4
