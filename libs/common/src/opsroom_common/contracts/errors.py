"""What the codec says when a record cannot be read or written."""

from __future__ import annotations


class Undecodable(Exception):
    """A record that no reader can understand. Park its entity, count it, go on with the partition.

    ``reason`` never quotes the record's value, which may hold personal data. ``entity_id`` is the best that the record says about whom it
    belongs to, unchecked; None if it says nothing.
    """

    def __init__(self, reason: str, entity_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.entity_id = entity_id


class Unencodable(ValueError):
    """A record that must not be written: it could not be read again as the same thing. A fault of the caller; nothing was appended."""


class Malformed(Exception):
    """Inside the codec only: what is wrong with a record, before it is known whose record it is."""
