"""Settings from the environment. What all services share has no prefix of its own; the rest is ``OPSROOM_GATEWAY_…``."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Each has a default that fits ``make up``; secrets have none."""

    model_config = SettingsConfigDict(env_prefix="OPSROOM_GATEWAY_", frozen=True, extra="ignore", populate_by_name=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8402, ge=0, le=65535)
    postgres: str = Field(validation_alias=AliasChoices("OPSROOM_POSTGRES", "postgres"))
    redis: str = Field(validation_alias=AliasChoices("OPSROOM_REDIS", "redis"))
    dev_identity: str | None = Field(default=None, validation_alias=AliasChoices("OPSROOM_DEV_IDENTITY", "dev_identity"))
    log_level: str = Field(default="INFO", validation_alias=AliasChoices("OPSROOM_LOG_LEVEL", "log_level"))
    allowed_origins: str = ""
    """Comma-separated, like ``http://localhost:3000``: pages from elsewhere that may open a socket. The gateway's own host always may."""
    wait_for_s_max: float = Field(default=5.0, ge=0, le=30)
    """How long a query with ``wait_for`` waits for the rows."""
    postgres_connections: int = Field(default=8, ge=2, le=100)
    connections_max: int = Field(default=10_000, ge=1)
    ping_interval_s: float = Field(default=25.0, gt=0, le=3600)
    pong_timeout_s: float = Field(default=10.0, gt=0, le=3600)
    connect_timeout_s: float = Field(default=10.0, gt=0, le=3600)
    close_timeout_s: float = Field(default=5.0, gt=0, le=6)
    """How long a close frame may wait behind a client that does not read."""
    outbox_bytes_max: int = Field(default=4 * 1024 * 1024, ge=64 * 1024)
    ring_bytes_max: int = Field(default=64 * 1024 * 1024, ge=0)
    ring_age_s_max: float = Field(default=300.0, gt=0)
    """Longer than two pings, or a quiet subscription's last mark falls off."""
    feed_verify_s: float = Field(default=1.0, gt=0, le=60)
    """Between two looks at the feed's table while Redis is fine."""
    drain_s: float = Field(default=4.0, ge=0, le=6)
    """Over which connections are sent elsewhere at the stop; the whole stop takes at most 10 s."""

    @property
    def origins(self) -> frozenset[str]:
        return frozenset(origin.strip() for origin in self.allowed_origins.split(",") if origin.strip())
