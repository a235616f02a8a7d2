"""The real engine, projector and feed under every kind of trouble, seed by seed (promises 1 to 5). ``make simulate`` runs as many seeds as you like."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .run import profile_of, simulate

SEEDS = 240
CHUNK = 20
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_promise_is_broken_under_any_seed(first: int) -> None:
    for seed in range(first, first + CHUNK):
        found = simulate(seed)
        assert found.broken is None, f"make simulate SEED={seed}: {found.broken}"


@pytest.mark.parametrize("seed", range(6))
def test_a_seed_replays_to_the_last_turn(seed: int) -> None:
    first, again = simulate(seed), simulate(seed)
    assert (first.digest, first.turns, first.trace) == (again.digest, again.turns, again.trace)


def test_a_seed_replays_in_another_process_and_with_the_trace() -> None:
    """Whatever the hashes of strings are there, and although the logs are told."""
    seed = next(seed for seed in range(100) if profile_of(seed).name == "everything")
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed)]
    told = [
        subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hashes}, capture_output=True, text=True, timeout=80, check=True
        ).stdout
        for hashes in ("1", "2")
    ]
    assert told[0] == told[1]
    assert f"digest {simulate(seed).digest}\n" in told[0]
    assert "partition served" in told[0], "the trace tells what the processes log"


def test_another_seed_is_another_run() -> None:
    assert len({simulate(seed).digest for seed in range(5)}) == 5
