"""One form of record: a ``ce_type``, the class of its value and the schema of that class, bound together once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from opsroom_common.contracts.avro import AvroSchema, Catalogue, Values, decode, encode
from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.errors import Malformed, Unencodable
from opsroom_common.contracts.headers import to_headers
from opsroom_common.contracts.shape import Shape
from opsroom_common.contracts.upcast import UPCASTS, Upcast, chain
from opsroom_common.log.port import RawRecord

T = TypeVar("T")
_Read = Callable[[bytes], Values]
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
_MILLISECOND = timedelta(milliseconds=1)


class FormMissing(Exception):
    """A record type, or a step of an upcast, has no schema. The message says which file to write."""


class Form(Generic[T]):
    """Writes and reads the values of one record type. ``in_headers``: fields of the class that are not in the value."""

    def __init__(
        self,
        type_: str,
        cls: type[T],
        name: str,
        catalogue: Catalogue,
        in_headers: frozenset[str] = frozenset(),
        upcasts: Sequence[Upcast] = UPCASTS,
    ) -> None:
        if name not in catalogue.current:
            raise FormMissing(f"{type_} has no schema {name}; write its .avsc file and publish it")
        self.type = type_
        self.schema = catalogue.current[name]
        self.shape = Shape(cls, in_headers)
        self._fingerprint = self.schema.fingerprint.encode()
        self._reads = {
            version.fingerprint.encode(): _reader(version, self.schema, catalogue, upcasts) for version in catalogue.versions(name)
        }
        self._reads[self._fingerprint] = _reader(self.schema, self.schema, catalogue, upcasts)

    def record(self, envelope: Envelope, thing: T, key: bytes | None) -> RawRecord:
        """The record to append. Raises Unencodable if ``thing`` does not fit its schema or the envelope is not of this type."""
        if envelope.type != self.type:
            raise Unencodable(f"the envelope says {envelope.type} and the value is a {self.type}; correct the envelope")
        headers = to_headers(envelope, self._fingerprint)
        try:
            value = encode(self.schema, self.shape.values(thing))
        except Exception as error:  # fastavro raises many kinds for values that do not fit
            raise Unencodable(f"{self.type}: the value does not fit {self.schema.name} ({type(error).__name__})") from error
        return RawRecord(key, value, headers, (envelope.time - _EPOCH) // _MILLISECOND)

    def read(self, fingerprint: bytes, value: bytes) -> Values:
        """The values in today's shape, whatever published version wrote them. Raises Malformed."""
        read = self._reads.get(fingerprint)
        if read is None:
            raise Malformed(
                f"{self.type}: no published schema has the fingerprint {fingerprint[:32]!r}; "
                "a newer version wrote it, or none of ours: deploy readers before writers"
            )
        try:
            return read(value)
        except Exception as error:  # noqa: BLE001 - untrusted bytes, and fastavro raises many kinds
            raise Malformed(f"{self.type}: bad Avro ({type(error).__name__})") from None


def _reader(version: AvroSchema, current: AvroSchema, catalogue: Catalogue, upcasts: Sequence[Upcast]) -> _Read:
    """How records of one version become today's values. Raises FormMissing for a step to nowhere."""
    if version.fingerprint == current.fingerprint:
        return lambda value: decode(current, value)
    steps = chain(version.name, version.fingerprint, upcasts)
    if not steps:
        return lambda value: decode(version, value, current)
    between = catalogue.known(version.name, steps[-1].to)
    if between is None:
        raise FormMissing(f"{version.name}: an upcast leads to version {steps[-1].to}, which was never published; restore its file")

    def read(value: bytes) -> Values:
        values = decode(version, value)
        for step in steps:
            values = step.apply(values)
        if between.fingerprint == current.fingerprint:
            return values
        # Avro's own rules go from the last step to today; only records that are two shapes old pay for it.
        return decode(between, encode(between, values), current)

    return read
