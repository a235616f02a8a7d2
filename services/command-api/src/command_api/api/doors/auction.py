"""The doors of an auction. An amount is a text, because a JSON number is a float for most who read it."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, create, post
from command_api.api.doors.shared import shared_doors
from opsroom_common.http.json import StrictBody
from opsroom_common.runtime.ids import type_id
from opsroom_domain.entities import auction as auc
from opsroom_domain.ids import CommandId
from opsroom_domain.shared.words import Visibility

KIND = "auction"
BID_PREFIX = "bid"
AuctionId = Annotated[str, AfterValidator(b.id_with("auc", "an auction id")), Field(examples=["auc_01kb3f9ph0e5wrt8z2v6q4n7xd"])]
Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$"), Field(examples=["120.50"])]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["EUR"])]
_SECONDS_MAX = 2**31 - 1


class AuctionScheduleBody(StrictBody):
    """The terms, which never change. A bid in the last ``extension_window_s`` seconds moves the end by ``extension_s`` seconds."""

    id: AuctionId = Field(description="Minted by the client, so that a retried create finds itself.")
    title: str
    description: str = ""
    currency: Currency = Field(description="ISO 4217; all amounts are in it.")
    opening_price: Amount
    step: Amount = Field(description="How much higher the next bid is at least.")
    reserve: Amount | None = Field(default=None, description="Below it the best bid wins nothing. Confidential.")
    starts_at: b.Instant
    ends_at: b.Instant
    extension_window_s: int = Field(default=0, ge=0, le=_SECONDS_MAX)
    extension_s: int = Field(default=0, ge=0, le=_SECONDS_MAX)
    extensions_max: int = Field(default=0, ge=0, le=_SECONDS_MAX)
    labels: tuple[str, ...] = ()
    visibility: Visibility = Visibility.EVERYONE
    team: b.TeamId | None = None


class AuctionOpenBody(b.Body):
    pass


class BidBody(b.Body):
    amount: Amount
    currency: Currency
    raise_own: bool = Field(default=False, description="Whoever leads raises their own bid, on purpose.")


class AuctionCloseBody(b.Body):
    pass


class AuctionCancelBody(b.Body):
    reason: str


def bid_id_of(command_id: CommandId) -> str:
    """A bid takes its id from the command that places it, so that a repeated command places no second bid."""
    return type_id(BID_PREFIX, command_id)


def _schedule(a: Asked, x: AuctionScheduleBody) -> auc.Schedule:
    return auc.Schedule(
        **a.common,
        auction_id=a.entity_id,
        title=x.title,
        description=x.description,
        currency=x.currency,
        opening_price=Decimal(x.opening_price),
        step=Decimal(x.step),
        reserve=None if x.reserve is None else Decimal(x.reserve),
        starts_at=x.starts_at.astimezone(UTC),
        ends_at=x.ends_at.astimezone(UTC),
        extension_window_s=x.extension_window_s,
        extension_s=x.extension_s,
        extensions_max=x.extensions_max,
        labels=x.labels,
        visibility=x.visibility,
        team=x.team,
    )


def _bid(a: Asked, x: BidBody) -> auc.PlaceBid:
    return auc.PlaceBid(**a.common, bid_id=bid_id_of(a.command_id), amount=Decimal(x.amount), currency=x.currency, raise_own=x.raise_own)


DOORS: tuple[Door[Any], ...] = (
    *shared_doors(KIND),
    create(KIND, "schedule", AuctionScheduleBody, _schedule, "Schedule an auction"),
    post(KIND, "open", "open", AuctionOpenBody, lambda a, _: auc.Open(**a.common), "Say that the start has come; no bid waits for it"),
    post(KIND, "place_bid", "bids", BidBody, _bid, "Bid; a refusal tells the price, the least next bid and the end"),
    post(KIND, "close", "close", AuctionCloseBody, lambda a, _: auc.Close(**a.common), "Close it once it is over"),
    post(KIND, "cancel", "cancel", AuctionCancelBody, lambda a, x: auc.Cancel(**a.common, reason=x.reason), "Cancel it before its end"),
)
