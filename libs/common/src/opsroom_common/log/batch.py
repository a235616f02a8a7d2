"""How large a batch may be, and how large records are (R3: a command above the limit is refused before sending)."""

from __future__ import annotations

from collections.abc import Sequence

from opsroom_common.log.port import RawRecord

BATCH_BYTES_MAX = 900_000
"""Below Kafka's default ``message.max.bytes`` (1,048,588), with room for the batch header and for estimates."""


def batch_bytes(records: Sequence[RawRecord]) -> int:
    """Upper bound of what the records take in a batch, in bytes."""
    return sum(record_bytes(record) for record in records)


def record_bytes(record: RawRecord) -> int:
    """Upper bound of what one record takes in a Kafka batch: key, value, headers, and their length fields."""
    headers = sum([len(name) + len(value) + 10 for name, value in record.headers])
    return len(record.key or b"") + len(record.value) + headers + 32
