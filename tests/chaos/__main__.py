"""``make chaos [JSON=FILE] [SEED=N] [FOLDER=DIR]``: the full run, its table, and its figures as JSON. Exits 1 when anything was told wrongly."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop

from .faults import FULL
from .recreated import recreate_topic
from .report import SESSION_TIMEOUT_S, report
from .run import run, stack_of

REPLICAS, BROKERS = 3, 3


def main() -> int:
    seed = int(os.environ.get("SEED") or int.from_bytes(os.urandom(3)))
    print(f"chaos: seed {seed} (SEED={seed} makes the same faults in the same order); at most about ten minutes", flush=True)
    # The client library tells of every broker that is away: here that is what is wanted.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    kept = os.environ.get("FOLDER")
    with ExitStack() as cleanup:
        folder = Path(kept) if kept else Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="opsroom-chaos-")))
        stack = cleanup.enter_context(stack_of(folder, replicas=REPLICAS, brokers=BROKERS, session_timeout_s=SESSION_TIMEOUT_S))
        outcome = uvloop.run(run(stack, FULL, seed, session_timeout_s=SESSION_TIMEOUT_S))
        recreated = uvloop.run(recreate_topic(stack, seed))
    return 0 if report(outcome, recreated) else 1


if __name__ == "__main__":
    sys.exit(main())
