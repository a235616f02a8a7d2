"""Runs one command to its end: its servers opened and closed, and what they raise as one line and an exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import typer

from opsctl.exits import Exit, Stop
from opsctl.servers import Servers, opened
from opsroom_common.log.port import AnotherLog, LogError


def with_servers(context: typer.Context, work: Callable[[Servers], Awaitable[Exit]]) -> None:
    """``run_to_end`` for a command that reads ops.events."""

    async def run() -> Exit:
        async with opened(context.obj) as servers:
            return await work(servers)

    run_to_end(run)


def run_to_end(work: Callable[[], Awaitable[Exit]]) -> None:
    """Run one command to its end. Raises typer.Exit with its code, Stop."""

    async def main() -> Exit:
        return await work()

    try:
        code = asyncio.run(main())
    except AnotherLog as error:
        raise Stop(Exit.FINDING, str(error)) from error
    except LogError as error:
        raise Stop(Exit.AWAY, str(error)) from error
    raise typer.Exit(code)
