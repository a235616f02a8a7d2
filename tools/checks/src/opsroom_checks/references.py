"""Names of things that hold a rule: a test, an import contract, a ruff rule, a check of this package. Each can be looked up."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import PurePosixPath

from opsroom_checks import markdown
from opsroom_checks.tree import Breach, Tree

OWN_RULES = frozenset({"size", "name", "machine-path", "download-host", "secret", "link", "adr", "runnable", "reference"})
_NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|sql|yaml|toml|avsc|sh|ts|tsx)(?:::\w+)*)`")
_RUFF = re.compile(r"[A-Z]{1,4}\d{3,4}")


def check(tree: Tree) -> list[Breach]:
    """Report files and tests that a page names in backticks and that do not exist. Decision records are left as they were written."""
    breaches: list[Breach] = []
    for path in tree.named(".md"):
        if path.startswith("docs/adr/"):
            continue
        for line, text in markdown.prose(tree.text(path)):
            for name in _NAMED.findall(text):
                named, _, inside = str(name).partition("::")
                # From the root, or, as in a package's README, from the page's own folder.
                beside = str(PurePosixPath(path).parent / named)
                file = named if named in tree.files else beside
                if file not in tree.files:
                    breaches.append(Breach(path, line, "reference", f"no such file: {named}"))
                elif inside and inside not in definitions(tree.text(file)):
                    breaches.append(Breach(path, line, "reference", f"{file} defines no {inside}"))
    return breaches


def problem(tree: Tree, reference: str) -> str | None:
    """Return why ``reference`` names nothing, or None.

    Forms: ``path/test_x.py``, ``path/test_x.py::test_name``, ``path/test_x.py::TestClass::test_name``, ``import-linter:ID``,
    ``ruff:CODE``, ``opsroom-checks:RULE``.
    """
    tool, colon, name = reference.partition(":")
    if colon and not name.startswith(":"):
        return _tool_problem(tree, tool, name)
    path, _, inside = reference.partition("::")
    if path not in tree.files:
        return f"no such file: {path}"
    if path not in tree.tests():
        return f"{path} is not below a folder named tests"
    if inside and inside not in definitions(tree.text(path)):
        return f"{path} defines no {inside}"
    return None


def definitions(text: str) -> frozenset[str]:
    """Functions and classes of a module, and methods as ``Class::method``."""
    names: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
            names.update(f"{node.name}::{n.name}" for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(names)


def _tool_problem(tree: Tree, tool: str, name: str) -> str | None:
    match tool:
        case "import-linter":
            found = name in _contracts(tree)
        case "opsroom-checks":
            found = name in OWN_RULES
        case "ruff":
            found = _RUFF.fullmatch(name) is not None
        case _:
            return f"unknown tool {tool}: use import-linter, ruff or opsroom-checks"
    return None if found else f"{tool} has no rule {name}"


def _contracts(tree: Tree) -> frozenset[str]:
    settings = tomllib.loads(tree.text("pyproject.toml"))
    contracts = settings.get("tool", {}).get("importlinter", {}).get("contracts", [])
    return frozenset(str(contract["id"]) for contract in contracts)
