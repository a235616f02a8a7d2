"""``opsroom all``: every service in one process and one event loop. The stage to start from, and the fastest way to debug.

The services stay what they are: each is built by its own ``main.build`` from its own settings and listens on its own port. They share the
process, its signal handler and its fate: if a part of one ends by itself, all stop, and the exit code is 1.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, NoReturn

import typer
import uvloop

import command_api.main
import command_api.settings
import gateway_ws.main
import gateway_ws.settings
import projector.main
import projector.settings
from opsroom_common.auth.dev import BadIdentitySetting
from opsroom_common.contracts.topics import TopicsInvalid
from opsroom_common.postgres.errors import Rejected, Unavailable
from opsroom_common.runtime.logging import configure, get_logger
from opsroom_common.runtime.service import PortTaken, Resource, Service, run_services
from opsroom_common.runtime.settings import SettingsInvalid, load_settings

NAME = "opsroom"
_log = get_logger(NAME)

app = typer.Typer(
    name=NAME,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Those of each service, from the same environment variables as ever."""

    projector: projector.settings.Settings
    command_api: command_api.settings.Settings
    gateway: gateway_ws.settings.Settings

    @classmethod
    def from_environment(cls) -> Settings:
        """Raises SettingsInvalid, with all that is missing or wrong."""
        return cls(
            load_settings(projector.settings.Settings),
            load_settings(command_api.settings.Settings),
            load_settings(gateway_ws.settings.Settings),
        )

    @property
    def urls(self) -> dict[str, str]:
        """Where each service will listen."""
        parts = (("command_api", self.command_api), ("gateway", self.gateway), ("projector", self.projector))
        return {name: f"http://{each.host}:{each.port}" for name, each in parts}


async def build(settings: Settings) -> list[Service]:
    """The services in the order in which they start: rows first, then writes, then reads. Raises PortTaken, BadIdentitySetting."""

    async def say() -> None:
        _log.info("all services run in this process", **settings.urls)

    async def nothing() -> None:
        return

    return [
        await projector.main.build(settings.projector),
        await command_api.main.build(settings.command_api),
        await gateway_ws.main.build(settings.gateway),
        Service(NAME, [Resource("announcement", say, nothing)]),
    ]


async def run_all(builder: Callable[[], Awaitable[Sequence[Service]]], stop: asyncio.Event | None = None) -> tuple[int, str | None]:
    """Run until SIGTERM, SIGINT or ``stop``, or until a part ends. Returns the exit code, and which part ended and why."""
    services = await builder()
    code = await run_services(services, stop)
    for service in services:
        if service.ended is not None and service.ended.done():
            return code, f"{service.name}: {service.ended.result()}"
    return code, None


@app.callback()
def opsroom() -> None:
    """Opsroom in one process."""


@app.command("all")
def run_all_services(
    log_level: Annotated[str, typer.Option(envvar="OPSROOM_LOG_LEVEL", help="DEBUG, INFO, WARNING or ERROR.")] = "INFO",
) -> None:
    """Run command-api, projector and gateway-ws in this process, until Ctrl-C.

    Settings are the environment variables of each service. Exit code 0 after Ctrl-C or SIGTERM, 1 if a part of a service ends by itself
    or cannot start, 2 if the settings do not fit.
    """
    try:
        configure(NAME, log_level)
        settings = Settings.from_environment()
    except (SettingsInvalid, ValueError) as error:
        _end(2, str(error))
    try:
        code, why = uvloop.run(run_all(lambda: build(settings)))
    except (BadIdentitySetting, command_api.main.AddressUnknown, PortTaken, TopicsInvalid, Unavailable, Rejected) as error:
        _end(1, str(error))
    if code != 0:
        _end(code, f"{why or 'a service could not start: the last lines of the log say which, and why'}; all services were stopped")


def run() -> None:
    """The console script."""
    app()


def _end(code: int, words: str) -> NoReturn:
    print(f"{NAME}: {' '.join(words.split())}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    run()
