"""``opsctl demo``: its commands and options."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import typer

from opsctl.demo.hiding import put_away
from opsctl.demo.playing import Player, Terms, stop_on_interrupt
from opsctl.demo.talking import Api
from opsctl.exits import Exit, Stop
from opsctl.running import run_to_end
from opsctl.screen import Screen
from opsroom_common.runtime.clock import SystemClock
from opsroom_common.runtime.ids import SystemIds

COMMAND_API_PORT, GATEWAY_PORT = "8401", "8402"
_RUN = re.compile(r"[a-z0-9]{4,26}")
_RUN_CHARS = 8

demo_app = typer.Typer(
    name="demo",
    help="Play a story on the running stack, marked as demo data; hide it, and show it again.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

_Url = Annotated[
    str | None, typer.Option(metavar="URL", help="command-api. Default: that of make up (OPSROOM_COMMAND_API_PORT).", show_default=False)
]
_Gateway = Annotated[
    str | None, typer.Option(metavar="URL", help="gateway-ws. Default: that of make up (OPSROOM_GATEWAY_PORT).", show_default=False)
]
_Run = Annotated[str | None, typer.Option(metavar="RUN", help="Only this run's, as the demo named it. Default: all runs'.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line, for programs.")]


@demo_app.callback()
def demo(
    context: typer.Context,
    *,
    minutes: Annotated[float, typer.Option(metavar="N", min=0.01, max=1440, help="How long.")] = 5.0,
    rate: Annotated[float, typer.Option(metavar="N", min=0.1, max=1000, help="Commands per second, on the average; never more.")] = 20.0,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The same seed tells the same story.")] = 1,
    url: _Url = None,
    gateway: _Gateway = None,
    json: _Json = False,
) -> None:
    """Play a story: alerts, incidents, tasks, tickets and an auction, by several people, through the public API.

    It changes the running stack: everything that it makes has the labels demo and demo:RUN, and its people are usr_demo_…; opsctl demo hide
    puts it away. Needs the development identity, as make up has it. Now and then two people change the same value: one of them is told
    both values (edit-conflict), which belongs to the story. Ctrl-C ends it after what is under way. Exit code 1 if a command was refused
    that the story did not expect.
    """
    if context.invoked_subcommand is not None:
        return
    terms = Terms(minutes, rate, seed, SystemIds().entity_id("run")[-_RUN_CHARS:])

    async def run() -> Exit:
        clock, ids = SystemClock(), SystemIds()
        api = Api(*_addresses(url, gateway), clock, ids)
        try:
            player = Player(api, terms, clock, ids, Screen(json=json))
            stop_on_interrupt(player)
            return await player.play()
        finally:
            await api.close()

    run_to_end(run)


@demo_app.command()
def hide(*, run: _Run = None, url: _Url = None, gateway: _Gateway = None, json: _Json = False) -> None:
    """Archive everything that demos made, so that boards do not show it any more; the log keeps it. It can be repeated."""
    _put_away(run, url, gateway, json=json, hide=True)


@demo_app.command()
def show(*, run: _Run = None, url: _Url = None, gateway: _Gateway = None, json: _Json = False) -> None:
    """Bring back what was hidden."""
    _put_away(run, url, gateway, json=json, hide=False)


def _put_away(run: str | None, url: str | None, gateway: str | None, *, json: bool, hide: bool) -> None:
    if run is not None and not _RUN.fullmatch(run):
        raise Stop(Exit.USAGE, f"{run!r} is no run: copy it from the demo's last lines, like 7xd2v6q4")

    async def work() -> Exit:
        api = Api(*_addresses(url, gateway), SystemClock(), SystemIds())
        try:
            return await put_away(api, run, Screen(json=json), hide=hide)
        finally:
            await api.close()

    run_to_end(work)


def _addresses(url: str | None, gateway: str | None, env: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Of command-api and the gateway. Raises Stop for what is no address."""
    found = (
        url or f"http://127.0.0.1:{env.get('OPSROOM_COMMAND_API_PORT') or COMMAND_API_PORT}",
        gateway or f"http://127.0.0.1:{env.get('OPSROOM_GATEWAY_PORT') or GATEWAY_PORT}",
    )
    for address in found:
        if not _is_http(address):
            raise Stop(Exit.USAGE, f"{address!r} is no address like http://127.0.0.1:{COMMAND_API_PORT}")
    return found


def _is_http(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
