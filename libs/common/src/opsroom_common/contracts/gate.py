"""The gate for schemas: every record ever published stays readable, and old readers can read what is written now.

``python -m opsroom_common.contracts.gate [DIR]`` checks the folder of schemas (default ``schemas``), prints one line for each breach and
exits 1 if there is one. Needs the package ``avro`` (the extra ``gate`` of this one), whose compatibility rules it applies.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, cast

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.errors import AvroException
from avro.schema import parse

from opsroom_common.contracts.avro import AvroSchema, Catalogue, SchemaBroken, load_catalogue
from opsroom_common.contracts.schema_files import SchemasMissing, checked_root
from opsroom_common.contracts.topics import TopicsInvalid, load_topics
from opsroom_common.contracts.upcast import UPCASTS, ChainBroken, Upcast, chain

PERSONAL = "opsroom.personal"
"""Schema property of a field that holds personal data or free text."""
DEFAULT_FOLDER = "schemas"


def breaches(root: Traversable, upcasts: Sequence[Upcast] = UPCASTS) -> tuple[str, ...]:
    """Every breach below ``root``, one line each, sorted; () if all is well. Raises SchemasMissing."""
    try:
        catalogue = load_catalogue(checked_root(root))
        load_topics(root)
    except (TopicsInvalid, SchemaBroken) as error:
        return (str(error),)
    unpublished = (
        f"{schema.name}: version {schema.fingerprint} is not published; when its shape is final run "
        "python -m opsroom_common.contracts.publish and commit the file"
        for schema in catalogue.unpublished()
    )
    return tuple(sorted({*incompatibilities(catalogue, upcasts), *unpublished}))


def incompatibilities(catalogue: Catalogue, upcasts: Sequence[Upcast] = UPCASTS) -> tuple[str, ...]:
    """What no publishing can heal, one line each, sorted."""
    try:
        return tuple(sorted({*_orphans(catalogue), *_of_chains(catalogue, upcasts), *_of_versions(catalogue, upcasts)}))
    except ChainBroken as error:
        return (str(error),)


def _orphans(catalogue: Catalogue) -> Iterator[str]:
    for name in sorted({name for name, _ in catalogue.published} - set(catalogue.current)):
        yield f"{name}: was published and its schema is gone; restore it, for its records stand in the log for ever"


def _of_chains(catalogue: Catalogue, upcasts: Sequence[Upcast]) -> Iterator[str]:
    for step in upcasts:
        for fingerprint in (step.since, step.to):
            if catalogue.known(step.name, fingerprint) is None:
                yield f"{step.name}: an upcast names version {fingerprint}, which was never published; restore its file or correct the step"


def _of_versions(catalogue: Catalogue, upcasts: Sequence[Upcast]) -> Iterator[str]:
    """Each published version against the current one, in both directions."""
    for (name, fingerprint), old in catalogue.published.items():
        current = catalogue.current.get(name)
        if current is None:
            continue
        steps = chain(name, fingerprint, upcasts)
        # What the steps give must be readable now; without steps that is the old version itself.
        readable = catalogue.known(name, steps[-1].to) if steps else old
        if readable is not None and (why := _unreadable(reader=current, writer=readable)):
            yield f"{name}: records of version {fingerprint} can no longer be read ({why}); give the field a default, or add an upcast"
        if why := _unreadable(reader=old, writer=current):
            yield f"{name}: readers of version {fingerprint} cannot read what is written now ({why}); keep the field, or make a new event type"
        yield from _of_properties(old, current)


def _unreadable(*, reader: AvroSchema, writer: AvroSchema) -> str | None:
    """Why ``reader`` cannot read all that ``writer`` may write, by Avro's rules; None if it can."""
    try:
        result = ReaderWriterCompatibilityChecker().get_compatibility(parse(reader.text), parse(writer.text))
    except AvroException as error:
        return f"not a schema: {error}"
    if result.compatibility is SchemaCompatibilityType.compatible:
        return None
    kinds = sorted({str(kind.value) for kind in result.incompatibilities})
    return f"{', '.join(kinds)}: {', '.join(sorted(result.messages))} at {', '.join(sorted(result.locations))}"


def _of_properties(old: AvroSchema, current: AvroSchema) -> Iterator[str]:
    """What Avro's rules and the fingerprint do not see: logical types, and the marks of personal fields."""
    before, now = dict(_fields(old.source)), dict(_fields(current.source))
    for path in sorted(before.keys() & now.keys()):
        was, now_is = before[path], now[path]
        if _logical_types(was) != _logical_types(now_is):
            yield f"{current.name}: the logical type of {path} changed; add a new field instead, old records mean what they meant"
        if was.get(PERSONAL) and not now_is.get(PERSONAL):
            yield f"{current.name}: {path} was marked {PERSONAL} and is not now; mark it again, old records still hold it"


def _fields(record: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a record schema and of the records in it, by dotted path."""
    for field in cast("list[dict[str, Any]]", record["fields"]):
        here = f"{path}{field['name']}"
        yield here, field
        for part in _parts(field["type"]):
            if part.get("type") == "record":
                yield from _fields(part, f"{here}.")


def _parts(type_: object) -> Iterator[dict[str, Any]]:
    """The schemas inside a type that are written out."""
    if isinstance(type_, list):
        for branch in cast("list[object]", type_):
            yield from _parts(branch)
    elif isinstance(type_, dict):
        schema = cast("dict[str, Any]", type_)
        yield schema
        for inner in ("items", "values"):
            yield from _parts(schema.get(inner))


def _logical_types(field: dict[str, Any]) -> list[object]:
    return [part["logicalType"] for part in _parts(field["type"]) if "logicalType" in part]


def main(arguments: Sequence[str]) -> int:
    """The command. Returns the exit code: 0 if all is well, 1 for breaches, 2 if there are no schemas there."""
    folder = Path(arguments[0] if arguments else DEFAULT_FOLDER)
    try:
        found = breaches(folder)
    except SchemasMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for breach in found:
        sys.stderr.write(f"{breach}\n")
    if not found:
        sys.stdout.write(f"{folder}: every published record stays readable\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
