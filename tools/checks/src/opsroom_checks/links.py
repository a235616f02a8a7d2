"""Links inside the documentation resolve, to files and to headings. Links to the world are not followed."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote

from opsroom_checks import markdown
from opsroom_checks.tree import Breach, Tree

_EXTERNAL = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def check(tree: Tree) -> list[Breach]:
    """Report each relative link whose file or heading does not exist."""
    breaches: list[Breach] = []
    for path in tree.named(".md"):
        for line, target in markdown.links(tree.text(path)):
            problem = None if _EXTERNAL.match(target) else _problem(tree, path, unquote(target))
            if problem:
                breaches.append(Breach(path, line, "link", f"`{target}`: {problem}"))
    return breaches


def _problem(tree: Tree, path: str, target: str) -> str | None:
    name, _, anchor = target.partition("#")
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path
    if name.startswith("/") or found.startswith(".."):
        return "leaves the repository: use a relative path"
    if found not in tree.files:
        folder = any(f.startswith(found.rstrip("/") + "/") for f in tree.files)
        return None if folder and not anchor else "no such file"
    if anchor and found.endswith(".md") and anchor not in markdown.anchors(tree.text(found)):
        return f"{found} has no heading with that anchor"
    return None
