"""Records of ``ops.control``: which replica takes the commands of which partition. A hint: who may write is decided in the log itself (R1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from opsroom_common.contracts.avro import installed_catalogue
from opsroom_common.contracts.envelope import Envelope
from opsroom_common.contracts.errors import Malformed, Undecodable, Unencodable
from opsroom_common.contracts.forms import Form
from opsroom_common.contracts.headers import FINGERPRINT, to_envelope
from opsroom_common.log.port import LogRecord, RawRecord

OWNER_TYPE = "opsroom.control.owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerBody:
    """The value of a record of ``ops.control``."""

    partition: int
    owner: str
    url: str
    serving: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One partition's owner in one term; ``serving`` is False once it has let the partition go by a clean hand-over."""

    partition: int
    owner: str
    url: str
    term: str
    serving: bool


@cache
def owner_form() -> Form[OwnerBody]:
    """The form of an owner's record; built once in a process."""
    return Form(OWNER_TYPE, OwnerBody, "opsroom.control.Owner", installed_catalogue())


def encode_owner(envelope: Envelope, owner: Owner) -> RawRecord:
    """The record that says so, keyed by the partition; the envelope's term is the owner's. Raises Unencodable."""
    if envelope.term != owner.term:
        raise Unencodable("an owner's envelope carries the owner's term; stamp both from one source")
    body = OwnerBody(partition=owner.partition, owner=owner.owner, url=owner.url, serving=owner.serving)
    return owner_form().record(envelope, body, str(owner.partition).encode())


def decode_owner(record: LogRecord) -> Owner:
    """Read one record. Raises Undecodable, and nothing else."""
    form = owner_form()  # outside: a broken installation is not the record's fault
    try:
        headers = dict(record.headers)
        envelope = to_envelope(headers)
        if envelope.type != OWNER_TYPE or not envelope.term or record.value is None:
            raise Malformed("not an owner's record: a newer version wrote it, or something else than command-api")
        body = form.shape.build(form.read(headers.get(FINGERPRINT, b""), record.value))
        return Owner(partition=body.partition, owner=body.owner, url=body.url, term=envelope.term, serving=body.serving)
    except Malformed as error:
        raise Undecodable(str(error), None) from None
    except Exception as error:  # noqa: BLE001 - the record is untrusted
        raise Undecodable(f"malformed ({type(error).__name__})", None) from None
