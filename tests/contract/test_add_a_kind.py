"""The page on adding a kind does what it says: followed to the letter in a copy of the repository."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from opsroom_checks.runnable import docs_block

ROOT = Path(__file__).parents[2]
_COPIED = ("libs", "services", "schemas", "tests/contract/change_request", "conftest.py", "pyproject.toml", "tools")
_STEPS = (
    docs_block(ROOT, "add-a-kind-rules"),
    docs_block(ROOT, "add-a-kind-records"),
    docs_block(ROOT, "add-a-kind-doors"),
    docs_block(ROOT, "add-a-kind-check"),
)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_kind_is_added_as_the_page_says(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules")
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=ignored)
        else:
            shutil.copy(source, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    # In front of the installed packages: the copies.
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "opsroom_schemas").symlink_to(tmp_path / "schemas")
    sources = [str(path) for path in sorted(tmp_path.glob("*/*/src"))]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*sources, str(installed)])}
    told = ""
    for step in _STEPS:
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", step],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert ended.returncode == 0, f"{step}\n{ended.stdout}\n{ended.stderr}"
        told += ended.stdout
    assert "every published record stays readable" in told
    assert "1 passed" in told
    changed = [
        tmp_path / "libs/domain/src/opsroom_domain/registry.py",
        tmp_path / "services/command-api/src/command_api/api/doors/__init__.py",
    ]
    for file in changed:
        before = (ROOT / file.relative_to(tmp_path)).read_text("utf-8").splitlines()
        after = file.read_text("utf-8").splitlines()
        assert len(set(after) - set(before)) <= 2, "a registry needs its import and its line, no more"
