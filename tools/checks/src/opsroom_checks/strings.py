"""Strings that must not be committed: paths of one machine, download hosts, secrets.

A line may carry ``opsroom-checks: allow`` and a reason, e.g. a test that needs a string which looks like a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsroom_checks.tree import Breach, Tree

ALLOW = "opsroom-checks: allow"

_MACHINE_PATH = re.compile(r"(?<![\w.:/$}-])/(root|home/[a-z][\w-]*|Users/[A-Za-z][\w-]*|work|mnt/[a-z]\w*)/[\w.-]")
_DOWNLOAD_HOST = re.compile(
    r"(files\.pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org|registry\.yarnpkg\.com|proxy\.golang\.org|repo1?\.maven\.(apache\.)?org"
    r"|--(extra-)?index-url|index-url\s*=|registry\s*=\s*[\"']?https?:)"
)
_URL = re.compile(r"https?://")
_SECRETS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    re.compile(r"\bsk-[A-Za-z0-9_-]{20,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    re.compile(r"(?i)\b(password|passwd|secret|api_?key|access_?token)\b\s*[:=]\s*[\"'][^\"'\s{}<>$]{12,}[\"']"),
    re.compile(r"[a-z]+://[^/\s:@\"'{}<>$]+:[^/\s:@\"'{}<>$]{3,}@(?!127\.0\.0\.1|localhost|\[::1\])[\w.-]+"),
)
_OWN = "tools/checks/src/opsroom_checks/strings.py"


def check(tree: Tree) -> list[Breach]:
    """Report each line that holds one of them. Lock files may not hold any URL: those are download hosts."""
    return [breach for path in tree.files if path != _OWN for breach in _lines(tree, path)]


def _lines(tree: Tree, path: str) -> Iterator[Breach]:
    name = path.rsplit("/", 1)[-1]
    locked = name in {"uv.lock", "package-lock.json", "pnpm-lock.yaml"} or re.fullmatch(r"requirements/.*\.txt", path) is not None
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        if ALLOW in line:
            continue
        if found := _MACHINE_PATH.search(line):
            yield Breach(path, number, "machine-path", f"`{found[0]}` exists on one machine only: use a relative path or a setting")
        if _DOWNLOAD_HOST.search(line) or (locked and _is_download(line)):
            yield Breach(path, number, "download-host", "no download host is committed: each installation has its own")
        if any(secret.search(line) for secret in _SECRETS):
            yield Breach(path, number, "secret", "this looks like a secret: take it from the environment, and change it if it is real")


def _is_download(line: str) -> bool:
    """In a lock file: a URL that something is fetched from (funding and home page links in package-lock.json are none)."""
    return bool(_URL.search(line)) and not re.search(r'"(url|homepage)":', line)
