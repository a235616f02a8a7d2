"""Where the schema files are: in the installed package ``opsroom_schemas``, which in a checkout is the folder ``schemas/`` itself."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

CURRENT_FOLDERS = ("events", "log", "control", "signals")
"""Folders of schemas that are written today; a folder of the same shape below ``history`` holds each published version."""


class SchemasMissing(Exception):
    """The schemas are not installed, or the folder is not one of schemas. The message says what to do."""


def installed_schemas() -> Traversable:
    """The root of the schema files. Raises SchemasMissing."""
    try:
        root = files("opsroom_schemas")
    except ModuleNotFoundError as error:
        raise SchemasMissing("the package opsroom-schemas is not installed; in a checkout: uv pip install -e schemas") from error
    return checked_root(root)


def checked_root(root: Traversable) -> Traversable:
    """``root``, if it holds the topics and the schemas. Raises SchemasMissing."""
    if not root.joinpath("topics.yaml").is_file() or not root.joinpath("events").is_dir():
        raise SchemasMissing(f"{root} holds no topics.yaml and events/; name the folder schemas of a checkout")
    return root


def schema_files(folder: Traversable, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    """Every ``.avsc`` below ``folder`` with its path parts relative to it, sorted; nothing if the folder does not exist."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        here = (*path, entry.name)
        if entry.is_dir():
            yield from schema_files(entry, here)
        elif entry.name.endswith(".avsc"):
            yield here, entry
