"""What the stack consists of: the one table of servers and services, their ports, and the variables that change them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.children import Program
from devstack.errors import DevstackError, PortTaken
from devstack.ports import HOST, is_free
from devstack.servers import Addresses

_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Port:
    """A port that the stack listens on, and the environment variable that moves it."""

    owner: str
    variable: str
    default: int

    def number(self, env: Mapping[str, str] = os.environ) -> int:
        """The port in ``env``, else the default. Raises DevstackError when it is no port."""
        text = env.get(self.variable) or str(self.default)
        if not text.isdecimal() or not 0 < int(text) <= _PORT_MAX:
            raise DevstackError(f"{self.variable}={text} is no port: set it to a number from 1 to {_PORT_MAX}, or unset it")
        return int(text)


KAFKA = Port("kafka", "OPSROOM_KAFKA_PORT", 9392)
POSTGRES = Port("postgres", "OPSROOM_POSTGRES_PORT", 5442)
REDIS = Port("redis", "OPSROOM_REDIS_PORT", 6399)
SERVER_PORTS = (KAFKA, POSTGRES, REDIS)


@dataclass(frozen=True, slots=True)
class Service:
    """A service: its console script, its port, and after whom it starts. All are ready when ``/readyz`` answers 200."""

    name: str
    port: Port
    what: str
    needs: tuple[str, ...]


_SERVERS = ("kafka", "postgres", "redis")
SERVICES = (
    Service("projector", Port("projector", "OPSROOM_PROJECTOR_PORT", 8403), "health and metrics", _SERVERS),
    Service("command-api", Port("command-api", "OPSROOM_COMMAND_API_PORT", 8401), "writes: POST /v1/incidents", (*_SERVERS, "projector")),
    Service(
        "gateway-ws",
        Port("gateway-ws", "OPSROOM_GATEWAY_PORT", 8402),
        "reads, and live on ws /connection/websocket",
        (*_SERVERS, "projector"),
    ),
)
DEVELOPER = "usr_dev:admin"
"""Who the services take a caller for, on loopback only, until real authentication is there."""


def check_ports(ports: tuple[Port, ...]) -> None:
    """Raises PortTaken, naming every port that another process holds and the variable that moves ours."""
    numbers = [(port, port.number()) for port in ports]
    for port, number in numbers:
        for other, same in numbers:
            if other is not port and same == number:
                raise DevstackError(f"{port.variable} and {other.variable} are both {number}: give one of them another port")
    taken = [
        f"port {number} ({port.owner}) is taken: end who holds it, or set {port.variable}"
        for port, number in numbers
        if not is_free(number)
    ]
    if taken:
        raise PortTaken("; ".join(taken))


def program(service: Service, addresses: Addresses) -> Program:
    """How ``service`` is run. Raises DevstackError when its console script is not installed."""
    script = Path(sys.executable).parent / service.name
    if not script.exists():
        raise DevstackError(f"{service.name} is not installed in this environment: run make install")
    port = service.port.number()
    env = {
        **addresses.environment(),
        **{each.port.variable: str(each.port.number()) for each in SERVICES},
        "OPSROOM_DEV_IDENTITY": os.environ.get("OPSROOM_DEV_IDENTITY", DEVELOPER),
        "PYTHONUNBUFFERED": "1",
    }
    base = f"http://{HOST}:{port}"
    return Program(service.name, [str(script)], env, service.needs, base, f"{base}/readyz")
