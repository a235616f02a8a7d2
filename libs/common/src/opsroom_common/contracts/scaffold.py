"""The schemas of the events that all kinds have, written for one more kind.

``python -m opsroom_common.contracts.scaffold KIND [DIR]`` writes ``events/KIND/<Event>.avsc`` for each shared event that the kind takes and that has
no schema yet, as the incident has it but in the kind's own namespace: a record says what it is about. Run ``publish`` when all shapes are final.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from opsroom_common.contracts.gate import DEFAULT_FOLDER
from opsroom_common.contracts.schema_files import SchemasMissing, checked_root
from opsroom_domain.registry import KINDS
from opsroom_domain.shared.events import EVENTS

MODEL = "incident"
"""The kind whose schemas of the shared events are copied."""


def in_namespace(text: str, kind: str) -> str:
    """A schema of ``MODEL`` as it stands for ``kind``."""
    return text.replace(f'"namespace": "opsroom.{MODEL}"', f'"namespace": "opsroom.{kind}"', 1)


def scaffold(root: Path, kind: str) -> tuple[Path, ...]:
    """Write what is missing. Returns the files made. Raises KeyError for an unknown kind."""
    made: list[Path] = []
    for name, cls in KINDS[kind].events.items():
        file = root / "events" / kind / f"{cls.__name__}.avsc"
        if EVENTS.get(name) is not cls or file.exists():
            continue
        model = (root / "events" / MODEL / file.name).read_text(encoding="utf-8")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(in_namespace(model, kind), encoding="utf-8", newline="\n")
        made.append(file)
    return tuple(made)


def main(arguments: Sequence[str]) -> int:
    """The command. Returns the exit code: 2 for an unknown kind or a folder without schemas."""
    if not arguments or arguments[0] not in KINDS:
        sys.stderr.write(f"name a registered kind, one of {', '.join(KINDS)}\n")
        return 2
    try:
        root = Path(str(checked_root(Path(arguments[1] if len(arguments) > 1 else DEFAULT_FOLDER))))
    except SchemasMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for file in scaffold(root, arguments[0]):
        sys.stdout.write(f"wrote {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
