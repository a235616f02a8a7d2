"""A feed entry as the fields of a stream entry: ``head`` is JSON about the row, ``row`` the row's own bytes, which nobody encodes again."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from opsroom_common.feed.port import FeedEntry, Position

HEAD, ROW = b"head", b"row"


def to_fields(entry: FeedEntry) -> dict[bytes, bytes]:
    """Everything of the entry but its position, which is the stream entry's id."""
    head = {
        "kind": entry.kind,
        "id": entry.entity_id,
        "version": entry.version,
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "actor": entry.actor,
        "types": entry.event_types,
        "was": entry.was,
        "now": entry.now,
        "times": entry.times,
    }
    return {HEAD: orjson.dumps(head), ROW: entry.row}


def from_fields(position: Position, fields: Mapping[bytes, bytes]) -> FeedEntry:
    """Inverse of ``to_fields``. Raises ValueError or KeyError for what is not an entry."""
    head = orjson.loads(fields[HEAD])
    return FeedEntry(
        position=position,
        kind=head["kind"],
        entity_id=head["id"],
        version=head["version"],
        topic=head["topic"],
        partition=head["partition"],
        offset=head["offset"],
        actor=head["actor"],
        event_types=tuple(head["types"]),
        was=head["was"],
        now=head["now"],
        row=fields[ROW],
        times=head["times"],
    )


def to_id(position: Position) -> str:
    """``<epoch>-<n>``: stream ids are ordered as positions are."""
    return f"{position.epoch}-{position.n}"


def from_id(stream_id: bytes) -> Position:
    epoch, _, n = stream_id.partition(b"-")
    return Position(int(epoch), int(n))
