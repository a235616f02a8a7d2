"""A real Kafka broker: KRaft, alone or as one of a cluster, from Maven coordinates."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import StartFailed
from devstack.kafka_jars import kafka_jars
from devstack.managed import ManagedServer
from devstack.paths import PACKAGE
from devstack.ports import HOST, free_port
from devstack.process import ServerProcess

# Client-mode JIT, one collector thread: the broker is ready in 3 s and does not take both cores.
_JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms256m", "-Xmx512m", "-Xshare:auto", "-Djava.awt.headless=true")
# Size, correlation id, error code.
_ANSWER_HEAD = struct.Struct(">iih")
_CLUSTER_ID = "b3Bzcm9vbS1kZXZzdGFjaw"
_PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=BROKER://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=BROKER://{host}:{port}
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor={copies}
min.insync.replicas={in_sync}
unclean.leader.election.enable=false
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=2
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.segment.delete.delay.ms=1000
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
background.threads=2
log.cleaner.dedupe.buffer.size=4194304
broker.heartbeat.interval.ms=300
broker.session.timeout.ms=3000
initial.broker.registration.timeout.ms=30000
"""


@dataclass(frozen=True, slots=True)
class Quorum:
    """A broker's place in a cluster: its node id, and the controller's port of every node, its own too. Fixed for the cluster's life."""

    node: int
    controllers: Mapping[int, int]

    @property
    def voters(self) -> str:
        return ",".join(f"{node}@{HOST}:{port}" for node, port in sorted(self.controllers.items()))

    @property
    def copies(self) -> int:
        """How many brokers hold each partition."""
        return min(3, len(self.controllers))

    @property
    def in_sync(self) -> int:
        """How many of them must have a batch before it is acknowledged (R9)."""
        return max(1, self.copies - 1)


class Kafka(ManagedServer):
    """One broker with its data in ``folder``. Topics are only made on purpose; loopback only, no authentication.

    Without a ``quorum`` it is alone. With one it becomes ready only together with the majority of the others.
    """

    def __init__(self, folder: Path, port: int | None = None, quorum: Quorum | None = None) -> None:
        super().__init__(folder, port, ServerProcess("kafka" if quorum is None else f"kafka-{quorum.node}", folder / "kafka.log"))
        self._quorum = quorum

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"{HOST}:{self.port}"

    def start(self, timeout_s: float = 60.0) -> None:
        """Start the broker, on the data of its last run if there is any; return when it answers. Raises StartFailed."""
        if self.pid is not None:
            return
        java = ["java", *_JVM, f"-Dlog4j2.configurationFile={PACKAGE / 'kafka' / 'log4j2.xml'}", "-cp", f"{kafka_jars()}/*"]
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        properties = self._folder / "server.properties"
        properties.write_text(self._properties(data))
        if not (data / "meta.properties").exists():
            self._format([*java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(properties)])
        self._process.start([*java, "kafka.Kafka", str(properties)], self._answers, timeout_s, cwd=self._folder)

    def _properties(self, data: Path) -> str:
        # Alone, the controller's port is this broker's own affair: a new one each time.
        quorum = self._quorum or Quorum(1, {1: free_port()})
        return _PROPERTIES.format(
            host=HOST,
            port=self.port,
            node=quorum.node,
            controller=quorum.controllers[quorum.node],
            voters=quorum.voters,
            copies=quorum.copies,
            in_sync=quorum.in_sync,
            data=data,
        )

    def _format(self, argv: list[str]) -> None:
        result = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            raise StartFailed(
                f"kafka: its storage could not be formatted in {self._folder}: {(result.stdout + result.stderr).strip()[-2000:]}"
            )

    def _answers(self) -> bool:
        # ApiVersions, version 0: the broker handles requests only once its controller has let it in.
        body = struct.pack(">hhih", 18, 0, 1, 8) + b"devstack"
        try:
            with socket.create_connection((HOST, self.port), timeout=1.0) as connection:
                connection.settimeout(2.0)
                connection.sendall(struct.pack(">i", len(body)) + body)
                answer = connection.recv(_ANSWER_HEAD.size)
        except OSError:
            return False
        return len(answer) == _ANSWER_HEAD.size and _ANSWER_HEAD.unpack(answer)[2] == 0
