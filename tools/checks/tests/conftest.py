"""A small repository to check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from opsroom_checks.tree import Tree

MakeTree = Callable[[dict[str, str]], Tree]


@pytest.fixture
def make_tree(tmp_path: Path) -> MakeTree:
    """Write the files and return them as a tree, without git."""

    def make(files: dict[str, str]) -> Tree:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Tree(tmp_path, tuple(sorted(files)))

    return make
