"""Makes a golden history: records as the log holds them, of every event and every published version, to be replayed for ever.

``python tests/contract/make_golden.py NAME`` writes ``schemas/golden/NAME.jsonl`` and ``NAME.rows.json``. It never overwrites records: a
golden history is what old logs hold. With ``--rows`` it only writes the rows anew, for a deliberate change of what a row shows; look at
the difference before you commit it.
"""

import base64
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from opsroom_common.contracts.avro import encode, installed_catalogue
from opsroom_common.contracts.codec import decode, encode_event, encode_fence, encode_mark, type_of
from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE, DomainRecord, Envelope
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.port import Checkpoint, LogRecord, RawRecord, RecordClass
from opsroom_common.rows import row
from opsroom_domain.changes import Change
from opsroom_domain.entities.incident import (
    INCIDENT,
    Acknowledge,
    AddNote,
    Assign,
    ChangeLabels,
    ChangeSeverity,
    ChangeStatus,
    ChangeVisibility,
    ChangeWatchers,
    Edit,
    Escalate,
    Escalated,
    Link,
    Merge,
    Open,
    Reopen,
    ReportSignal,
    Resolve,
    Severity,
    SignalStatus,
    Status,
    Unlink,
    Visibility,
)
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version

GOLDEN = Path(__file__).parents[2] / "schemas" / "golden"
_START = datetime.fromisoformat("2026-11-23T09:00:00.000001Z")
_SOURCE = "/command-api"
_SLOW = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k1h")
_DOWN = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k2j")
_ADA, _BO, _PROBE = ActorId("usr_01kaqf5m2s8v6t4r0q9p7n3k3k"), ActorId("usr_01kaqf5m2s8v6t4r0q9p7n3k4m"), ActorId("svc_probe")
_ESCALATED_V0 = ("opsroom.incident.Escalated", "9f3ff96832bc9b61")


def _commands() -> Iterator[tuple[EntityId, Any]]:
    """Two incidents through their whole lives, one event of each kind at least."""
    at, seconds = _START, 0

    def common(by: ActorId = _ADA) -> dict[str, Any]:
        nonlocal seconds
        seconds += 1
        return {"at": at + timedelta(seconds=seconds, microseconds=seconds), "by": by}

    long_text = "Every checkout waits.\n" * 20
    yield _SLOW, Open(incident_id=_SLOW, title="Payments are slow", description=long_text, labels=("payments", "eu"), **common())
    yield _SLOW, Acknowledge(**common(_BO))
    yield _SLOW, Assign(seen=None, assignee=_BO, **common())
    yield _SLOW, Escalate(reason="before reasons were asked for", **common())
    yield _SLOW, Escalate(reason="No one answers: ünanswered", **common())
    yield _SLOW, ChangeSeverity(seen=Severity.SEV3, severity=Severity.SEV1, **common())
    yield _SLOW, ChangeStatus(seen=Status.ACKNOWLEDGED, status=Status.INVESTIGATING, **common(_BO))
    edits = (
        Change(field="title", seen="Payments are slow", to="Payments fail"),
        Change(field="description", seen=long_text, to="Since nine."),
    )
    yield _SLOW, Edit(changes=edits, **common(_BO))
    yield _SLOW, AddNote(note_id="note_1", text="Rolled back.\nBetter.", **common(_BO))
    yield _SLOW, ChangeLabels(add=("database",), remove=("eu",), **common())
    yield _SLOW, ChangeWatchers(add=(_ADA, _BO), **common())
    yield _SLOW, ChangeWatchers(remove=(_ADA,), **common())
    yield _SLOW, ChangeVisibility(seen=Visibility.EVERYONE, visibility=Visibility.TEAM, **common())
    signal = {
        "incident_id": _DOWN,
        "fingerprint": "5f1c0a9be2d34c77",
        "starts_at": _START,
        "name": "TargetDown",
        "summary": "The target does not answer",
        "severity": Severity.SEV2,
        "source": "alertmanager",
        "source_url": "http://127.0.0.1:9090/graph?g0.expr=up",
        "labels": ("job:demo",),
    }
    yield _DOWN, ReportSignal(status=SignalStatus.FIRING, ends_at=None, **signal, **common(_PROBE))
    yield _DOWN, ReportSignal(status=SignalStatus.RESOLVED, ends_at=_START + timedelta(seconds=14), **signal, **common(_PROBE))
    yield _DOWN, Reopen(reason="It came back", **common())
    yield _SLOW, Link(target=_DOWN, **common())
    yield _SLOW, Unlink(target=_DOWN, **common())
    yield _SLOW, Resolve(resolution="Rolled back", **common(_BO))
    yield _DOWN, Merge(into=_SLOW, **common())


