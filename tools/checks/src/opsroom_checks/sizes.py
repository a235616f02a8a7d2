"""Sizes: a function has at most 70 lines, a file at most 400. Exceptions are listed in a file whose numbers only go down."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from opsroom_checks.tree import Breach, Tree

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 400
ALLOWANCES = "tools/checks/allowances.txt"
"""One ``NAME LINES`` a line; NAME is ``path`` or ``path::Class.function``. Lines that start with # are reasons."""
_RULE = "size"


def check(tree: Tree) -> list[Breach]:
    """Report what is above its limit, and every allowance that could be lower or is not needed."""
    allowed = allowances(tree.root)
    found = dict(_oversized(tree))
    breaches: list[Breach] = []
    for name, (line, lines, limit) in found.items():
        allowance = allowed.get(name, limit)
        if lines > allowance:
            what = "split it" if name not in allowed else f"its allowance is {allowance} and may not grow; split it"
            breaches.append(Breach(name.split("::")[0], line, _RULE, f"{name} has {lines} lines, the limit is {limit}: {what}"))
        elif lines < allowance and name in allowed:
            breaches.append(Breach(ALLOWANCES, 0, _RULE, f"{name} now has {lines} lines: lower {allowance} to {lines} (--lower does it)"))
    spent = [name for name in allowed if name not in found]
    return breaches + [
        Breach(ALLOWANCES, 0, _RULE, f"{name} is within the limit or gone: remove its line (--lower does it)") for name in spent
    ]


def lower(tree: Tree) -> int:
    """Rewrite the allowances with today's numbers where they are smaller; never adds or raises one. Return how many changed."""
    path = tree.root / ALLOWANCES
    if not path.exists():
        return 0
    found = {name: lines for name, (_, lines, _) in _oversized(tree)}
    kept: list[str] = []
    changed = 0
    for text in path.read_text().splitlines():
        name, _, number = text.rpartition(" ")
        if text.startswith("#") or not name:
            kept.append(text)
            continue
        now = min(found.get(name, 0), int(number))
        changed += now != int(number)
        if now:
            kept.append(f"{name} {now}")
    path.write_text("\n".join(kept) + "\n")
    return changed


def allowances(root: Path) -> Mapping[str, int]:
    path = root / ALLOWANCES
    if not path.exists():
        return {}
    rows = (text.rpartition(" ") for text in path.read_text().splitlines() if text and not text.startswith("#"))
    return {name: int(lines) for name, _, lines in rows}


def _oversized(tree: Tree) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Yield (name, (line, lines, limit)) of everything above its limit."""
    for path in tree.named(".py", ".ts", ".tsx", ".sql", ".mjs"):
        text = tree.text(path)
        lines = len(text.splitlines())
        if lines > FILE_LINES_MAX:
            yield path, (0, lines, FILE_LINES_MAX)
        if path.endswith(".py"):
            for name, function in _functions(ast.parse(text, path), ""):
                length = (function.end_lineno or function.lineno) - function.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    yield f"{path}::{name}", (function.lineno, length, FUNCTION_LINES_MAX)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)
