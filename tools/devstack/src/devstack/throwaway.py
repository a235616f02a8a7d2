"""A whole stack for a test or a benchmark: servers without fsync and services as real processes, on free ports, in a folder of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

from devstack.ports import HOST, free_port
from devstack.process import ServerProcess
from devstack.servers import ServerSet
from devstack.table import DEVELOPER, SERVICES, Service
from devstack.topics import ensure_topics
from opsroom_common.contracts.topics import load_topics

READY_WITHIN_S = 60.0
_HTTP_OK = 200
_COMMAND_API = "command-api"


@dataclass(slots=True)
class RunningService:
    """One service as a process: it can be stopped, killed, paused and started again on the same port.

    ``name`` is its own, ``script`` what it runs: several replicas run the same. A change of ``env`` counts from the next start on.
    """

    name: str
    script: str
    port: int
    process: ServerProcess
    env: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Return once ``/readyz`` answers 200. Raises StartFailed with the last lines of its log."""
        script = Path(sys.executable).parent / self.script
        self.process.start([str(script)], self.ready, READY_WITHIN_S, env=self.env)

    def ready(self) -> bool:
        """Whether ``/readyz`` answers 200 now."""
        with suppress(URLError, OSError), urlopen(f"{self.url}/readyz", timeout=2.0) as answer:  # noqa: S310 - loopback http
            return bool(answer.status == _HTTP_OK)
        return False

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after ten seconds."""
        self.process.stop()

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and says nothing."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        self.process.resume()


class ThrowawayStack:
    """Everything of ``make up`` on free ports. As a context manager: all run inside the block, none after it.

    ``services`` chooses which services start; ``env`` is added to theirs. ``durable`` keeps Postgres' fsync on (for benchmarks).
    ``replicas`` is the number of command-apis, ``brokers`` that of Kafka's brokers (three make a cluster).
    """

    def __init__(
        self,
        folder: Path,
        *,
        services: tuple[str, ...] | None = None,
        env: Mapping[str, str] | None = None,
        durable: bool = False,
        replicas: int = 1,
        brokers: int = 1,
    ) -> None:
        self.folder = folder
        self.servers = ServerSet.throwaway(folder, brokers=brokers)
        if durable:
            self.servers = ServerSet(self.servers.kafka, type(self.servers.postgres)(folder / "postgres"), self.servers.redis)
        wanted = [each for each in SERVICES if services is None or each.name in services]
        ports = {each.name: free_port() for each in wanted}
        shared = {
            "OPSROOM_DEV_IDENTITY": DEVELOPER,
            "OPSROOM_COMMAND_API_PEER_SECRET": os.urandom(16).hex(),
            "PYTHONUNBUFFERED": "1",
            **{each.port.variable: str(ports[each.name]) for each in wanted},
            **(env or {}),
        }
        self.services = {each.name: self._service(each, each.name, ports[each.name], shared) for each in wanted}
        for number in range(2, replicas + 1):
            self._add_replica(f"{_COMMAND_API}-{number}", shared)

    def _service(self, service: Service, name: str, port: int, env: Mapping[str, str]) -> RunningService:
        return RunningService(name, service.name, port, ServerProcess(name, self.folder / f"{name}.log"), env)

    def _add_replica(self, name: str, shared: Mapping[str, str]) -> None:
        service, port = next(each for each in SERVICES if each.name == _COMMAND_API), free_port()
        env = {**shared, service.port.variable: str(port), "OPSROOM_COMMAND_API_REPLICA": name}
        self.services[name] = self._service(service, name, port, env)

    @property
    def command_api(self) -> RunningService:
        return self.services[_COMMAND_API]

    @property
    def replicas(self) -> tuple[RunningService, ...]:
        """Every command-api, the first one first."""
        return tuple(each for each in self.services.values() if each.script == _COMMAND_API)

    @property
    def projector(self) -> RunningService:
        return self.services["projector"]

    @property
    def gateway(self) -> RunningService:
        return self.services["gateway-ws"]

    @property
    def env(self) -> dict[str, str]:
        """The variables by which a tool finds this stack."""
        # The first replica's variables count: it was added before the others.
        ports = {variable: value for service in reversed(self.services.values()) for variable, value in service.env.items()}
        return {**self.servers.addresses.environment(), **ports}

    def start(self) -> None:
        """Start servers, topics, projector, then the others. Raises StartFailed with nothing left running."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self.servers.start()
            asyncio.run(ensure_topics(self.servers.kafka.bootstrap, load_topics()))
            addresses = self.servers.addresses.environment()
            for service in self.services.values():
                service.env = {**service.env, **addresses}
            with ThreadPoolExecutor(len(self.services) or 1) as pool:
                for started in [pool.submit(service.start) for service in self.services.values()]:
                    started.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the services, then the servers."""
        for service in reversed(self.services.values()):
            with suppress(OSError):
                service.stop()
        self.servers.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
