"""``make simulate SEEDS=1000 [FROM=0]`` runs seeds until one fails; ``make simulate SEED=17 [PROFILE=owners]`` runs one, and tells all of it."""

from __future__ import annotations

import argparse
import sys
import time

from .profiles import PROFILES
from .run import simulate
from .world import Found


def main() -> int:
    """0 if no promise was broken, else 1."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--profile", choices=sorted(PROFILES), default=None)
    options = parser.parse_args()
    profile = PROFILES[options.profile] if options.profile else None
    if options.seed is not None:
        return _tell(simulate(options.seed, profile, trace=True))
    began = time.perf_counter()
    turns, virtual_s = 0, 0.0
    for count, seed in enumerate(range(options.first, options.first + options.seeds), start=1):
        found = simulate(seed, profile)
        turns += found.turns
        virtual_s += found.virtual_s
        if found.broken is not None:
            print(f"seed {seed} ({found.profile}): {found.broken}")
            print(f"again, with all that happened: make simulate SEED={seed} PROFILE={found.profile}")
            return 1
        if count % 100 == 0 or count == options.seeds:
            took_s = time.perf_counter() - began
            rate = f"{count / took_s:.1f} seeds/s, {turns / took_s:,.0f} turns/s, {virtual_s / took_s:.0f} s simulated a second"
            print(f"{count} seeds, no promise broken; {rate}", flush=True)
    return 0


def _tell(found: Found) -> int:
    print("\n".join(found.trace))
    answers = ", ".join(f"{count} {word}" for word, count in sorted(found.counts.items()))
    print(f"seed {found.seed} ({found.profile}): {found.turns} turns, {found.virtual_s:.1f} s simulated; answers: {answers}")
    print(f"digest {found.digest}")
    print(found.broken or "no promise broken")
    return 1 if found.broken is not None else 0


if __name__ == "__main__":
    sys.exit(main())
