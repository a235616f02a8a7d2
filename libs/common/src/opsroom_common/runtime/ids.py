"""Ids: UUIDv7 (RFC 9562) for commands and records, TypeIDs (prefix and base32 of a UUID) for entities, and derived ids.

A derived id is a pure function of its cause: the same cause gives the same id on every machine, so that repeating the step is harmless (R6).
"""

from __future__ import annotations

import hashlib
import random
import re
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import uuid6

from opsroom_common.runtime.clock import Clock
from opsroom_domain.ids import CommandId, EntityId, prefix_of

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_DIGITS = {letter: value for value, letter in enumerate(_ALPHABET)}
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_TYPE_ID_DIGITS = 26
_UUID7 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS_MAX = (1 << 48) - 1


class Ids(Protocol):
    """Mints new ids."""

    def uuid7(self) -> str:
        """A new UUIDv7 in canonical form."""
        ...

    def entity_id(self, prefix: str) -> EntityId:
        """A new TypeID with ``prefix``, e.g. ``inc_01k…``."""
        ...


class SystemIds:
    """Ids from the machine's clock and randomness."""

    def uuid7(self) -> str:
        return str(uuid6.uuid7())

    def entity_id(self, prefix: str) -> EntityId:
        return type_id(prefix, self.uuid7())


class SeededIds:
    """Ids that a seed and a clock decide: for tests and simulations."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._random = random.Random(seed)  # noqa: S311 -- reproducible on purpose
        self._clock = clock

    def uuid7(self) -> str:
        return uuid7_of(unix_ms(self._clock.now()), self._random.randbytes(10))

    def entity_id(self, prefix: str) -> EntityId:
        return type_id(prefix, self.uuid7())


def unix_ms(at: datetime) -> int:
    """Whole milliseconds since 1970, exact (no float in between)."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def uuid7_of(at_ms: int, randomness: bytes) -> str:
    """The UUIDv7 with this time (Unix ms, clamped to 48 bits) and the first 74 bits of ``randomness`` (at least 10 bytes)."""
    bits = int.from_bytes(randomness[:10], "big") >> 6
    time_ms = min(max(at_ms, 0), _MS_MAX)
    value = (time_ms << 80) | (7 << 76) | ((bits >> 62) << 64) | (0b10 << 62) | (bits & ((1 << 62) - 1))
    return str(UUID(int=value))


def derived_uuid7(at: datetime, *cause: str) -> str:
    """The UUIDv7 of a cause: ``at`` is the cause's time, the random bits are a hash of ``cause``'s parts (order and borders count)."""
    digest = hashlib.sha256()
    for part in cause:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return uuid7_of(unix_ms(at), digest.digest())


def derived_command_id(at: datetime, *cause: str) -> CommandId:
    """``derived_uuid7`` as a command id."""
    return CommandId(derived_uuid7(at, *cause))


def is_uuid7(text: str) -> bool:
    """Whether ``text`` is a UUIDv7 in canonical form (lower case, hyphens, variant 10)."""
    return _UUID7.fullmatch(text) is not None


def type_id(prefix: str, uuid: str) -> EntityId:
    """Write a UUID as a TypeID: ``prefix``, ``_`` and 26 Crockford base32 digits, so that ids sort as their UUIDs do."""
    value = int(uuid.replace("-", ""), 16)
    pairs = [_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10)]
    return EntityId(f"{prefix}_{''.join(pairs)}")


def uuid_of(entity_id: str) -> str:
    """The UUID inside a TypeID, in canonical form. Raises ValueError if it is not a well-formed TypeID."""
    prefix = prefix_of(entity_id)
    if prefix is None:
        raise ValueError(f"{entity_id!r} is not an id like inc_01k…: a prefix, an underscore and 26 base32 digits")
    value = 0
    for letter in entity_id[-_TYPE_ID_DIGITS:]:
        value = (value << 5) | _DIGITS[letter]
    return str(UUID(int=value))
