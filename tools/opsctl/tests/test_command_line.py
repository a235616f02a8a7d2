"""Every ending is one line and a documented exit code, and the reference page is the command line's own."""

from __future__ import annotations

import os
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devstack.table import KAFKA, POSTGRES
from opsctl.exits import MEANINGS, Exit, Stop
from opsctl.moments import parse_moment, parse_version_or_moment
from opsctl.records import as_lines, see
from opsctl.reference import page
from opsctl.where import Where
from opsroom_common.log.port import Checkpoint, Classified, LogRecord, RecordClass

from .conftest import SCRIPT

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ID = "inc_01k2v9q3f4e5r6t7y8z9a0b1c2"
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "opsctl.md"


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False)


def test_the_reference_page_is_made_of_the_command_line() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: python -m opsctl.reference > docs/reference/opsctl.md"


def test_help_and_page_say_every_exit_code() -> None:
    said = run("--help")
    assert said.returncode == 0
    for code in Exit:
        assert f"{code.value:<4} {MEANINGS[code]}" in said.stdout
        assert f"| {code.value} | {MEANINGS[code]} |" in page()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no command given"),
        (["nosuch"], "No such command"),
        (["events", "--nope"], "No such option"),
        (["events", "--from", "yesterday"], "is no time"),
        (["events", "--from", "2026-11-23T09:00:00"], "is no time"),
        (["events", "--entity", "bla"], "is no id"),
        (["events", "--entity", "zzz" + ID[3:]], "is no id"),
        (["events", "--limit", "-1"], "--limit"),
        (["events", "--partition", "x"], "--partition"),
        (["state"], "Missing argument"),
        (["state", ID, "--at", "0"], "versions begin at 1"),
        (["projections"], "no command given"),
        (["projections", "switch"], "Missing argument"),
        (["projections", "drop", "read_v1; DROP TABLE x"], "is no name of a projection"),
        (["projections", "switch", "read_v2", "--hold", "99"], "--hold"),
        (["--kafka", "nonsense", "topics"], "is no address of Kafka"),
        (["--postgres", "host:5432", "lag"], "the address of Postgres"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(arguments: list[str], words: str) -> None:
    said = run(*arguments)
    assert (said.returncode, said.stdout) == (2, "")
    assert len(said.stderr.splitlines()) == 1
    assert said.stderr.startswith("opsctl: ")
    assert words in said.stderr


@pytest.mark.parametrize("arguments", [["events"], ["events", "--follow"], ["state", ID], ["topics"], ["lag"]])
def test_kafka_away_is_one_line_and_code_3(arguments: list[str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and nobody listens
        said = run(*arguments, OPSROOM_KAFKA=f"127.0.0.1:{nobody.getsockname()[1]}")
    assert (said.returncode, said.stdout) == (3, "")
    assert len(said.stderr.splitlines()) == 1
    assert "start it or check OPSROOM_KAFKA" in said.stderr


@pytest.mark.parametrize("arguments", [["list"], ["drop", "read_v2"]])
def test_postgres_away_is_one_line_and_code_3(arguments: list[str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and nobody listens
        said = run("projections", *arguments, OPSROOM_POSTGRES=f"postgresql://postgres@127.0.0.1:{nobody.getsockname()[1]}/postgres")
    assert (said.returncode, said.stdout) == (3, "")
    assert len(said.stderr.splitlines()) == 1
    assert "check OPSROOM_POSTGRES" in said.stderr


def test_the_defaults_are_the_development_stacks() -> None:
    where = Where.of(None, None, {})
    assert where.kafka == f"127.0.0.1:{KAFKA.default}"
    assert f"@127.0.0.1:{POSTGRES.default}/" in where.postgres
    moved = Where.of(None, None, {KAFKA.variable: "1234", POSTGRES.variable: "1235"})
    assert moved.kafka.endswith(":1234")
    assert ":1235/" in moved.postgres
    assert "quiet" not in repr(Where.of(None, "postgresql://anna:{}@host/x".format("quiet")))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T09:00:00Z", NOW),
        ("2026-11-23t10:00:00.5+01:00", NOW + timedelta(seconds=0.5)),
        ("15m", NOW - timedelta(minutes=15)),
        ("7d", NOW - timedelta(days=7)),
        ("now", NOW),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5y", "2026-11-23", "2026-13-01T00:00:00Z", "999999999w", "٣m", "Now"])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Stop, match="2026-11-23T09:00:00Z") as stop:
        parse_moment(text, NOW)
    assert stop.value.code is Exit.USAGE


def test_a_version_is_told_from_a_moment() -> None:
    assert parse_version_or_moment("7", NOW) == 7
    assert parse_version_or_moment("v7", NOW) == 7
    assert parse_version_or_moment("7d", NOW) == NOW - timedelta(days=7)


@pytest.mark.parametrize("width", [20, 50, 80, 139, 140, 300])
def test_no_line_is_wider_than_the_terminal_and_none_moves_it(width: int) -> None:
    key = ("inc_\x1b[31m" + "x" * 400).encode()
    record = LogRecord("ops.events", 3, 17, 1_795_000_000_000, key, b"", (("ce_type", b"\x1b[2J"),))
    lines = as_lines(see(Classified(record, RecordClass.EVENT, Checkpoint(18))), width)
    assert len(lines) == (1 if width >= 140 else 2)
    assert all(line.cell_len <= width for line in lines)
    assert not any("\x1b" in line.plain for line in lines)
    assert "\x1b" not in as_lines(see(Classified(record, RecordClass.VOID, Checkpoint(18))), None)[0].plain
