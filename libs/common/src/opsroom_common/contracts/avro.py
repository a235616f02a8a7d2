"""Avro schemas: read once, known by their fingerprint, every published version included. The one place that imports fastavro.

The fingerprint is CRC-64-AVRO (Rabin) of the schema's Parsing Canonical Form, as the Avro specification defines both. That form leaves out
documentation, defaults, logical types and properties of ours, so the gate watches logical types itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Any, cast

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from opsroom_common.contracts.schema_files import CURRENT_FOLDERS, installed_schemas, schema_files

Values = dict[str, Any]
"""A record as Avro sees it: field name to plain value."""

HISTORY = "history"
"""Folder of the published versions: ``history/<path of the schema>/<fingerprint>.avsc``. A record of any of them can be read for ever."""


class SchemaBroken(Exception):
    """A schema file is no Avro record schema, or stands in the wrong place. The message names the file and what to do."""


# fastavro's own annotations leave the stream's kind open; bound once, so that the hot path looks nothing up.
_write = cast("Callable[..., None]", fastavro.schemaless_writer)
_read = cast("Callable[[BytesIO, Values, Values | None], Values]", fastavro.schemaless_reader)


@dataclass(frozen=True, slots=True)
class AvroSchema:
    """One version of one record schema."""

    name: str
    """Full name, e.g. ``opsroom.incident.Opened``."""
    fingerprint: str
    """16 lower-case hexadecimal digits, as in the header ``avro-fingerprint``."""
    path: tuple[str, ...]
    """Where the current version stands below the root, without the suffix, e.g. ``("events", "incident", "Opened")``."""
    text: str
    parsed: Values
    """fastavro's own form; only for ``encode`` and ``decode``."""

    @property
    def source(self) -> Values:
        """The file's JSON."""
        return cast("Values", json.loads(self.text))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every schema of one installation."""

    current: Mapping[str, AvroSchema]
    """By full name: what is written today."""
    published: Mapping[tuple[str, str], AvroSchema]
    """By full name and fingerprint: what may stand in a log. Holds the current ones once they are published."""

    def versions(self, name: str) -> tuple[AvroSchema, ...]:
        """The published versions of one schema, sorted by fingerprint."""
        return tuple(schema for (known, _), schema in sorted(self.published.items()) if known == name)

    def known(self, name: str, fingerprint: str) -> AvroSchema | None:
        """A version, published or current."""
        current = self.current.get(name)
        return current if current and current.fingerprint == fingerprint else self.published.get((name, fingerprint))

    def unpublished(self) -> tuple[AvroSchema, ...]:
        """Current versions that have no copy in the history yet."""
        return tuple(schema for name, schema in self.current.items() if (name, schema.fingerprint) not in self.published)


def read_schema(text: str, path: tuple[str, ...]) -> AvroSchema:
    """Parse one schema file. Raises SchemaBroken."""
    where = "/".join(path)
    try:
        source = json.loads(text)
        parsed = fastavro.parse_schema(source)
        canonical = to_parsing_canonical_form(source)
    except Exception as error:  # fastavro and json raise many kinds for a bad schema
        raise SchemaBroken(f"{where}: not an Avro schema ({error}); correct the file") from error
    if not isinstance(parsed, dict) or parsed.get("type") != "record":
        raise SchemaBroken(f"{where}: a schema file holds one record schema; correct the file")
    name = str(parsed["name"])
    if name.rsplit(".", 1)[-1] != path[-1]:
        raise SchemaBroken(f"{where}: holds the schema {name}; name the file after it")
    return AvroSchema(name, fingerprint(canonical, "CRC-64-AVRO"), path, text, cast("Values", parsed))


def load_catalogue(root: Traversable) -> Catalogue:
    """Read every schema below ``root``. Raises SchemaBroken."""
    current: dict[str, AvroSchema] = {}
    published: dict[tuple[str, str], AvroSchema] = {}
    for folder in CURRENT_FOLDERS:
        for path, file in schema_files(root.joinpath(folder)):
            schema = read_schema(file.read_text("utf-8"), (folder, *path[:-1], path[-1].removesuffix(".avsc")))
            if schema.name in current:
                raise SchemaBroken(f"{'/'.join(schema.path)}: {schema.name} is already in {'/'.join(current[schema.name].path)}; keep one")
            current[schema.name] = schema
    for path, file in schema_files(root.joinpath(HISTORY)):
        schema = read_schema(file.read_text("utf-8"), path[:-1])
        if path[-1] != f"{schema.fingerprint}.avsc":
            raise SchemaBroken(
                f"{HISTORY}/{'/'.join(path)}: its fingerprint is {schema.fingerprint}; a published version is never edited, restore the file"
            )
        published[schema.name, schema.fingerprint] = schema
    return Catalogue(current, published)


@cache
def installed_catalogue() -> Catalogue:
    """The schemas of this installation, read once in a process. Raises SchemasMissing, SchemaBroken."""
    return load_catalogue(installed_schemas())


def encode(schema: AvroSchema, values: Values) -> bytes:
    """Schemaless Avro binary. Raises whatever fastavro raises for values that do not fit (several kinds of Exception)."""
    out = BytesIO()
    _write(out, schema.parsed, values, strict=True, disable_tuple_notation=True)
    return out.getvalue()


def decode(writer: AvroSchema, data: bytes, reader: AvroSchema | None = None) -> Values:
    """Read ``data`` that was written with ``writer``, resolved to ``reader`` by Avro's rules if it is given.

    Raises ValueError for trailing bytes, and whatever fastavro raises for bytes that do not fit (several kinds of Exception).
    """
    source = BytesIO(data)
    values = _read(source, writer.parsed, None if reader is None else reader.parsed)
    if source.tell() != len(data):
        raise ValueError("trailing bytes")
    return values
