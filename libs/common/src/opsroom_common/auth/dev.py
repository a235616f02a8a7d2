"""The development identity: an explicit, local-only stand-in for authentication.

With ``OPSROOM_DEV_IDENTITY=usr_dev:admin`` every caller is that actor, and may name another with ``X-Dev-Actor`` and ``X-Dev-Role``. Whoever
reaches the port may do everything: so a service refuses to start with it on an address that is not loopback.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from opsroom_common.auth.identity import Identity, Role
from opsroom_common.http.problems import Problem, problem
from opsroom_domain.ids import ActorId

ACTOR_HEADER = "x-dev-actor"
ROLE_HEADER = "x-dev-role"
_ROLES = frozenset(Role)
"""Members are strings: ``in Role`` itself takes none before Python 3.12."""
_ACTOR = re.compile(r"^[a-z]{2,8}_[A-Za-z0-9_-]{1,64}$")


class BadIdentitySetting(ValueError):
    """OPSROOM_DEV_IDENTITY is wrong, or not allowed here. The service does not start."""


class DevIdentities:
    """Everyone is ``identity``, unless the dev headers say otherwise."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def of(self, headers: Mapping[str, str]) -> Identity:
        actor = headers.get(ACTOR_HEADER)
        role = headers.get(ROLE_HEADER)
        if actor is None and role is None:
            return self._identity
        if actor is not None and not _ACTOR.match(actor):
            raise _wrong_header(ACTOR_HEADER, "an opaque id like usr_maria")
        if role is not None and role not in _ROLES:
            raise _wrong_header(ROLE_HEADER, f"one of {', '.join(Role)}")
        return Identity(ActorId(actor) if actor else self._identity.actor, Role(role) if role else self._identity.role)


class NoIdentities:
    """Nobody can sign in: no way to authenticate is configured."""

    def of(self, headers: Mapping[str, str]) -> Identity:  # noqa: ARG002 -- the port's signature
        raise problem(
            401,
            "not-signed-in",
            "Nobody is signed in",
            "no way to sign in is configured here; for local development set OPSROOM_DEV_IDENTITY=usr_dev:admin and restart",
            headers={"WWW-Authenticate": 'Bearer realm="opsroom"'},
        )


def identities(setting: str | None, host: str) -> DevIdentities | NoIdentities:
    """What ``OPSROOM_DEV_IDENTITY`` means for a service bound to ``host``. Raises BadIdentitySetting."""
    if not setting:
        return NoIdentities()
    if not is_loopback(host):
        raise BadIdentitySetting(
            f"OPSROOM_DEV_IDENTITY is set, and the service would listen on {host}, where others can reach it without signing in; "
            "unset OPSROOM_DEV_IDENTITY or listen on 127.0.0.1"
        )
    actor, _, role = setting.partition(":")
    if not _ACTOR.match(actor) or role not in _ROLES:
        raise BadIdentitySetting(f"OPSROOM_DEV_IDENTITY={setting!r} is not ACTOR:ROLE like usr_dev:admin; roles are {', '.join(Role)}")
    return DevIdentities(Identity(ActorId(actor), Role(role)))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``. Names other than ``localhost`` are not trusted: what they mean can change."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong_header(name: str, expected: str) -> Problem:
    return problem(400, "invalid-request", "A development header is wrong", f"{name} must be {expected}; correct it or leave it out")
