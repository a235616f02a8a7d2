"""The files that a check looks at: what is tracked, and what would be if it were added now."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

TEXT_BYTES_MAX = 2_000_000


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """One house rule that does not hold. ``line`` counts from 1; 0 means the whole file."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder and the files in it that count, as paths with ``/`` relative to the folder, sorted."""

    root: Path
    files: tuple[str, ...]

    def named(self, *suffixes: str) -> tuple[str, ...]:
        return tuple(f for f in self.files if f.endswith(suffixes))

    def tests(self) -> tuple[str, ...]:
        """Python files below a folder named ``tests``."""
        return tuple(f for f in self.named(".py") if "tests" in f.split("/")[:-1])

    def text(self, path: str) -> str:
        """The file as UTF-8 text, or "" if it is binary or above TEXT_BYTES_MAX."""
        full = self.root / path
        if full.is_symlink() or full.stat().st_size > TEXT_BYTES_MAX:
            return ""
        raw = full.read_bytes()
        if b"\0" in raw:
            return ""
        return raw.decode("utf-8", errors="replace")


def tree_of(root: Path) -> Tree:
    """List ``root`` with git: tracked files and untracked ones that are not ignored. Raises CalledProcessError outside a repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=30).stdout.decode()
    names = {name for name in listed.split("\0") if name and (root / name).is_file()}
    return Tree(root, tuple(sorted(names)))
