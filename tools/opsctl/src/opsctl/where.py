"""Where the servers are, as the environment says; the defaults are those of the development stack."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from opsctl.exits import Exit, Stop

KAFKA_VARIABLE, POSTGRES_VARIABLE, API_VARIABLE = "OPSROOM_KAFKA", "OPSROOM_POSTGRES", "OPSROOM_COMMAND_API_URL"
KAFKA_PORT, POSTGRES_PORT, API_PORT = "9392", "5442", "8401"
_BROKERS = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:,/\[\]]+):\d{1,5}(,(\[[0-9a-fA-F:]+\]|[^\s:,/\[\]]+):\d{1,5})*")


@dataclass(frozen=True, slots=True)
class Where:
    """Addresses. ``kafka`` is host:port, several with commas; ``postgres`` a URL, which may hold a password and is never shown; ``api`` is
    command-api's.
    """

    kafka: str
    postgres: str = field(repr=False)
    api: str = ""

    @classmethod
    def of(cls, kafka: str | None, postgres: str | None, env: Mapping[str, str] = os.environ, api: str | None = None) -> Where:
        """What was given, else the development stack's address. Raises Stop for what is no address."""
        where = cls(
            kafka or f"127.0.0.1:{env.get('OPSROOM_KAFKA_PORT') or KAFKA_PORT}",
            postgres or f"postgresql://postgres@127.0.0.1:{env.get('OPSROOM_POSTGRES_PORT') or POSTGRES_PORT}/postgres",
            (api or f"http://127.0.0.1:{env.get('OPSROOM_COMMAND_API_PORT') or API_PORT}").rstrip("/"),
        )
        if not _BROKERS.fullmatch(where.kafka):
            raise Stop(Exit.USAGE, f"{where.kafka!r} is no address of Kafka: set {KAFKA_VARIABLE} to host:port, several with commas")
        if not _is_dsn(where.postgres):
            raise Stop(Exit.USAGE, f"the address of Postgres is not like postgresql://user@host:port/name: set {POSTGRES_VARIABLE} to one")
        if not _is_http(where.api):
            raise Stop(Exit.USAGE, f"{where.api!r} is no address of command-api: set {API_VARIABLE} to one like http://127.0.0.1:8401")
        return where


def _is_http(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_dsn(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"postgres", "postgresql"} and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
