"""The command devstack, as a person runs it: one clear line, an exit code, and nothing left running."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from devstack.claim import Claim, Member
from devstack.ports import free_port
from opsroom_common.runtime.ids import SystemIds

DEVSTACK = str(Path(sys.executable).parent / "devstack")
VARIABLES = ("KAFKA", "POSTGRES", "REDIS", "PROJECTOR", "COMMAND_API", "GATEWAY")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    ports = {f"OPSROOM_{name}_PORT": str(free_port()) for name in VARIABLES}
    return {**os.environ, **ports, "OPSROOM_HOME": str(tmp_path / "home")}


def devstack(*args: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DEVSTACK, *args], env=env, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)


def one_line(text: str) -> str:
    assert text.endswith("\n")
    assert text.count("\n") == 1, text
    return text


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen(1)
        yield holder.getsockname()[1]


@pytest.mark.parametrize(
    ("command", "variable"), [("up", "OPSROOM_GATEWAY_PORT"), ("up", "OPSROOM_KAFKA_PORT"), ("servers", "OPSROOM_REDIS_PORT")]
)
def test_a_taken_port_is_one_line_that_names_what_to_set_and_starts_nothing(env, taken: int, command: str, variable: str, tmp_path: Path):
    result = devstack(command, env={**env, variable: str(taken)})
    assert result.returncode == 1
    line = one_line(result.stderr)
    assert f"port {taken} (" in line
    assert f"set {variable}" in line
    assert result.stdout == ""
    assert not (tmp_path / "home" / "redis").exists()


def test_two_owners_of_one_port_are_refused(env):
    result = devstack("up", env={**env, "OPSROOM_KAFKA_PORT": env["OPSROOM_REDIS_PORT"]})
    assert result.returncode == 1
    assert "OPSROOM_KAFKA_PORT and OPSROOM_REDIS_PORT are both" in one_line(result.stderr)


@pytest.mark.parametrize("nonsense", ["abc", "0", "70000", "-1"])
def test_a_port_that_is_none_is_refused(env, nonsense: str):
    result = devstack("servers", env={**env, "OPSROOM_REDIS_PORT": nonsense})
    assert result.returncode == 1
    assert f"OPSROOM_REDIS_PORT={nonsense} is no port" in one_line(result.stderr)


def test_a_half_started_stack_is_detected(env, tmp_path: Path):
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        home = Claim(tmp_path / "home")
        home.take()
        member = Member.of(left.pid, "somewhere")
        assert member is not None
        home.record({"kafka": member})
        # As a killed supervisor leaves it: the record stays, the lock goes.
        assert home._handle is not None
        os.close(home._handle)
        for command in (["up"], ["servers"], ["reset", "--yes"]):
            result = devstack(*command, env=env)
            assert result.returncode == 1
            assert f"kafka (pid {left.pid}) still runs: end that with kill {left.pid}" in one_line(result.stderr)
        assert left.poll() is None
    finally:
        left.kill()
        left.wait()


def test_a_record_of_dead_children_is_no_obstacle(tmp_path: Path):
    (tmp_path / "stack.json").write_text(json.dumps({"kafka": {"pid": os.getpid(), "born": 1.0, "where": "x"}}))
    claim = Claim(tmp_path)
    claim.take()
    claim.release()


def test_reset_asks_first(env, tmp_path: Path):
    data = tmp_path / "home" / "kafka" / "data"
    data.mkdir(parents=True)
    (tmp_path / "home" / "mine.txt").write_text("not the stack's")
    refused = devstack("reset", env=env)
    assert refused.returncode == 1
    assert "use --yes" in one_line(refused.stderr)
    assert data.exists()

    done = devstack("reset", "--yes", env=env)
    assert (done.returncode, "wiped kafka" in done.stdout) == (0, True)
    assert not data.exists()
    assert (tmp_path / "home" / "mine.txt").exists()


def test_a_no_to_reset_wipes_nothing(env, tmp_path: Path):
    data = tmp_path / "home" / "kafka" / "data"
    data.mkdir(parents=True)
    ours, theirs = os.openpty()
    try:
        os.write(ours, b"n\n")
        asked = subprocess.run([DEVSTACK, "reset"], env=env, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert asked.returncode == 1
    assert f"Wipe all data in {tmp_path}/home?" in asked.stdout
    assert data.exists()


def test_status_of_nothing_says_so(env):
    result = devstack("status", env=env)
    assert result.returncode == 3
    assert "no stack runs" in one_line(result.stdout)


@pytest.mark.server
def test_servers_run_survive_a_death_and_end_in_order_on_sigterm(env, tmp_path: Path):
    run = subprocess.Popen(
        [DEVSTACK, "servers"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL
    )
    watchdog = threading.Timer(75, run.kill)
    watchdog.start()
    try:
        assert run.stdout is not None
        said: list[str] = []

        def until(words: str) -> str:
            for line in run.stdout or ():
                said.append(line)
                if words in line:
                    return line
            pytest.fail("".join(said))

        until("devstack: ready after")
        assert until("export OPSROOM_REDIS=").strip().endswith(f"{env['OPSROOM_REDIS_PORT']}/0")
        members = Claim(tmp_path / "home").members()
        assert set(members) == {"kafka", "postgres", "redis"}
        assert devstack("status", env=env).returncode == 0
        assert f"already runs on {tmp_path}/home (pid {run.pid})" in one_line(devstack("up", env=env).stderr)
        assert "already runs" in one_line(devstack("reset", "--yes", env=env).stderr)

        os.kill(members["redis"].pid, signal.SIGKILL)
        until("devstack: redis died (signal SIGKILL)")
        until("devstack: redis is ready again")
        family = psutil.Process(run.pid).children(recursive=True)
        # As make, a time-out and a closing terminal do together.
        run.send_signal(signal.SIGTERM)
        run.send_signal(signal.SIGHUP)
        rest = run.stdout.read()
        assert run.wait(30) == 0
        assert [line.split()[1] for line in rest.splitlines() if " stopped (" in line] == ["redis", "postgres", "kafka"]
        assert not any(process.is_running() for process in family)
        assert devstack("status", env=env).returncode == 3
    finally:
        watchdog.cancel()
        run.kill()
        run.communicate()


@contextmanager
def up(env: dict[str, str]) -> Generator[tuple[subprocess.Popen[str], str], None, None]:
    """``devstack up`` and what it said until it was ready; killed at the end if it still runs."""
    run = subprocess.Popen([DEVSTACK, "up"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    watchdog = threading.Timer(75, run.kill)
    watchdog.start()
    try:
        assert run.stdout is not None
        said: list[str] = []
        for line in run.stdout:
            said.append(line)
            if line.startswith("devstack: ready after"):
                break
        else:
            pytest.fail("".join(said))
        yield run, "".join(said)
    finally:
        watchdog.cancel()
        run.kill()
        run.communicate()


def interrupted(run: subprocess.Popen[str]) -> int:
    """Ctrl-C, and the exit code once everything that was started is gone."""
    family = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=45)
    assert not any(process.is_running() for process in family)
    return run.returncode


@pytest.mark.server
@pytest.mark.timeout(180)
def test_up_says_what_runs_where_ctrl_c_ends_all_and_what_was_written_is_there_after_a_restart(env):
    writes, reads = (f"http://127.0.0.1:{env[f'OPSROOM_{name}_PORT']}/v1/incidents" for name in ("COMMAND_API", "GATEWAY"))
    incident = SystemIds().entity_id("inc")
    with up(env) as (run, said):
        for name in VARIABLES:
            assert f"127.0.0.1:{env[f'OPSROOM_{name}_PORT']}" in said, f"where {name} runs"
        assert f"the first live change can be made (POST {writes})" in said.splitlines()[-1]
        body = {"id": incident, "title": "kept"}
        answer = httpx.post(writes, json=body, headers={"Idempotency-Key": SystemIds().uuid7()}, timeout=20)
        assert answer.status_code == 201, answer.text
        place = answer.json()["log"]
        assert interrupted(run) == 0
    with up(env) as (run, _):
        shown = httpx.get(f"{reads}/{incident}", params={"wait_for": f"{place['partition']}:{place['offset']}"}, timeout=20)
        assert (shown.status_code, shown.json()["item"]["title"]) == (200, "kept"), shown.text
        assert interrupted(run) == 0
