"""Promise 8: no one does what the role does not allow."""

from __future__ import annotations

import pytest

from opsroom_domain.permissions import PROCESS, Role, able, allowed
from opsroom_domain.registry import KINDS

COMMANDS = [(kind.name, command) for kind in KINDS.values() for command in kind.commands]


@pytest.mark.parametrize(("kind", "command"), COMMANDS)
def test_a_viewer_may_change_nothing(kind: str, command: str) -> None:
    assert not allowed(Role.VIEWER, kind, command)


@pytest.mark.parametrize(("kind", "command"), COMMANDS)
def test_an_operator_may_do_everything_but_decide_who_may_see_or_do_it(kind: str, command: str) -> None:
    known = KINDS[kind]
    assert allowed("operator", kind, command) is (command not in known.admin_only | known.process_only)


@pytest.mark.parametrize(("kind", "command"), COMMANDS)
def test_an_admin_may_do_everything_but_the_other_half_of_a_process(kind: str, command: str) -> None:
    assert allowed(Role.ADMIN, kind, command) is (command not in KINDS[kind].process_only)


@pytest.mark.parametrize(("kind", "command"), COMMANDS)
def test_a_process_may_do_its_own_and_what_an_operator_may(kind: str, command: str) -> None:
    assert allowed(PROCESS, kind, command) is (command not in KINDS[kind].admin_only)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_only_a_process_may_do_is_a_command_of_the_kind(kind: object) -> None:
    known = next(each for each in KINDS.values() if each is kind)
    assert known.process_only <= known.commands.keys()
    assert all(able(known.name, command) == [] for command in known.process_only)


def test_a_process_is_no_role_that_somebody_could_have() -> None:
    assert PROCESS not in set(Role)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_only_an_admin_may_do_is_a_command_of_the_kind(kind: object) -> None:
    known = next(each for each in KINDS.values() if each is kind)
    assert known.admin_only <= known.commands.keys()
    assert ("change_visibility" in known.admin_only) is ("change_visibility" in known.commands)


def test_the_roles_that_may_are_named_from_the_least_to_the_most() -> None:
    assert able("incident", "acknowledge") == ["operator", "admin"]
    assert able("incident", "change_visibility") == ["admin"]


@pytest.mark.parametrize("role", ["", "Admin", "root"])
def test_an_unknown_role_may_do_nothing(role: str) -> None:
    assert not allowed(role, "incident", "acknowledge")


def test_an_unknown_command_is_allowed_to_nobody() -> None:
    assert not allowed(Role.ADMIN, "incident", "explode")
    assert not allowed(Role.ADMIN, "volcano", "acknowledge")
