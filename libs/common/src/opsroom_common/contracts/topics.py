"""The topics as ``topics.yaml`` declares them, checked, and which partition an entity lives in."""

from __future__ import annotations

import zlib
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from opsroom_common.contracts.schema_files import installed_schemas

EVENTS = "ops.events"
"""The one topic that everything else is derived from."""
SIGNALS = "ops.signals"
"""Raw signals from outside."""
CONTROL = "ops.control"
"""Who owns which partition of ``ops.events``: for routing, never for judging."""
DEAD_LETTERS = ".dlq"
"""Suffix of the topic for what its consumer could not handle."""

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]{1,62}$")]
_Words = Annotated[str, StringConstraints(min_length=3, max_length=200)]
_Who = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
_Kept = Annotated[int, Field(ge=-1, le=2**62)]


class TopicsInvalid(ValueError):
    """``topics.yaml`` breaks a rule; the message names it and the topic."""


class Topic(BaseModel):
    """One topic. ``retention_ms`` in milliseconds and ``retention_bytes`` in bytes a partition; -1 keeps without limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: _Name
    what: _Words
    partitions: Annotated[int, Field(ge=1, le=1024)]
    key: _Words
    cleanup: Literal["delete", "compact"]
    retention_ms: _Kept
    retention_bytes: _Kept
    writer: _Who
    readers: Annotated[tuple[_Who, ...], Field(min_length=1, max_length=20, strict=False)]

    @model_validator(mode="after")
    def _events_are_for_ever(self) -> Topic:
        if self.name == EVENTS and (self.cleanup, self.retention_ms, self.retention_bytes) != ("delete", -1, -1):
            raise ValueError(f"{EVENTS} is kept for ever: cleanup delete, retention_ms -1, retention_bytes -1")
        if 0 in (self.retention_ms, self.retention_bytes):
            raise ValueError("a retention of 0 keeps nothing; use -1 to keep for ever, or a real limit")
        return self

    @property
    def config(self) -> dict[str, str]:
        """The broker's settings of this topic, by Kafka's names."""
        return {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention_ms),
            "retention.bytes": str(self.retention_bytes),
        }


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    topics: Annotated[tuple[Topic, ...], Field(min_length=1, max_length=100, strict=False)]

    @model_validator(mode="after")
    def _names_fit_together(self) -> _File:
        names = [topic.name for topic in self.topics]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is declared twice; keep one")
            if name.endswith(DEAD_LETTERS) and name.removesuffix(DEAD_LETTERS) not in names:
                raise ValueError(f"{name} has no source topic {name.removesuffix(DEAD_LETTERS)}; declare it or remove the former")
        return self


def load_topics(root: Traversable | None = None) -> dict[str, Topic]:
    """Every declared topic by name, in the file's order. Raises TopicsInvalid, SchemasMissing."""
    text = (root or installed_schemas()).joinpath("topics.yaml").read_text("utf-8")
    try:
        file = _File.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise TopicsInvalid(f"topics.yaml is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TopicsInvalid(f"topics.yaml: {where}: {first['msg']}") from error
    return {topic.name: topic for topic in file.topics}


def partition_of(entity_id: str, partitions: int) -> int:
    """The partition of an entity: CRC-32 of the id's UTF-8 modulo ``partitions`` (at least 1).

    The same as librdkafka's partitioner "consistent" (``rd_kafka_msg_partitioner_consistent`` in its rdkafka_msg.c: ``crc32(key) %
    partition_cnt``), so that clients in other languages agree; Java's default, murmur2, does not.
    """
    return zlib.crc32(entity_id.encode()) % partitions
