"""The little of Markdown that the checks read: lines outside fences, headings, links, fenced blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^(\s*)(```+|~~~+)\s*(.*)$")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"`[^`]*`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it starts, its info string (``sh test=NAME``), its text."""

    line: int
    info: str
    text: str


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, line) outside fenced blocks."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if match and not fence:
            fence = match[2]
        elif match and match[2].startswith(fence) and not match[3]:
            fence = ""
        elif not fence:
            yield number, line


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks; one that is never closed ends with the file."""
    start, info, fence = 0, "", ""
    inside: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if match and not fence:
            start, fence, info, inside = number, match[2], match[3].strip(), []
        elif match and match[2].startswith(fence) and not match[3]:
            yield Block(start, info, "\n".join(inside) + "\n")
            fence = ""
        elif fence:
            inside.append(line)
    if fence:
        yield Block(start, info, "\n".join(inside) + "\n")


def links(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, target) of inline links."""
    for number, line in prose(text):
        for match in _LINK.finditer(_CODE.sub(lambda code: "`" + "x" * (len(code[0]) - 2) + "`", line)):
            yield number, match[1]


def anchors(text: str) -> frozenset[str]:
    """The anchors that the headings make, as the usual renderers slug them."""
    slugs: set[str] = set()
    for _, line in prose(text):
        if line.startswith("#"):
            title = line.lstrip("#").strip().lower()
            slug = re.sub(r"[^\w\- ]", "", title).replace(" ", "-")
            number = sum(1 for s in slugs if s == slug or re.fullmatch(re.escape(slug) + r"-\d+", s))
            slugs.add(f"{slug}-{number}" if number else slug)
    return frozenset(slugs)
