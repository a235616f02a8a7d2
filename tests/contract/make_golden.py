"""Makes a golden history: records as the log holds them, of every event and every published version, to be replayed for ever.

``python tests/contract/make_golden.py NAME`` writes ``schemas/golden/NAME.jsonl`` and ``NAME.rows.json``. It never overwrites records: a
golden history is what old logs hold. With ``--rows`` it only writes the rows anew, for a deliberate change of what a row shows; look at
the difference before you commit it.
"""

import base64
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from opsroom_common.contracts.codec import SkippedBody, decode, encode_event, encode_fence, encode_mark, encode_skip, type_of
from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE, SKIPPED_TYPE, DomainRecord, Envelope, Skip
from opsroom_common.log.entity import Entity, fold
from opsroom_common.log.fencing import TermFilter
from opsroom_common.log.port import Checkpoint, LogRecord, RawRecord, RecordClass
from opsroom_common.log.skips import Skips, fitting, pass_over, read_skip, take_skip
from opsroom_common.rows import row
from opsroom_domain.entities.incident import Noted
from opsroom_domain.ids import CommandId, EntityId, Version
from opsroom_domain.registry import KINDS

sys.path.insert(0, str(Path(__file__).parent))
from stories import STORIES
from stories.telling import START, Skipped

GOLDEN = Path(__file__).parents[2] / "schemas" / "golden"
_SOURCE = "/command-api"


def records(story: Iterable[tuple[str, EntityId, Any]]) -> list[RawRecord]:
    """One partition: a fence, commands, a second writer's fence, a late record of the first, more commands, a mark."""
    states: dict[EntityId, tuple[Any, int]] = {}
    numbers = iter(range(1, 1_000))
    made: list[RawRecord] = []
    terms = [_id(next(numbers)), _id(next(numbers))]
    made.append(_fence(terms[0], 0))
    commands = list(story)
    for place, (kind, entity_id, command) in enumerate(commands):
        term = terms[place >= len(commands) // 2]
        if place == len(commands) // 2:
            made.append(_fence(terms[1], place))
        state, version = states.get(entity_id, (None, 0))
        command_id = CommandId(_id(next(numbers)))
        if isinstance(command, Skipped):
            version += 1
            lost = Noted(at=command.at, by=command.by, note_id="note_lost", text="")
            raw = encode_event(_envelope(kind, lost, entity_id, Version(version), command_id, _id(next(numbers)), term), kind, lost)
            made.append(replace(raw, value=b"\xff"))
            skip = replace(
                _envelope(kind, lost, entity_id, Version(version), CommandId(_id(next(numbers))), _id(next(numbers)), term),
                type=SKIPPED_TYPE,
                entity_version=None,
                role="admin",
            )
            hashed = sha256(command_id.encode()).hexdigest()
            made.append(
                encode_skip(
                    skip, SkippedBody(offset=len(made) - 1, version=version, reason=command.reason, command_id=command_id, body_hash=hashed)
                )
            )
            states[entity_id] = (state, version)
            continue
        for event in KINDS[kind].decide(state, command):
            state, version = KINDS[kind].evolve(state, event), version + 1
            raw = encode_event(_envelope(kind, event, entity_id, Version(version), command_id, _id(next(numbers)), term), kind, event)
            made.append(raw)
            if place == len(commands) // 2:
                # The deposed writer's late record: void for every reader.
                late = _envelope(kind, event, entity_id, Version(version), CommandId(_id(next(numbers))), _id(next(numbers)), terms[0])
                made.append(encode_event(late, kind, event))
        states[entity_id] = (state, version)
    last = commands[-1][2].at
    made.append(encode_mark(Envelope(id=_id(next(numbers)), type=MARK_TYPE, source=_SOURCE, time=last, term=terms[1])))
    return made


def _id(number: int) -> str:
    """A UUIDv7 of a fixed time."""
    return f"019aaef2-d05c-7a3e-8c51-{number:012x}"


def _fence(term: str, place: int) -> RawRecord:
    time = START + timedelta(seconds=place)
    return encode_fence(Envelope(id=term, type=FENCE_TYPE, source=_SOURCE, time=time), "command-api-1", "http://127.0.0.1:8401")


def _envelope(kind: str, event: Any, entity_id: EntityId, version: Version, command_id: CommandId, id_: str, term: str) -> Envelope:
    return Envelope(
        id=id_,
        type=type_of(kind, event),
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
    """Every entity's row after the whole history: classified, decoded, folded, without what was skipped."""
    filter_, entities, skips = TermFilter(Checkpoint()), dict[str, Entity](), Skips()
    classified = [filter_.classify(record) for record in history]
    for item in classified:
        if (skip := read_skip(item)) is not None:
            skips.add(skip)
    for item in classified:
        if item.what is RecordClass.VOID:
            continue
        entity = entities.get((item.record.key or b"").decode())
        passing = fitting(skips.naming(item.record), 0 if entity is None else entity.version)
        if passing is not None and entity is not None:
            entities[entity.id] = pass_over(entity, passing)
            continue
        decoded = decode(item.record)
        if isinstance(decoded, Skip) and entity is not None:
            entities[entity.id] = take_skip(entity, decoded)
        if isinstance(decoded, DomainRecord):
            entities[decoded.entity_id] = fold(entities.get(decoded.entity_id), decoded)
    return {entity_id: row(entity) for entity_id, entity in sorted(entities.items())}


def main(arguments: list[str]) -> int:
    names = [argument for argument in arguments if argument != "--rows"]
    if len(names) != 1:
        sys.stderr.write("name the history: make_golden.py history-v2 [--rows]\n")
        return 2
    file = GOLDEN / f"{names[0]}.jsonl"
    if "--rows" not in arguments and not file.exists() and names[0] not in STORIES:
        sys.stderr.write(f"there is no story {names[0]}; tell one in stories/ and name it in STORIES\n")
        return 2
    if "--rows" not in arguments:
        if file.exists():
            sys.stderr.write(f"{file} exists and is for ever; take the next name, or --rows for its rows alone\n")
            return 1
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [as_line(offset, raw) for offset, raw in enumerate(records(STORIES[names[0]]()))]
        file.write_text("\n".join(lines) + "\n", "utf-8")
    rows = json.dumps(replayed(read_history(file)), indent=2, sort_keys=True, ensure_ascii=False)
    file.with_suffix(".rows.json").write_text(rows + "\n", "utf-8")
    sys.stdout.write(f"{file}: sha256 {sha256(file.read_bytes()).hexdigest()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
