"""One whole stack of real processes for each module that asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.throwaway import ThrowawayStack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThrowawayStack]:
    """Servers and services on free ports."""
    with ThrowawayStack(Path(tmp_path_factory.mktemp("stack"))) as running:
        yield running


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], object]:
    """``await until(condition)`` waits for a condition, with a bound."""

    async def wait(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)

    return wait
