"""What could not be handled, as it came, with where it stood and why it failed: for a person to look at and to send again."""

from __future__ import annotations

from datetime import datetime

from opsroom_common.log.port import LogRecord, RawRecord
from opsroom_common.runtime.ids import unix_ms

ERROR_MAX = 2_000


def dead_letter(record: LogRecord, consumer: str, error: str, at: datetime) -> RawRecord:
    """Key, value and headers are the record's own; the ``dlq_`` headers are ours. ``error`` is cut to ERROR_MAX characters."""
    ours = {
        "dlq_topic": record.topic,
        "dlq_partition": str(record.partition),
        "dlq_offset": str(record.offset),
        "dlq_timestamp_ms": str(record.timestamp_ms),
        "dlq_consumer": consumer,
        "dlq_error": error[:ERROR_MAX],
    }
    headers = (*record.headers, *((name, value.encode(errors="replace")) for name, value in ours.items()))
    return RawRecord(record.key, record.value or b"", headers, unix_ms(at))
