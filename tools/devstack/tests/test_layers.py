"""The test runner finds its layers in the folders, counts honestly, and ends with the summary line."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.errors import DevstackError
from devstack.layers import find_layers, run_layers


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPSROOM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    server: real\n")
    return tmp_path


def put(root: Path, file: str, text: str) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_layers_follow_from_the_folders(root: Path):
    for file in ("libs/a", "services/b", "tests/e2e", "tests/contract", "tests/chaos", "tests/simulation"):
        put(root, f"{file}/tests/test_x.py" if file.count("/") == 1 and not file.startswith("tests") else f"{file}/test_x.py", "")
    (root / "tests/empty").mkdir()
    layers = find_layers(root)
    assert [name for name, layer in layers.items() if layer.by_default] == ["unit", "ports", "contract", "simulation", "e2e"]
    assert [name for name, layer in layers.items() if not layer.by_default] == ["chaos", "a", "b"]
    assert layers["unit"].folders == ("libs/a/tests", "services/b/tests")


@pytest.mark.parametrize(
    ("body", "code", "last"),
    [
        ("def test_a(): pass\ndef test_b(): pass", 0, "2 passed, 0 failed"),
        ("import pytest\ndef test_a(): pass\n@pytest.mark.skip\ndef test_b(): pass", 0, "1 passed, 0 failed, 1 skipped"),
        ("def test_a(): pass\ndef test_b(): assert 0", 1, "1 passed, 1 failed"),
        ("def test_a(): pass\nraise ImportError", 1, "0 passed, 1 failed"),
        ("import os\ndef test_a(): os._exit(0)", 1, "0 passed, 1 failed"),
        ("", 1, "0 passed, 0 failed"),
    ],
)
def test_the_last_line_is_the_summary_and_agrees_with_the_exit_code(
    root: Path, body: str, code: int, last: str, capfd: pytest.CaptureFixture[str]
):
    put(root, "libs/a/tests/test_x.py", body)
    assert run_layers(root, ["unit"]) == code
    assert capfd.readouterr().out.splitlines()[-1] == last


@pytest.mark.server
def test_a_layer_without_servers_runs_beside_the_next_one_and_is_told_whole(root: Path, capfd: pytest.CaptureFixture[str]):
    put(root, "libs/a/tests/test_x.py", "def test_a(): assert 'told' == 'untold'")
    # Each waits for the other: one after the other, the first would wait in vain.
    meets = """
import pathlib, time
def test_meets():
    pathlib.Path("{mine}").touch()
    for _ in range(3000):
        if pathlib.Path("{other}").exists():
            return
        time.sleep(0.01)
    assert False, "nobody came"
"""
    put(root, "tests/linear/test_y.py", meets.format(mine="linear", other="unit"))
    put(root, "libs/b/tests/test_z.py", meets.format(mine="unit", other="linear"))
    assert run_layers(root, ["unit", "linear"]) == 1
    out = capfd.readouterr().out
    assert "'told' == 'untold'" in out
    assert out.splitlines()[-1] == "2 passed, 1 failed"


def test_an_unknown_layer_is_refused_with_the_known_ones(root: Path):
    put(root, "libs/a/tests/test_x.py", "")
    with pytest.raises(DevstackError, match="no test layer is called nonsense: there are unit, ports, a"):
        run_layers(root, ["nonsense"])