def records() -> Iterator[RawRecord]:
    """One partition: a fence, commands, a second writer's fence, a late record of the first, more commands, a mark."""
    states: dict[EntityId, tuple[Any, int]] = {}
    numbers = iter(range(1, 1_000))
    terms = [_id(next(numbers)), _id(next(numbers))]
    yield _fence(terms[0], 0)
    commands = list(_commands())
    for place, (entity_id, command) in enumerate(commands):
        term = terms[place >= len(commands) // 2]
        if place == len(commands) // 2:
            yield _fence(terms[1], place)
        state, version = states.get(entity_id, (None, 0))
        command_id = CommandId(_id(next(numbers)))
        for event in INCIDENT.decide(state, command):
            state, version = INCIDENT.evolve(state, event), version + 1
            raw = encode_event(_envelope(event, entity_id, Version(version), command_id, _id(next(numbers)), term), "incident", event)
            if isinstance(event, Escalated) and event.level == 1:
                raw = _as_version_0(raw, event.level)
            yield raw
            if place == len(commands) // 2:
                # The deposed writer's late record: void for every reader.
                late = _envelope(event, entity_id, Version(version), CommandId(_id(next(numbers))), _id(next(numbers)), terms[0])
                yield encode_event(late, "incident", event)
        states[entity_id] = (state, version)
    last = commands[-1][1].at
    yield encode_mark(Envelope(id=_id(next(numbers)), type=MARK_TYPE, source=_SOURCE, time=last, term=terms[1]))


def _id(number: int) -> str:
    """A UUIDv7 of a fixed time."""
    return f"019aaef2-d05c-7a3e-8c51-{number:012x}"


def _fence(term: str, place: int) -> RawRecord:
    time = _START + timedelta(seconds=place)
    return encode_fence(Envelope(id=term, type=FENCE_TYPE, source=_SOURCE, time=time), "command-api-1", "http://127.0.0.1:8401")


def _envelope(event: Any, entity_id: EntityId, version: Version, command_id: CommandId, id_: str, term: str) -> Envelope:
    return Envelope(
        id=id_,
        type=type_of(event),
        source=_SOURCE,
        time=event.at,
        term=term,
        subject=entity_id,
        entity_version=version,
        command_id=command_id,
        body_hash=sha256(command_id.encode()).hexdigest(),
        actor=event.by,
        role="operator",
        correlation_id=command_id,
    )


def _as_version_0(raw: RawRecord, level: int) -> RawRecord:
    """As it was written before escalations had a reason."""
    schema = installed_catalogue().published[_ESCALATED_V0]
    headers = tuple((name, schema.fingerprint.encode() if name == "avro-fingerprint" else value) for name, value in raw.headers)
    return replace(raw, value=encode(schema, {"level": level}), headers=headers)


def as_line(offset: int, raw: RawRecord) -> str:
    """One record as JSON: the value in base64, everything else as text."""
    return json.dumps(
        {
            "offset": offset,
            "timestamp_ms": raw.timestamp_ms,
            "key": None if raw.key is None else raw.key.decode(),
            "headers": [[name, value.decode()] for name, value in raw.headers],
            "value": base64.b64encode(raw.value).decode(),
        }
    )


def read_history(file: Path) -> list[LogRecord]:
    """The records of a golden history, as a log gives them back."""
    found = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [
        LogRecord(
            "ops.events",
            0,
            each["offset"],
            each["timestamp_ms"],
            None if each["key"] is None else each["key"].encode(),
            base64.b64decode(each["value"], validate=True),
            tuple((name, value.encode()) for name, value in each["headers"]),
        )
        for each in found
    ]


def replayed(history: list[LogRecord]) -> dict[str, dict[str, Any]]:
    """Every entity's row after the whole history: classified, decoded, folded."""
    filter_, entities = TermFilter(Checkpoint()), dict[str, Entity]()
    for record in history:
        if filter_.classify(record).what is RecordClass.VOID:
            continue
        decoded = decode(record)
        if isinstance(decoded, DomainRecord):
            entities[decoded.entity_id] = fold(entities.get(decoded.entity_id), decoded)
    return {entity_id: row(entity) for entity_id, entity in sorted(entities.items())}


def main(arguments: list[str]) -> int:
    names = [argument for argument in arguments if argument != "--rows"]
    if len(names) != 1:
        sys.stderr.write("name the history: make_golden.py history-v2 [--rows]\n")
        return 2
    file = GOLDEN / f"{names[0]}.jsonl"
    if "--rows" not in arguments:
        if file.exists():
            sys.stderr.write(f"{file} exists and is for ever; take the next name, or --rows for its rows alone\n")
            return 1
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [as_line(offset, raw) for offset, raw in enumerate(records())]
        file.write_text("\n".join(lines) + "\n", "utf-8")
    rows = json.dumps(replayed(read_history(file)), indent=2, sort_keys=True, ensure_ascii=False)
    file.with_suffix(".rows.json").write_text(rows + "\n", "utf-8")
    sys.stdout.write(f"{file}: sha256 {sha256(file.read_bytes()).hexdigest()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
