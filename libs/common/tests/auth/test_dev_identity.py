"""The development identity is explicit and local: nobody gets in through it from outside, and nobody is anybody without it."""

from __future__ import annotations

import pytest

from opsroom_common.auth.dev import BadIdentitySetting, identities, is_loopback
from opsroom_common.auth.identity import Identity, Role
from opsroom_common.http.problems import Problem
from opsroom_domain.ids import ActorId


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "example.org", "", "localhost.example.org", "127.0.0.1.example.org"]
)
def test_it_refuses_an_address_that_others_can_reach(host: str) -> None:
    with pytest.raises(BadIdentitySetting, match="unset OPSROOM_DEV_IDENTITY or listen on 127"):
        identities("usr_dev:admin", host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_it_is_allowed_on_loopback(host: str) -> None:
    assert is_loopback(host)
    assert identities("usr_dev:admin", host).of({}) == Identity(ActorId("usr_dev"), Role.ADMIN)


@pytest.mark.parametrize("setting", ["usr_dev", "usr_dev:root", "dev:admin", ":admin", "usr_dev:", "Anna Müller:admin", "usr_dev:admin:x"])
def test_a_setting_that_is_no_actor_and_role_is_refused(setting: str) -> None:
    with pytest.raises(BadIdentitySetting, match="usr_dev:admin"):
        identities(setting, "127.0.0.1")


def test_a_request_may_name_another_actor_or_role() -> None:
    who = identities("usr_dev:admin", "127.0.0.1")
    assert who.of({"x-dev-actor": "usr_ben"}) == Identity(ActorId("usr_ben"), Role.ADMIN)
    assert who.of({"x-dev-role": "viewer"}) == Identity(ActorId("usr_dev"), Role.VIEWER)


@pytest.mark.parametrize("headers", [{"x-dev-actor": "Ben <b@example.org>"}, {"x-dev-role": "root"}, {"x-dev-actor": ""}])
def test_a_wrong_header_is_400(headers: dict[str, str]) -> None:
    with pytest.raises(Problem) as refused:
        identities("usr_dev:admin", "127.0.0.1").of(headers)
    assert refused.value.status == 400


@pytest.mark.parametrize("setting", [None, ""])
def test_without_it_nobody_is_anybody_whatever_the_headers_say(setting: str | None) -> None:
    with pytest.raises(Problem) as refused:
        identities(setting, "0.0.0.0").of({"x-dev-actor": "usr_ben", "x-dev-role": "admin"})
    assert (refused.value.status, refused.value.code) == (401, "not-signed-in")
