"""The projector's settings, from the environment."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """``OPSROOM_PROJECTOR_*``, and the addresses that all services share. Addresses have no defaults.

    What stands below each field is its meaning in ``docs/reference/settings.md``.
    """

    model_config = SettingsConfigDict(env_prefix="OPSROOM_PROJECTOR_", extra="ignore", populate_by_name=True, use_attribute_docstrings=True)

    kafka: str = Field(validation_alias="OPSROOM_KAFKA")
    """Kafka's brokers: ``host:port``, several with commas."""
    postgres: str = Field(validation_alias="OPSROOM_POSTGRES")
    """The primary's ``postgresql://`` address. It may hold a password."""
    redis: str = Field(validation_alias="OPSROOM_REDIS")
    """The ``redis://`` address. It may hold a password."""
    log_level: str = Field(default="INFO", validation_alias="OPSROOM_LOG_LEVEL")
    """``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = Field(default=8403, ge=0, le=65535)
    """The port of ``/healthz``, ``/readyz`` and ``/metrics``; 0 takes a free one."""
    batch_records: int = Field(default=500, ge=1, le=5_000)
    """Records in one statement."""
    entities: int = Field(default=10_000, ge=100, le=1_000_000)
    """Folded entities that stay in memory."""
    feed_entries: int = Field(default=100_000, ge=1_000, le=10_000_000)
    """Entries that the feed's table keeps: how far back a reconnecting gateway can recover."""
    carrier_entries: int = Field(default=20_000, ge=1_000, le=1_000_000)
    """Entries that Redis keeps, about."""
    stall_after_s: float = Field(default=30.0, gt=0)
    """Lag without progress for this long makes ``/healthz`` unhealthy."""
