"""Settings from the environment. What all services share has no prefix of its own; the rest is ``OPSROOM_GATEWAY_…``."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each has a default that fits ``make up``; secrets have none.

    What stands below each field is its meaning in ``docs/reference/settings.md``.
    """

    model_config = SettingsConfigDict(
        env_prefix="OPSROOM_GATEWAY_", frozen=True, extra="ignore", populate_by_name=True, use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = Field(default=8402, ge=0, le=65535)
    """The port to listen on; 0 takes a free one."""
    postgres: str = Field(validation_alias="OPSROOM_POSTGRES")
    """The primary's ``postgresql://`` address. It may hold a password."""
    redis: str = Field(validation_alias="OPSROOM_REDIS")
    """The ``redis://`` address. It may hold a password."""
    dev_identity: str | None = Field(default=None, validation_alias="OPSROOM_DEV_IDENTITY")
    """``ACTOR:ROLE`` of everyone, like ``usr_dev:admin``; local development only. The service refuses to start with it unless it listens on loopback."""
    log_level: str = Field(default="INFO", validation_alias="OPSROOM_LOG_LEVEL")
    """``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``."""
    allowed_origins: str = ""
    """Comma-separated, like ``http://localhost:3000``: pages from elsewhere that may open a socket. The gateway's own host always may."""
    wait_for_s_max: float = Field(default=5.0, ge=0, le=30)
    """How long a query with ``wait_for`` waits for the rows."""
    postgres_connections: int = Field(default=8, ge=2, le=100)
    """Connections to Postgres, at most."""
    exports_max: int = Field(default=2, ge=1, le=20)
    """Exports at once, each with a connection to Postgres; the next one waits 5 s and is then told 503."""
    connections_max: int = Field(default=10_000, ge=1)
    """Sockets at once; the next one is told 503."""
    ping_interval_s: float = Field(default=25.0, gt=0, le=3600)
    """Between two pings to a client."""
    pong_timeout_s: float = Field(default=10.0, gt=0, le=3600)
    """A client that does not answer a ping for this long is closed with 3012."""
    connect_timeout_s: float = Field(default=10.0, gt=0, le=3600)
    """A client that has sent no connect command for this long is closed with 3502."""
    close_timeout_s: float = Field(default=5.0, gt=0, le=6)
    """How long a close frame may wait behind a client that does not read."""
    outbox_bytes_max: int = Field(default=4 * 1024 * 1024, ge=64 * 1024)
    """What may wait for one slow client; beyond it the client is closed with 3008."""
    ring_bytes_max: int = Field(default=64 * 1024 * 1024, ge=0)
    """Memory for the recent past of the feed, from which reconnecting clients recover."""
    ring_age_s_max: float = Field(default=300.0, gt=0)
    """How far back that past reaches at most. Longer than two pings, or a quiet subscription's last mark falls off."""
    feed_verify_s: float = Field(default=1.0, gt=0, le=60)
    """Between two looks at the feed's table while Redis is fine."""
    resyncs_per_s: float = Field(default=500.0, gt=0)
    """When the feed begins a new epoch, about so many connections a second are told to take a fresh snapshot; all within ten seconds."""
    drain_s: float = Field(default=4.0, ge=0, le=6)
    """Over which connections are sent elsewhere at the stop; the whole stop takes at most 10 s."""

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(origin.strip() for origin in self.allowed_origins.split(",") if origin.strip())
