"""The model in docs/spec: its runner tells the truth, every rule has a variant without it, and its page names what there is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "docs" / "spec"


def check(spec: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "check.py", *arguments]
    return subprocess.run(argv, cwd=spec, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The spec, to be changed, with the jar that the repository has fetched."""
    (ROOT / ".cache" / "spec").mkdir(parents=True, exist_ok=True)
    (tmp_path / ".cache").symlink_to(ROOT / ".cache")
    return Path(shutil.copytree(SPEC, tmp_path / "docs" / "spec"))


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file.name} has {text.count(old)} times: {old}"
    file.write_text(text.replace(old, new))


def variant_names() -> set[str]:
    return set(re.findall(r'Variant\(\s*"([a-z0-9-]+)"', (SPEC / "variants.py").read_text()))


# The first run may fetch the jar.
@pytest.mark.timeout(700)
def test_a_rule_holds_and_is_missed_when_it_is_taken_away():
    result = check(SPEC, "--only", "refusals-one-owner", "--only", "r7-not-remembered", "--only", "r2-duel-disobeyed", "--only", "duel")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == "4 passed, 0 failed"


@pytest.mark.timeout(700)
def test_a_protocol_that_breaks_its_promise_fails_the_run(copy: Path):
    replace(
        copy / "WriteProtocol.tla",
        "THEN UNCHANGED W /\\ NoAnswer  \\* refused a moment ago: the same refusal again",
        "THEN Take(w, x, c, arr, d)",
    )
    result = check(copy, "--only", "refusals-one-owner")
    assert result.returncode == 1
    assert "broken: RefusalFinal" in result.stdout
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed"


@pytest.mark.timeout(700)
def test_a_rule_that_nobody_misses_fails_the_run(copy: Path):
    replace(copy / "variants.py", '{"TermsMax": 1, "Refusals": "none"}', '{"TermsMax": 1}')
    result = check(copy, "--only", "r7-not-remembered")
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed"


@pytest.mark.timeout(700)
def test_a_model_that_cannot_be_read_fails_the_run(copy: Path):
    replace(copy / "Duel.tla", "Progress == []<>acked", "Progress == []<>nothing")
    result = check(copy, "--only", "duel")
    assert result.returncode == 1
    assert "TLC failed" in result.stdout


def test_an_unknown_variant_is_refused_with_the_names_that_there_are():
    result = check(SPEC, "--only", "no-such")
    assert result.returncode == 1
    assert "no such variant: no-such" in result.stderr
    assert "r5-torn-read" in result.stderr


def test_every_rule_has_a_variant_without_it():
    assert {name.split("-")[0] for name in variant_names() if re.match(r"r\d", name)} == {f"r{n}" for n in range(1, 10)}


def test_the_table_names_every_variant_and_the_code_and_tests_of_the_protocols_page():
    page = (SPEC / "README.md").read_text()
    table = {row.split("|")[1].strip(): row for row in re.findall(r"^\| R\d \|.*$", page, re.MULTILINE)}
    for name in variant_names():
        assert any(f"`{name}`" in row for row in table.values()), f"docs/spec/README.md: the table does not name {name}"
    for row in re.findall(r"^\| R\d \|.*$", (ROOT / "docs/explanation/write-protocol.md").read_text(), re.MULTILINE):
        _, rule, code, test, _ = (cell.strip() for cell in row.split("|"))
        assert code in table[rule], f"docs/spec/README.md: {rule} has other code than docs/explanation/write-protocol.md"
        assert test in table[rule], f"docs/spec/README.md: {rule} has other tests than docs/explanation/write-protocol.md"
