"""What a publication's ``data`` holds, built once per entry from the feed's ready bytes: no row is encoded again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from opsroom_common.feed.port import FeedEntry

_OVERHEAD_BYTES = 400
"""Of the Python objects around an entry, roughly; so that the ring's bound in bytes is a bound on memory."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A feed entry with its publication text up to the time of sending."""

    entry: FeedEntry
    head: str

    @property
    def size(self) -> int:
        """Bytes of memory, roughly: the row is held twice."""
        return len(self.entry.row) + len(self.head) + _OVERHEAD_BYTES

    def row(self, sent: datetime) -> str:
        """The whole row. ``sent`` is when it leaves this gateway."""
        return f'{self.head}"sent":{sent.timestamp():.6f}}}}}'

    def gone(self, sent: datetime) -> str:
        """The entity left the subscription's filter with this version."""
        entry = self.entry
        body = {"type": "gone", "id": entry.entity_id, "kind": entry.kind, "version": entry.version}
        return orjson.dumps({**body, "times": {**entry.times, "sent": sent.timestamp()}}).decode()


def prepare(entry: FeedEntry) -> Prepared:
    """Write everything of a row publication that is the same for all who get it."""
    before = orjson.dumps({"type": "row", "id": entry.entity_id, "kind": entry.kind, "version": entry.version}).decode()
    log = {"topic": entry.topic, "partition": entry.partition, "offset": entry.offset}
    after = orjson.dumps({"actor": entry.actor, "event_types": entry.event_types, "log": log, "times": dict(entry.times)}).decode()
    # Spliced, not nested: the row's bytes go out as the projector wrote them. The last object stays open for the time of sending.
    return Prepared(entry, f'{before[:-1]},"row":{entry.row.decode()},{after[1:-2]}{"," if entry.times else ""}')


def mark(head: int, at: datetime) -> str:
    """Say "up to here": everything up to position ``head`` was sent, as verified with the feed at ``at`` (Unix seconds)."""
    return f'{{"type":"mark","head":{head},"at":{at.timestamp():.6f}}}'
