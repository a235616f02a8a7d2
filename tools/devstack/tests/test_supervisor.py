"""The supervisor keeps its children running, says what happens, and ends exactly what it started."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import psutil
import pytest

from devstack.children import Program, ProgramChild
from devstack.ports import free_port
from devstack.stream import LogStream
from devstack.supervisor import Policy, Supervisor

QUICK = Policy(backoff_first_s=0.05, backoff_max_s=0.1, stop_within_s=5.0)
SLEEPER = "import sys, time; print('here', flush=True); time.sleep(600)"
# Writes its name on SIGTERM, so that the order of stopping can be read.
POLITE = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye', flush=True))); print('here', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
SERVES = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


class Run:
    """A supervisor in a thread, with what it wrote."""

    def __init__(self, *programs: Program, policy: Policy = QUICK) -> None:
        self.out = io.StringIO()
        stream = LogStream(self.out, [program.name for program in programs])
        self.children = {program.name: ProgramChild(program, stream.line) for program in programs}
        self.supervisor = Supervisor(list(self.children.values()), stream, policy=policy)
        self.ready = threading.Event()
        self.codes: list[int] = []
        self.thread = threading.Thread(target=lambda: self.codes.append(self.supervisor.run(self.ready.set)))

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.supervisor.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()

    @property
    def text(self) -> str:
        return self.out.getvalue()

    def pid(self, name: str) -> int:
        wait_for(lambda: self.children[name].pid is not None, f"{name} runs")
        pid = self.children[name].pid
        assert pid is not None
        return pid

    def ended(self) -> int:
        self.thread.join(30)
        assert self.codes, self.text
        return self.codes[0]


def wait_for(condition: Callable[[], bool], what: str, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.01)


def python(name: str, code: str, *args: str, **more: object) -> Program:
    return Program(name, [sys.executable, "-c", code, *args], **more)  # type: ignore[arg-type]


def test_each_line_carries_the_name_of_who_wrote_it():
    with Run(python("one", SLEEPER), python("other", SLEEPER)) as run:
        wait_for(lambda: run.text.count("here") == 2, "both lines")
    assert "one   | here\n" in run.text
    assert "other | here\n" in run.text


def test_a_child_that_dies_is_named_and_started_again():
    with Run(python("fragile", SLEEPER)) as run:
        first = run.pid("fragile")
        assert run.ready.wait(20)
        os.kill(first, 9)
        wait_for(lambda: "fragile is ready again" in run.text, "it is started again")
        assert run.pid("fragile") != first
    assert "fragile died (signal SIGKILL); it is started again in 0.05 s (1 of 5 deaths in 60 s)" in run.text
    assert run.ended() == 0


def test_the_wait_before_a_restart_doubles_up_to_its_limit():
    with Run(python("doomed", "raise SystemExit(3)"), policy=Policy(backoff_first_s=0.02, backoff_max_s=0.05)) as run:
        assert run.ended() == 1
    assert re.findall(r"started again in ([\d.]+) s", run.text) == ["0.02", "0.04", "0.05", "0.05"]


def test_five_deaths_in_a_minute_stop_the_stack_with_the_last_lines():
    doomed = python("doomed", "print('the reason', flush=True); raise SystemExit(3)")
    with Run(python("healthy", SLEEPER), doomed) as run:
        healthy = psutil.Process(run.pid("healthy"))
        assert run.ended() == 1
        assert not healthy.is_running()
    end = run.text[run.text.index("devstack: the stack was stopped") :]
    assert "doomed died (exit code 3); that was death 5 within 60 s. The last lines of doomed:\n" in end
    assert end.endswith("    the reason\n")


def test_deaths_that_are_long_ago_do_not_count():
    with Run(python("fragile", SLEEPER), policy=Policy(deaths_max=2, deaths_window_s=0.3, backoff_first_s=0.4)) as run:
        for _ in range(3):
            run.ready.wait(20)
            pid = run.pid("fragile")
            os.kill(pid, 9)
            wait_for(lambda pid=pid: run.children["fragile"].pid not in {None, pid}, "it is started again")
        assert not run.codes


def test_children_are_stopped_in_reverse_order():
    names = ["first", "second", "third"]
    with Run(*(python(name, POLITE) for name in names)) as run:
        wait_for(lambda: run.text.count("here") == 3, "all run")
        processes = [psutil.Process(run.pid(name)) for name in names]
    assert re.findall(r"devstack: (\w+) stopped", run.text) == ["third", "second", "first"]
    assert not any(process.is_running() for process in processes)
    assert run.ended() == 0


def test_a_child_that_ignores_sigterm_is_killed_after_its_time():
    with Run(python("stubborn", STUBBORN), policy=Policy(stop_within_s=0.3)) as run:
        wait_for(lambda: "here" in run.text, "it runs")
    assert "stubborn stopped (signal SIGKILL" in run.text


def test_a_child_starts_only_when_those_it_needs_are_ready(tmp_path: Path):
    port = str(free_port())
    gate = tmp_path / "open"
    # The first one opens its port only when the gate is there.
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n" + SERVES
    url = f"http://127.0.0.1:{port}/readyz"
    with Run(python("base", waits, port, ready_url=url), python("upper", SLEEPER, needs=("base",))) as run:
        run.pid("base")
        assert not run.ready.wait(0.3)
        assert run.children["upper"].pid is None
        gate.touch()
        assert run.ready.wait(20)
        assert run.children["upper"].pid is not None


def test_a_child_that_is_never_ready_counts_as_dead_and_is_ended():
    with Run(python("mute", SLEEPER, ready_url=f"http://127.0.0.1:{free_port()}/readyz", ready_within_s=0.2)) as run:
        assert run.ended() == 1
        assert run.children["mute"].pid is None
    assert "mute was not ready at http://" in run.text


def test_stopping_in_the_middle_of_a_start_leaves_nothing():
    with Run(python("slow", SLEEPER, ready_url=f"http://127.0.0.1:{free_port()}/readyz")) as run:
        process = psutil.Process(run.pid("slow"))
    assert not process.is_running()
    assert run.ended() == 0


def test_a_stream_that_nobody_reads_stops_the_stack():
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    stopped = threading.Event()
    stream = LogStream(Closed(), ["one"], on_closed=stopped.set)
    stream.line("one", "text")
    assert stopped.is_set()


@pytest.mark.parametrize("length", [10, 100_000])
def test_a_line_of_any_length_is_bounded(length: int):
    with Run(python("wordy", f"import time; print('x' * {length}, flush=True); time.sleep(600)")) as run:
        wait_for(lambda: run.text.count("x") >= length, "all is written")
    assert max(len(line) for line in run.text.splitlines()) < 17_000
