"""Command blocks of the documentation that a test runs.

A block that is fenced as ```` ```sh test=NAME ```` is read by the test itself, with ``docs_block(root, "NAME")``. So what the page says and
what is tried are the same text. The check finds blocks without a test, tests without a block, and names that are used twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from opsroom_checks import markdown
from opsroom_checks.tree import Breach, Tree, tree_of

_MARKED = re.compile(r"\btest=([\w-]+)")
_USED = re.compile(r"docs_block\([^()\"']*[\"']([\w-]+)[\"']\s*\)")
_OWN_TESTS = "tools/checks/tests/"


def docs_block(root: Path, name: str) -> str:
    """Return the commands of the one block with this name. Raises LookupError if there is none."""
    tree = tree_of(root)
    for _, block, found in _marked(tree):
        if found == name:
            return block.text
    raise LookupError(f"no page has a block ```sh test={name}")


def check(tree: Tree) -> list[Breach]:
    """Report blocks without a test, tests that name no block, and names used twice."""
    tests = [path for path in tree.tests() if not path.startswith(_OWN_TESTS)]
    used: dict[str, str] = {name: path for path in tests for name in _USED.findall(tree.text(path))}
    seen: set[str] = set()
    breaches: list[Breach] = []
    for path, block, name in _marked(tree):
        if name in seen:
            breaches.append(Breach(path, block.line, "runnable", f"`test={name}` is used by another block: choose another name"))
        if name not in used:
            breaches.append(Breach(path, block.line, "runnable", f'no test calls docs_block(root, "{name}")'))
        seen.add(name)
    missing = sorted(used.keys() - seen)
    return breaches + [Breach(used[name], 0, "runnable", f"no page has a block with `test={name}`") for name in missing]


def _marked(tree: Tree) -> Iterator[tuple[str, markdown.Block, str]]:
    for path in tree.named(".md"):
        for block in markdown.blocks(tree.text(path)):
            if match := _MARKED.search(block.info):
                yield path, block, match[1]
