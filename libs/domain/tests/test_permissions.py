"""Promise 8: no one does what the role does not allow."""

from __future__ import annotations

import pytest

from opsroom_domain.entities.incident import Acknowledge, ChangeVisibility, Incident
from opsroom_domain.permissions import Role, allowed
from opsroom_domain.registry import KINDS

COMMANDS = [command for kind in KINDS.values() for command in kind.commands.values()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_viewer_may_change_nothing(command: type[object]) -> None:
    assert not allowed(Role.VIEWER, command)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_operator_may_do_everything_but_decide_who_sees_it(command: type[object]) -> None:
    assert allowed("operator", command) is (command is not ChangeVisibility)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_admin_may_do_everything(command: type[object]) -> None:
    assert allowed(Role.ADMIN, command)


@pytest.mark.parametrize("role", ["", "Admin", "root"])
def test_an_unknown_role_may_do_nothing(role: str) -> None:
    assert not allowed(role, Acknowledge)


def test_what_is_no_command_is_allowed_to_nobody() -> None:
    assert not allowed(Role.ADMIN, Incident)
