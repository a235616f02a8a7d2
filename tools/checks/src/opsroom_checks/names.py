"""Names of files: a newcomer finds a behaviour by reading them, so none may be called after nothing in particular."""

from __future__ import annotations

import re

from opsroom_checks.tree import Breach, Tree

_EMPTY = re.compile(r"(^|[_-])(utils?|helpers?|managers?|misc|common_utils)([_-]|$)")


def check(tree: Tree) -> list[Breach]:
    """Report files and folders named utils, helpers, manager, misc."""
    breaches: list[Breach] = []
    for path in tree.files:
        for part in path.split("/"):
            stem = part.split(".")[0]
            if _EMPTY.search(stem.lower()):
                breaches.append(Breach(path, 0, "name", f"`{part}` does not say what is in it: name it after its one idea"))
    return breaches
