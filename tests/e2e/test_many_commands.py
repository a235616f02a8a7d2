"""The page on many commands does what it says, on a whole stack."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from devstack.throwaway import ThrowawayStack
from opsroom_checks.runnable import docs_block

from .test_first_alert import environment, run

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_batch_is_applied_as_the_page_says_and_once(stack: ThrowawayStack, tmp_path: Path) -> None:
    env = environment(stack) | {"TMPDIR": str(tmp_path)}
    send = docs_block(ROOT, "many-commands-send")
    ended = await asyncio.to_thread(run, docs_block(ROOT, "many-commands-write") + send + send, env)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = [line.split() for line in ended.stdout.splitlines()]
    first = [["201", "ok", "False"], ["200", "ok", "False"], ["200", "ok", "False"], ["404", "not-found"]]
    again = [["201", "ok", "True"], ["200", "ok", "True"], ["200", "ok", "True"], ["404", "not-found"]]
    assert lines == first + again
