"""A service's console script: settings, logging, run; whatever keeps it from starting is one line on stderr and exit code 1."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

from pydantic_settings import BaseSettings

from opsroom_common.runtime.logging import configure
from opsroom_common.runtime.service import PortTaken, Service, run_process
from opsroom_common.runtime.settings import SettingsInvalid, load_settings

_S = TypeVar("_S", bound=BaseSettings)


def run_console(
    name: str, settings_class: type[_S], build: Callable[[_S], Awaitable[Service]], cannot_start: tuple[type[Exception], ...] = ()
) -> NoReturn:
    """Run one service until SIGTERM or SIGINT (exit code 0) or until a part of it ends (exit code 1).

    ``cannot_start`` names what ``build`` raises when the surroundings do not fit; those messages say what to do.
    """

    async def services(settings: _S) -> list[Service]:
        return [await build(settings)]

    try:
        settings = load_settings(settings_class)
        configure(name, str(getattr(settings, "log_level", "INFO")))
        code = run_process(lambda: services(settings))
    except (SettingsInvalid, PortTaken, ValueError, *cannot_start) as error:
        sys.exit(f"{name}: {' '.join(str(error).split())}")
    sys.exit(code)
