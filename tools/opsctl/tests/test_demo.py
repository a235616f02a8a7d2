"""A demo on a running product: it is told through the public API, is marked, can be hidden and shown, and the log keeps it."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.throwaway import ThrowawayStack
from opsctl.demo.cast import ACTOR_PREFIX
from opsroom_checks.runnable import docs_block

from .conftest import SCRIPT, Room

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[3]
COLLECTIONS = {"incident": "incidents", "task": "tasks", "ticket": "tickets", "auction": "auctions"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """With a gateway, where the lists are."""
    with ThrowawayStack(Path(tmp_path_factory.mktemp("house"))) as stack:
        yield Room(stack)


@pytest.fixture(scope="module")
def played(house: Room) -> dict[str, Any]:
    said = house.opsctl("demo", "--minutes", "0.1", "--rate", "20", "--seed", "7", "--json")
    assert (said.code, said.error) == (0, ""), said
    return said.objects[0]


def listed(house: Room, kind: str, **asked: Any) -> list[dict[str, Any]]:
    """All rows of a kind's list, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = httpx.get(f"{house.stack.gateway.url}/v1/{COLLECTIONS[kind]}", params={**asked, **cursor, "limit": 200}, timeout=20)
        assert answer.is_success, answer.text
        found.extend(answer.json()["items"])
        if answer.json()["next"] is None:
            return found
        cursor = {"cursor": answer.json()["next"]}


def total(house: Room, kind: str, **asked: Any) -> int:
    answer = httpx.get(f"{house.stack.gateway.url}/v1/{COLLECTIONS[kind]}/facets", params=asked, timeout=20)
    assert answer.is_success, answer.text
    return int(answer.json()["total"]["count"])


def test_a_story_is_told_at_its_rate_and_says_what_it_did(played: dict[str, Any]) -> None:
    assert played["unexpected"] == {}
    assert 0 < played["sent"] <= 20 * played["seconds"] + 1, "never above the rate"
    assert played["accepted"] + sum(played["refused"].values()) == played["sent"]
    assert set(played["entities"]) == set(COLLECTIONS)
    assert len(played["ids"]) == sum(played["entities"].values())


def test_everything_is_marked_and_made_by_the_people_of_the_demo(house: Room, played: dict[str, Any]) -> None:
    run = f"demo:{played['run']}"
    for kind, count in played["entities"].items():
        rows = listed(house, kind, label=["demo", run])
        assert len(rows) == count
        assert {row["id"] for row in rows} <= set(played["ids"])
    actors = {each["actor"] for each in house.opsctl("events", "--json").objects if each["entity"] in played["ids"]}
    assert len([actor for actor in actors if actor.startswith(ACTOR_PREFIX)]) > 5
    assert {actor for actor in actors if not actor.startswith(ACTOR_PREFIX)} <= {"svc_signals", "svc_processes"}


def test_one_command_hides_it_the_log_keeps_it_and_another_brings_it_back(house: Room, played: dict[str, Any]) -> None:
    real = house.incident("No demo")
    before = len(house.opsctl("events", "--json").objects)
    count = len(played["ids"])
    said = house.opsctl("demo", "hide", "--run", played["run"], "--json")
    assert (said.code, said.objects[0]["hidden"]) == (0, count), said
    for kind in COLLECTIONS:
        assert listed(house, kind, label="demo") == []
        assert total(house, kind, label="demo") == 0
        assert len(listed(house, kind, label="demo", archived="true")) == played["entities"][kind]
    assert [row["id"] for row in listed(house, "incident")] == [real]
    again = house.opsctl("demo", "hide", "--json")
    assert (again.code, again.objects[0]["hidden"]) == (0, 0)
    after = house.opsctl("events", "--json").objects
    assert len(after) == before + count, "the log keeps all, and has one more event for each"
    shown = house.opsctl("demo", "show")
    assert (shown.code, shown.out.startswith(f"{count} shown again: ")) == (0, True), shown
    for kind in COLLECTIONS:
        assert len(listed(house, kind, label="demo")) == played["entities"][kind]
    other = house.opsctl("demo", "hide", "--run", "zzzz", "--json")
    assert (other.code, other.objects[0]["hidden"]) == (0, 0), "another run's entities stay"


def test_the_commands_of_the_how_to_work(house: Room) -> None:
    for command in (docs_block(ROOT, "demo-play"), docs_block(ROOT, "demo-hide"), docs_block(ROOT, "demo-show")):
        done = subprocess.run(["bash", "-ec", command], cwd=ROOT, env=house.env, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr) == (0, ""), (command, done)


def test_ctrl_c_ends_it_after_what_is_under_way_and_says_what_there_is(house: Room) -> None:
    process = subprocess.Popen(
        [SCRIPT, "demo", "--minutes", "5", "--rate", "40"], env=house.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert " sent, " in first
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait(10)
    assert (process.returncode, error) == (130, "")
    assert "hide it: opsctl demo hide --run " in out


def test_a_command_api_that_is_gone_for_a_while_is_waited_for(house: Room) -> None:
    process = subprocess.Popen(
        [SCRIPT, "demo", "--minutes", "0.2", "--rate", "20", "--json"],
        env=house.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        house.stack.command_api.kill()
        house.stack.command_api.start()
        out, error = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait(10)
    # It may not have come as far as its first look: then it says that nobody answers.
    assert (process.returncode, error) == (0, "") or (process.returncode == 3 and "nobody answers" in error), (out, error)


def test_nobody_there_is_one_line_and_code_3() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and nobody listens
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        for command in (["demo"], ["demo", "hide"], ["demo", "show"]):
            said = subprocess.run([SCRIPT, *command, "--url", url], capture_output=True, text=True, timeout=60, check=False)
            assert (said.returncode, said.stdout) == (3, "")
            assert len(said.stderr.splitlines()) == 1
            assert "make up" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rate", "0"], "--rate"),
        (["--minutes", "-1"], "--minutes"),
        (["--url", "nonsense"], "is no address"),
        (["hide", "--run", "X"], "is no run"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(arguments: list[str], words: str) -> None:
    said = subprocess.run([SCRIPT, "demo", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert (said.returncode, len(said.stderr.splitlines())) == (2, 1)
    assert words in said.stderr
