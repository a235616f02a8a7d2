"""``python -m opsroom_checks``: run every check on the repository around the present folder.

Prints one line for each breach and a last line with the count. Exit code 0: none; 1: some; 2: not in a repository or a wrong option.
``--lower`` first lowers the size allowances to what the code has reached.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from opsroom_checks import adr, links, names, references, runnable, sizes, strings
from opsroom_checks.tree import Breach, Tree, tree_of

CHECKS = (sizes.check, names.check, strings.check, links.check, references.check, adr.check, runnable.check)


def breaches_of(tree: Tree) -> list[Breach]:
    """All breaches of all checks, sorted by place."""
    return sorted(breach for check in CHECKS for breach in check(tree))


def main(arguments: Sequence[str], folder: Path) -> int:
    """Run with ``arguments`` in ``folder`` and return the exit code."""
    if set(arguments) - {"--lower"}:
        print(f"unknown option in {' '.join(arguments)}: only --lower is known", file=sys.stderr)
        return 2
    try:
        top = subprocess.run(["git", "rev-parse", "--show-toplevel"], cwd=folder, check=True, capture_output=True, text=True, timeout=30)
    except subprocess.CalledProcessError:
        print(f"{folder} is not in a git repository: run this inside a clone", file=sys.stderr)
        return 2
    tree = tree_of(Path(top.stdout.strip()))
    if "--lower" in arguments:
        print(f"{sizes.lower(tree)} allowances lowered")
    breaches = breaches_of(tree)
    for breach in breaches:
        print(breach)
    print(f"{len(breaches)} breaches in {len(tree.files)} files, {len(CHECKS)} checks")
    return 1 if breaches else 0


def run() -> None:
    """Console script."""
    sys.exit(main(sys.argv[1:], Path.cwd()))
