"""What can be asked of an auction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from opsroom_domain.ids import EntityId
from opsroom_domain.shared.commands import COMMANDS as SHARED_COMMANDS
from opsroom_domain.shared.commands import CommandBase, SharedCommand
from opsroom_domain.shared.words import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(CommandBase):
    """``extension_window_s`` 0: the end never moves."""

    auction_id: EntityId
    title: str
    description: str = ""
    currency: str
    opening_price: Decimal
    step: Decimal
    reserve: Decimal | None = None
    starts_at: datetime
    ends_at: datetime
    extension_window_s: int = 0
    extension_s: int = 0
    extensions_max: int = 0
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(CommandBase):
    """Say that the start has come, for boards; no rule waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceBid(CommandBase):
    """``bid_id`` is derived from the command's id. ``raise_own``: whoever leads raises their own bid on purpose."""

    bid_id: str
    amount: Decimal
    currency: str
    raise_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(CommandBase):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(CommandBase):
    reason: str


Command: TypeAlias = SharedCommand | Schedule | Open | PlaceBid | Close | Cancel
"""Every command of an auction."""

COMMANDS: Mapping[str, type[Command]] = {
    **SHARED_COMMANDS,
    "schedule": Schedule,
    "open": Open,
    "place_bid": PlaceBid,
    "close": Close,
    "cancel": Cancel,
}
"""Name in logs, metrics and permissions -> class."""
