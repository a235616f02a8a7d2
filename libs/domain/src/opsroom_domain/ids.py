"""Names for the ids that cross borders. Minting is not done here: ids come in the command."""

from __future__ import annotations

import re
from typing import NewType

EntityId = NewType("EntityId", str)
"""A TypeID: kind's prefix, ``_``, 26 characters of Crockford base32 in lower case, e.g. ``inc_01k…``; 128 bits, UUIDv7 inside."""
CommandId = NewType("CommandId", str)
"""A UUIDv7 in canonical form; the HTTP ``Idempotency-Key``."""
ActorId = NewType("ActorId", str)
"""An opaque id of a person or service, e.g. ``usr_…`` or ``svc_…``; never a name or an address."""
Version = NewType("Version", int)
"""Number of an entity's event, from 1, without gaps."""

_TYPE_ID = re.compile(r"(?P<prefix>[a-z]{2,8})_[0-7][0-9a-hjkmnp-tv-z]{25}")


def prefix_of(entity_id: str) -> str | None:
    """Return the prefix of a well-formed TypeID, or None if ``entity_id`` is not one."""
    match = _TYPE_ID.fullmatch(entity_id)
    return match["prefix"] if match else None


SHORT_CODE_CHARS = 8


def short_code(entity_id: str, chars: int = SHORT_CODE_CHARS) -> str:
    """What people call an entity by: ``INC-`` and the last ``chars`` characters of its id, in capitals. They are of the id's random part.

    Two entities may share one; then both are called by longer ones (see ``GET /v1/codes``).
    """
    prefix, _, digits = entity_id.partition("_")
    return f"{prefix}-{digits[-chars:]}".upper()
