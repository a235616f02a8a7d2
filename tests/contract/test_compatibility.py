"""The gate: whatever was published stays readable, old readers can read what is written now, and every breach is one clear line."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opsroom_common.contracts import gate, publish
from opsroom_common.contracts.gate import breaches
from opsroom_common.contracts.upcast import UPCASTS, Upcast

_REPOSITORY = Path(__file__).parents[2]
_SCHEMAS = _REPOSITORY / "schemas"
_Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    copy = tmp_path / "schemas"
    shutil.copytree(_SCHEMAS, copy, ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    return copy


def _edit(schemas: Path, path: str, change: _Change) -> None:
    file = schemas / path
    schema = json.loads(file.read_text("utf-8"))
    change(schema)
    file.write_text(json.dumps(schema), "utf-8")


def _field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(field for field in schema["fields"] if field["name"] == name)


def test_the_schemas_pass() -> None:
    assert breaches(_SCHEMAS) == ()


def test_every_current_schema_is_published() -> None:
    for folder in ("events", "log", "control", "signals"):
        for file in (_SCHEMAS / folder).rglob("*.avsc"):
            copies = [
                json.loads(copy.read_text("utf-8"))
                for copy in (_SCHEMAS / "history" / file.relative_to(_SCHEMAS).with_suffix("")).iterdir()
            ]
            assert json.loads(file.read_text("utf-8")) in copies, f"publish {file}"


@pytest.mark.parametrize(
    ("path", "change", "says"),
    [
        pytest.param("Opened", lambda s: s["fields"].remove(_field(s, "title")), "readers of version", id="a field is removed"),
        pytest.param("Opened", lambda s: _field(s, "title").update(name="heading"), "heading", id="a field is renamed"),
        pytest.param("Opened", lambda s: s["fields"].append({"name": "x", "type": "string"}), "can no longer be read", id="no default"),
        pytest.param("Opened", lambda s: _field(s, "title").update(type="long"), "type_mismatch", id="another type"),
        pytest.param("Assigned", lambda s: _field(s, "assignee").update(type="string"), "can no longer be read", id="null forbidden"),
        pytest.param("Noted", lambda s: _field(s, "text").update(type=["null", "string"]), "readers of version", id="null allowed"),
        pytest.param("Opened", lambda s: _field(s, "severity")["type"]["symbols"].pop(), "missing_enum_symbols", id="symbol removed"),
        pytest.param("Opened", lambda s: _field(s, "severity")["type"]["symbols"].append("sev6"), "readers of version", id="symbol added"),
        pytest.param("Opened", lambda s: s.update(namespace="opsroom.other"), "its schema is gone", id="another name"),
        pytest.param("SignalAttached", lambda s: _field(s, "starts_at").update(type="long"), "logical type", id="logical type dropped"),
        pytest.param(
            "SignalAttached",
            lambda s: _field(s, "ends_at")["type"][1].update(logicalType="timestamp-millis"),
            "logical type",
            id="logical type changed",
        ),
        pytest.param("Noted", lambda s: _field(s, "text").pop("opsroom.personal"), "opsroom.personal", id="mark removed"),
        pytest.param(
            "Edited",
            lambda s: _field(_field(s, "changes")["type"]["items"], "to").pop("opsroom.personal"),
            "changes.to",
            id="mark removed inside",
        ),
    ],
)
def test_a_breaking_change_turns_the_gate_red(schemas: Path, path: str, change: _Change, says: str) -> None:
    _edit(schemas, f"events/incident/{path}.avsc", change)
    found = breaches(schemas)
    assert [line for line in found if says in line], found
    assert all("\n" not in line for line in found)
    # It cannot be published away.
    assert publish.main([str(schemas)]) == 1


def test_a_removed_schema_turns_the_gate_red(schemas: Path) -> None:
    (schemas / "events" / "incident" / "Noted.avsc").unlink()
    assert any("its schema is gone" in line for line in breaches(schemas))


def test_a_field_with_a_default_may_come_and_is_published_by_the_command(schemas: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _edit(schemas, "events/incident/Noted.avsc", lambda s: s["fields"].append({"name": "mood", "type": "string", "default": ""}))
    (line,) = breaches(schemas)
    assert "is not published" in line
    assert publish.main([str(schemas)]) == 0
    assert "history/events/incident/Noted" in capsys.readouterr().out
    assert breaches(schemas) == ()
    assert publish.main([str(schemas)]) == 0
    assert capsys.readouterr().out == ""


def test_an_upcast_makes_an_unreadable_version_readable() -> None:
    assert breaches(_SCHEMAS, UPCASTS) == ()
    (line,) = breaches(_SCHEMAS, ())
    assert "Escalated" in line
    assert "can no longer be read" in line


def test_an_upcast_from_nowhere_or_in_a_circle_turns_the_gate_red() -> None:
    step = UPCASTS[0]
    nowhere = Upcast(step.name, "0" * 16, step.to, step.apply)
    assert any("never published" in line for line in breaches(_SCHEMAS, (*UPCASTS, nowhere)))
    back = Upcast(step.name, step.to, step.since, step.apply)
    assert any("circle" in line for line in breaches(_SCHEMAS, (*UPCASTS, back)))


def test_a_broken_file_is_one_line_too(schemas: Path) -> None:
    (schemas / "topics.yaml").write_text("topics: [", "utf-8")
    (line,) = breaches(schemas)
    assert line.startswith("topics.yaml")
    (schemas / "events" / "incident" / "Noted.avsc").write_text("{", "utf-8")
    (line,) = breaches(schemas)
    assert line.startswith("events/incident/Noted")
    assert publish.main([str(schemas)]) == 1


def test_the_command_says_it_with_its_exit_code(schemas: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main([str(schemas)]) == 0
    _edit(schemas, "events/incident/Noted.avsc", lambda s: s["fields"].pop())
    command = [sys.executable, "-m", "opsroom_common.contracts.gate", str(schemas)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == len(breaches(schemas)) == 2
    assert gate.main([str(tmp_path / "nothing")]) == publish.main([str(tmp_path / "nothing")]) == 2
    assert "name the folder schemas" in capsys.readouterr().err


def _committed(path: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "HEAD", "--", path],
        cwd=_REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return listed.stdout.splitlines() if listed.returncode == 0 else []


def test_what_was_committed_as_published_is_still_there() -> None:
    """The last commit's history: no file of it may be edited or removed, golden records included."""
    for path in (path for path in [*_committed("schemas/history"), *_committed("schemas/golden")] if path.endswith((".avsc", ".jsonl"))):
        old = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=_REPOSITORY, capture_output=True, timeout=30, check=True).stdout
        assert (_REPOSITORY / path).read_bytes() == old, f"{path} is published; restore it"
