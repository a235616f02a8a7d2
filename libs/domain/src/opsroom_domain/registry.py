"""Every entity kind, by name. A new kind is one package under ``entities`` and one entry here."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from opsroom_domain.decider import Kind
from opsroom_domain.entities.auction import AUCTION
from opsroom_domain.entities.dependencies import DEPENDENCIES
from opsroom_domain.entities.incident import INCIDENT
from opsroom_domain.entities.organisation import ORGANISATION
from opsroom_domain.entities.policy import POLICY
from opsroom_domain.entities.task import TASK
from opsroom_domain.entities.ticket import TICKET
from opsroom_domain.entities.view import view_of

_ALL: tuple[Kind[Any, Any, Any], ...] = (
    INCIDENT,
    TASK,
    DEPENDENCIES,
    TICKET,
    POLICY,
    AUCTION,
    ORGANISATION,
)
_WITH_VIEWS: tuple[Kind[Any, Any, Any], ...] = (*_ALL, view_of(_ALL))
"""Saved views are of the lists of all the others."""

KINDS: Mapping[str, Kind[Any, Any, Any]] = {kind.name: kind for kind in _WITH_VIEWS}
_BY_PREFIX: Mapping[str, Kind[Any, Any, Any]] = {kind.prefix: kind for kind in _WITH_VIEWS}

if not len(KINDS) == len(_BY_PREFIX) == len({kind.collection for kind in _WITH_VIEWS}) == len(_WITH_VIEWS):
    raise ValueError("two entity kinds have the same name, collection or prefix; rename one")


def kind_of_prefix(prefix: str | None) -> Kind[Any, Any, Any] | None:
    """The kind whose ids start with ``prefix`` (see ``ids.prefix_of``), or None if there is none."""
    return None if prefix is None else _BY_PREFIX.get(prefix)


def fold_fingerprint() -> str:
    """16 hex digits that change with any kind's name or fold version: rows of another fold do not count (R5)."""
    folds = "\n".join(f"{name} {KINDS[name].fold_version}" for name in sorted(KINDS))
    return sha256(folds.encode()).hexdigest()[:16]
