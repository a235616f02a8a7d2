"""The void rule, in one place: which records of ``ops.events`` count (R1)."""

from __future__ import annotations

from opsroom_common.contracts.envelope import FENCE_TYPE, MARK_TYPE
from opsroom_common.log.port import Checkpoint, Classified, LogRecord, RecordClass
from opsroom_domain.copies import maker

_TYPE, _ID, _TERM = "ce_type", "ce_id", "ce_term"
_checkpoint, _classified = maker(Checkpoint), maker(Classified)


class TermFilter:
    """Classifies the records of one partition, in order, from a checkpoint on.

    An event or a mark is void unless its term is the id of the last fence before it. So is a record without a term, and a fence without an
    id. Pure: the same records from the same checkpoint give the same classes.
    """

    def __init__(self, start: Checkpoint) -> None:
        self._at = start

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint after the last classified record."""
        return self._at

    def classify(self, record: LogRecord) -> Classified:
        """Say what ``record`` is; moves the checkpoint past it, whatever it is (R8). Records must come in offset order."""
        if record.offset < self._at.offset:
            raise ValueError(f"record {record.partition}:{record.offset} is before the checkpoint {self._at.offset}")
        headers = dict(record.headers)
        type_ = headers.get(_TYPE, b"").decode("utf-8", "replace")
        at = self._at
        after = _checkpoint(record.offset + 1, at.term, at.fence_offset)
        if type_ == FENCE_TYPE and (fence_id := headers.get(_ID)):
            what = RecordClass.FENCE
            after = Checkpoint(record.offset + 1, fence_id.decode("utf-8", "replace"), record.offset)
        elif self._is_of_this_term(headers.get(_TERM)):
            what = RecordClass.MARK if type_ == MARK_TYPE else RecordClass.EVENT
        else:
            what = RecordClass.VOID
        self._at = after
        return _classified(record, what, after)

    def _is_of_this_term(self, term: bytes | None) -> bool:
        return term is not None and self._at.term is not None and term.decode("utf-8", "replace") == self._at.term
