"""The headers of a record: CloudEvents 1.0 in Kafka's binary mode, and ours. The names are fixed for ever; values are ASCII.

They hold opaque ids and codes: printable ASCII without blanks and without ``@``, so that neither a name nor an address fits in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.errors import Malformed, Unencodable
from opsroom_common.log.port import Headers
from opsroom_domain.copies import filler
from opsroom_domain.ids import ActorId, CommandId, EntityId, Version
from opsroom_domain.times import instant, rfc3339

CONTENT_TYPE = "application/avro"
SPEC_VERSION = "1.0"
FINGERPRINT = "avro-fingerprint"
HEADERS_CHARACTERS_MAX = 4096
"""Of all header values of a record together."""

# Fields of the envelope whose header is present exactly when they are not None.
_OPTIONAL = (
    ("ce_subject", "subject"),
    ("ce_commandid", "command_id"),
    ("ce_bodyhash", "body_hash"),
    ("ce_actor", "actor"),
    ("ce_role", "role"),
    ("ce_correlationid", "correlation_id"),
    ("ce_causationid", "causation_id"),
    ("ce_reason", "reason"),
    ("ce_proposalid", "proposal_id"),
    ("ce_term", "term"),
    ("ce_traceparent", "traceparent"),
)
_OPTIONAL_NAMES = tuple(name for name, _ in _OPTIONAL)
_optional_values = attrgetter(*(field for _, field in _OPTIONAL))
_REQUIRED_NAMES = ("ce_id", "ce_type", "ce_source", "ce_time")
_READ_NAMES = (*_REQUIRED_NAMES, "ce_entityversion", *_OPTIONAL_NAMES)
_ABSENT = (b"",) * len(_READ_NAMES)
_CONTENT_TYPE = ("content-type", CONTENT_TYPE.encode())
_SPEC_VERSION = ("ce_specversion", SPEC_VERSION.encode())
_MUST = {_CONTENT_TYPE[0], _SPEC_VERSION[0], *_REQUIRED_NAMES}
# Behind the first three: the envelope's fields, in their order.
_PICKED = (
    _CONTENT_TYPE[0], _SPEC_VERSION[0], FINGERPRINT, *_REQUIRED_NAMES, "ce_term", "ce_subject", "ce_entityversion", "ce_commandid",
    "ce_bodyhash", "ce_actor", "ce_role", "ce_correlationid", "ce_causationid", "ce_reason", "ce_proposalid", "ce_traceparent",
)  # fmt: skip

HEADER_NAMES = (_CONTENT_TYPE[0], _SPEC_VERSION[0], *_READ_NAMES, FINGERPRINT)
"""Every header that a record of ours may have."""

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_FIRST_VERSIONS = {str(number): Version(number) for number in range(1, 1_001)}
_VERSION = re.compile(r"[1-9][0-9]{0,17}")
_UTC = timedelta(0)
# The one printable ASCII character that no value may hold: so all values are checked, encoded and decoded as one string.
_BETWEEN = b" "
_OPAQUE = bytes(code for code in range(ord("!"), ord("~") + 1) if code != ord("@"))
_envelope = filler(Envelope)


class Peek(NamedTuple):
    """What the void rule asks of a record (R1). None: absent or not text."""

    type: str | None
    id: str | None
    term: str | None


def peek(headers: Headers) -> Peek:
    """Read ``ce_type``, ``ce_id`` and ``ce_term`` without touching the value. Raises nothing."""
    found = dict(headers)
    return Peek(_text_or_none(found.get("ce_type")), _text_or_none(found.get("ce_id")), _text_or_none(found.get("ce_term")))


def to_headers(envelope: Envelope, fingerprint: bytes) -> Headers:
    """The headers of a record. Raises Unencodable if a value is not an opaque id or code, or the time is not UTC."""
    if envelope.time.utcoffset() != _UTC:
        raise Unencodable("the record's time is not UTC; take it from the Clock")
    names = [*_REQUIRED_NAMES]
    values = [envelope.id, envelope.type, envelope.source, rfc3339(envelope.time)]
    for name, value in zip(_OPTIONAL_NAMES, _optional_values(envelope), strict=True):
        if value is not None:
            names.append(name)
            values.append(value)
    if envelope.entity_version is not None:
        if envelope.entity_version < 1:
            raise Unencodable(f"entity version {envelope.entity_version}; versions begin at 1")
        names.append("ce_entityversion")
        values.append(str(envelope.entity_version))
    joined = " ".join(values).encode("utf-8", "surrogatepass")
    if not _all_opaque(joined, len(values)) or len(joined) > HEADERS_CHARACTERS_MAX or "" in values:
        raise Unencodable(f"{_offence(names, values)}; a header holds an opaque id or code, words and addresses belong into the value")
    return (_CONTENT_TYPE, _SPEC_VERSION, *zip(names, joined.split(_BETWEEN), strict=True), (FINGERPRINT, fingerprint))


def _all_opaque(joined: bytes, count: int) -> bool:
    """Whether nothing but opaque characters is left beside the blanks between ``count`` values."""
    return joined.translate(None, _OPAQUE) == _BETWEEN * (count - 1)


def _offence(names: list[str], values: list[str]) -> str:
    for name, value in zip(names, values, strict=True):
        if not value or not _all_opaque(value.encode("utf-8", "surrogatepass"), 1):
            return f"header {name} is empty or holds a blank, an @ or a character that is not printable ASCII"
    return f"the headers take more than {HEADERS_CHARACTERS_MAX} characters"


def to_envelope(headers: dict[str, bytes]) -> Envelope:
    """The envelope that these headers hold; an empty one counts as absent. Raises Malformed, which names the header."""
    if headers.get("ce_specversion") != _SPEC_VERSION[1]:
        raise Malformed(f"header ce_specversion is not {SPEC_VERSION}")
    if headers.get("content-type") != _CONTENT_TYPE[1]:
        raise Malformed(f"header content-type is not {CONTENT_TYPE}")
    joined = _BETWEEN.join(map(headers.get, _READ_NAMES, _ABSENT))
    if not _all_opaque(joined, len(_READ_NAMES)):
        raise Malformed("a header holds a blank, an @ or a character that is not printable ASCII")
    id_, type_, source, time, version, *optional = joined.decode("ascii").split(" ")
    if not (id_ and type_ and source and time):
        raise Malformed("one of the headers ce_id, ce_type, ce_source, ce_time is missing")
    subject, command_id, body_hash, actor, role, correlation, causation, reason, proposal, term, traceparent = optional
    return Envelope(
        id=id_,
        type=type_,
        source=source,
        time=_time(time),
        term=term or None,
        subject=EntityId(subject) if subject else None,
        entity_version=_version(version) if version else None,
        command_id=CommandId(command_id) if command_id else None,
        body_hash=body_hash or None,
        actor=ActorId(actor) if actor else None,
        role=role or None,
        correlation_id=correlation or None,
        causation_id=causation or None,
        reason=reason or None,
        proposal_id=proposal or None,
        traceparent=traceparent or None,
    )


def read_headers(headers: Headers) -> tuple[Envelope, bytes]:
    """The envelope, as ``to_envelope`` of the same headers gives it, and the value of ``avro-fingerprint``, empty if there is none.

    For a record that one of ours wrote in half the time of ``to_envelope``. Raises Malformed.
    """
    names: tuple[str, ...]
    values: tuple[bytes, ...]
    try:
        names, values = zip(*headers)  # noqa: B905 -- pairs are pairs
        joined = _BETWEEN.join(values)
    except (ValueError, TypeError):  # no headers, or one without a value
        return _read_slowly(headers)
    pick = _layout(names)
    if pick is None or not _all_opaque(joined, len(values)):
        return _read_slowly(headers)
    texts: list[str | None] = [*joined.decode("ascii").split(" "), None]
    content_type, spec, fingerprint, id_, type_, source, time, term, subject, version, *rest = pick(texts)
    if content_type != CONTENT_TYPE or spec != SPEC_VERSION or "" in texts:
        return _read_slowly(headers)
    number = _FIRST_VERSIONS.get(version) or (version and _version(version))
    return _envelope(id_, type_, source, _time(time), term, subject, number, *rest), fingerprint.encode() if fingerprint else b""


def _read_slowly(headers: Headers) -> tuple[Envelope, bytes]:
    """For headers that nobody of ours writes: too many, too few, twice, empty. Raises Malformed with what is wrong."""
    known = dict(headers)
    return to_envelope(known), known.get(FINGERPRINT, b"")


@lru_cache(maxsize=256)
def _layout(names: tuple[str, ...]) -> Callable[[list[str | None]], tuple[Any, ...]] | None:
    """How the values of headers with these names, in this order, are picked in the order of ``_PICKED``; the last value stands for an absent one.

    None if a required name is missing, or one comes twice or is not ours.
    """
    if len(set(names)) != len(names) or not _MUST <= set(names) <= set(HEADER_NAMES):
        return None
    return itemgetter(*(names.index(name) if name in names else len(names) for name in _PICKED))


def _time(value: str) -> datetime:
    # fromisoformat takes many forms; the log has one, so that equal times are equal bytes.
    if not _TIME.fullmatch(value):
        raise Malformed("header ce_time is not RFC 3339 in UTC with microseconds and Z")
    try:
        return instant(value)
    except ValueError:
        raise Malformed("header ce_time names no moment") from None


def _version(value: str) -> Version:
    if not _VERSION.fullmatch(value):
        raise Malformed("header ce_entityversion is no whole number from 1")
    return Version(int(value))


def _text_or_none(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
