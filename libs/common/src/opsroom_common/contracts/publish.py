"""Publishing: a copy of each new schema version is kept for ever, so that its records can be read for ever.

``python -m opsroom_common.contracts.publish [DIR]`` copies every current version that is not published yet to
``history/<path of the schema>/<fingerprint>.avsc`` and prints its name. It publishes nothing while the gate finds an incompatibility.
Do it when a shape is final: what is published is never edited or removed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from opsroom_common.contracts.avro import HISTORY, SchemaBroken, load_catalogue
from opsroom_common.contracts.gate import DEFAULT_FOLDER, incompatibilities
from opsroom_common.contracts.schema_files import SchemasMissing, checked_root


def publish(root: Path) -> tuple[Path, ...]:
    """Copy what is not published. Returns the files made. Raises SchemaBroken, FileExistsError."""
    made: list[Path] = []
    for schema in load_catalogue(root).unpublished():
        file = root.joinpath(HISTORY, *schema.path, f"{schema.fingerprint}.avsc")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as out:
            out.write(schema.text)
        made.append(file)
    return tuple(made)


def main(arguments: Sequence[str]) -> int:
    """The command. Returns the exit code: 0 if all is published, 1 if the gate forbids it, 2 if there are no schemas there."""
    root = Path(arguments[0] if arguments else DEFAULT_FOLDER)
    try:
        forbidding = incompatibilities(load_catalogue(checked_root(root)))
    except SchemasMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except SchemaBroken as error:
        forbidding = (str(error),)
    for breach in forbidding:
        sys.stderr.write(f"{breach}\n")
    if forbidding:
        return 1
    for file in publish(root):
        sys.stdout.write(f"published {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
