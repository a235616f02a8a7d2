"""Runs a stack in the foreground: the servers, and the services when they are wanted."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from devstack.children import Child, OnLine, ProgramChild, ServerChild
from devstack.claim import Claim, Member
from devstack.kafka import Kafka
from devstack.kafka_jars import kafka_jars
from devstack.postgres import Postgres
from devstack.redis import Redis
from devstack.servers import ServerSet
from devstack.stream import LogStream
from devstack.supervisor import Supervisor
from devstack.table import KAFKA, POSTGRES, REDIS, SERVER_PORTS, SERVICES, check_ports, program
from devstack.topics import ensure_topics
from opsroom_common.contracts.topics import load_topics

_IMPATIENT_AFTER_S = 1.0


def run_stack(home: Path, *, services: bool) -> int:
    """Run until Ctrl-C or SIGTERM; return the exit code. Raises DevstackError before anything is started."""
    claim = Claim(home)
    claim.take()
    try:
        check_ports((*SERVER_PORTS, *(service.port for service in SERVICES)) if services else SERVER_PORTS)
        kafka = Kafka(home / "kafka", KAFKA.number())
        servers = ServerSet(kafka, Postgres(home / "postgres", POSTGRES.number()), Redis(home / "redis", REDIS.number()))
        programs = [program(service, servers.addresses) for service in SERVICES] if services else []
        # Outside the supervised start: on a fresh clone this takes a while, and no server should wait half-started for it.
        kafka_jars()
        names = ["kafka", "postgres", "redis", *(each.name for each in programs)]
        stream = LogStream(
            sys.stdout,
            names,
            on_closed=lambda: supervisor.stop(),  # noqa: PLW0108 - the supervisor is made below, from this stream
        )
        children = [*_server_children(kafka, servers, stream.line), *(ProgramChild(each, stream.line) for each in programs)]
        supervisor = Supervisor(children, stream, on_change=lambda: claim.record(_members(children)))
        stream.say(_table(home, servers, services=services))
        with _signals(supervisor.stop):
            return supervisor.run(lambda: stream.say(_ready(servers, services=services)))
    finally:
        claim.release()


def _server_children(kafka: Kafka, servers: ServerSet, on_line: OnLine) -> list[Child]:
    def make_topics() -> None:
        asyncio.run(ensure_topics(kafka.bootstrap, load_topics()))

    return [
        ServerChild("kafka", kafka, kafka.bootstrap, on_line, make_topics),
        ServerChild("postgres", servers.postgres, servers.postgres.dsn, on_line),
        ServerChild("redis", servers.redis, servers.redis.url, on_line),
    ]


def _members(children: Sequence[Child]) -> dict[str, Member]:
    members = ((child.name, Member.of(child.pid, child.where)) for child in children if child.pid is not None)
    return {name: member for name, member in members if member is not None}


@contextmanager
def _signals(stop: Callable[[], None]) -> Generator[None, None, None]:
    """SIGINT, SIGTERM and SIGHUP stop in order; a Ctrl-C a second later or more ends this process, and its children with it.

    One request to stop often arrives several times at once: from make, from a time-out, from the terminal that closes.
    """
    seen: list[float] = []

    def handle(number: int, _: object) -> None:
        if seen and number == signal.SIGINT and time.monotonic() > seen[0] + _IMPATIENT_AFTER_S:
            os._exit(128 + number)
        seen.append(time.monotonic())
        stop()

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _table(home: Path, servers: ServerSet, *, services: bool) -> str:
    rows = [
        ("kafka", servers.kafka.bootstrap, f"the log; {KAFKA.variable} moves it"),
        ("postgres", servers.postgres.dsn, f"the read models; {POSTGRES.variable} moves it"),
        ("redis", servers.redis.url, f"carries the change feed; {REDIS.variable} moves it"),
    ]
    if services:
        rows += [(each.name, f"http://127.0.0.1:{each.port.number()}", f"{each.what}; {each.port.variable} moves it") for each in SERVICES]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"  {name:<{widths[0]}}  {where:<{widths[1]}}  {what}" for name, where, what in rows]
    return "\n".join([f"devstack: starting, with data in {home} (Ctrl-C stops it, make reset wipes it)", *lines])


def _ready(servers: ServerSet, *, services: bool) -> str:
    age_s = time.time() - psutil.Process().create_time()  # noqa: TID251 - the kernel's start time of this process is wall time
    if not services:
        exports = "\n".join(f"export {name}={value}" for name, value in servers.addresses.environment().items())
        return f"devstack: ready after {age_s:.1f} s: the servers run; in another shell:\n{exports}"
    writes = next(each for each in SERVICES if each.name == "command-api").port.number()
    return f"devstack: ready after {age_s:.1f} s: the first live change can be made (POST http://127.0.0.1:{writes}/v1/incidents)"
