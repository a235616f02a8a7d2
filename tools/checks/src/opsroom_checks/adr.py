"""Decision records: numbered, dated, in one format, and each says what enforces it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsroom_checks import markdown, references
from opsroom_checks.tree import Breach, Tree

_FOLDER = "docs/adr/"
_INDEX = "docs/adr/README.md"
_FILE = re.compile(r"docs/adr/(\d{4})-[a-z0-9-]+\.md")
_STATUS = re.compile(r"^- Status: (proposed|accepted|superseded by \[\d{4}\]\(\d{4}-[a-z0-9-]+\.md\))$", re.MULTILINE)
_DATE = re.compile(r"^- Date: \d{4}-\d{2}-\d{2}$", re.MULTILINE)
_TECHNOLOGY = re.compile(r"^- Kind: technology$", re.MULTILINE)
_QUOTE = re.compile(r"^> \S.*$", re.MULTILINE)
_REFERENCE = re.compile(r"`([^`\s]+)`")
SECTIONS = ("Context", "Decision", "Consequences", "Alternatives", "Enforced by")
TECHNOLOGY_SECTIONS = ("When it becomes necessary", "Without it")


def check(tree: Tree) -> list[Breach]:
    """Report records whose number, head, sections or ``Enforced by`` are not as the first record says, or that the index lacks."""
    records = [f for f in tree.files if f.startswith(_FOLDER) and f.endswith(".md") and f != _INDEX]
    index = tree.text(_INDEX) if _INDEX in tree.files else ""
    breaches: list[Breach] = []
    for expected, path in enumerate(records, 1):
        match = _FILE.fullmatch(path)
        if not match or int(match[1]) != expected:
            breaches.append(Breach(path, 0, "adr", f"expected number {expected:04d} and a name like {expected:04d}-title.md"))
            continue
        breaches += [Breach(path, 0, "adr", problem) for problem in _problems(tree, tree.text(path), match[1])]
        if f"]({path.removeprefix(_FOLDER)})" not in index:
            breaches.append(Breach(path, 0, "adr", f"has no row in {_INDEX}"))
    return breaches


def _problems(tree: Tree, text: str, number: str) -> Iterator[str]:
    if not text.startswith(f"# {number}. "):
        yield f"the first line is `# {number}. Title`"
    if not _STATUS.search(text):
        yield "needs `- Status: proposed | accepted | superseded by [NNNN](file)`"
    if not _DATE.search(text):
        yield "needs `- Date: YYYY-MM-DD`"
    wanted = SECTIONS + (TECHNOLOGY_SECTIONS if _TECHNOLOGY.search(text) else ())
    sections = sections_of(text)
    for name in wanted:
        if not sections.get(name, "").strip():
            yield f"needs a section `## {name}` that says something"
    quotes = _QUOTE.findall(sections.get("Decision", ""))
    if len(quotes) != 1:
        yield f"the decision is one quotable line (`> …`), found {len(quotes)}"
    found: list[str] = _REFERENCE.findall(sections.get("Enforced by", ""))
    if not found and "Enforced by" in sections:
        yield "`Enforced by` names a test or a check in backticks"
    for reference in found:
        if problem := references.problem(tree, reference):
            yield f"`Enforced by` names `{reference}`: {problem}"


def sections_of(text: str) -> dict[str, str]:
    """Text of each second-level section, by its heading."""
    sections: dict[str, str] = {}
    name = ""
    for _, line in markdown.prose(text):
        if line.startswith("## "):
            name = line[3:].strip()
            sections[name] = ""
        elif name:
            sections[name] += line + "\n"
    return sections
