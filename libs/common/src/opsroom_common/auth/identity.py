"""Who asks: an opaque actor id and a role. Every door asks one ``Identities`` who the caller is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from opsroom_domain.ids import ActorId
from opsroom_domain.permissions import Role


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller."""

    actor: ActorId
    role: Role


class Identities(Protocol):
    def of(self, headers: Mapping[str, str]) -> Identity:
        """The caller of a request. ``headers`` are case-insensitive or in lower case. Raises Problem 401 if nobody is named."""
        ...


__all__ = ["Identities", "Identity", "Role"]
