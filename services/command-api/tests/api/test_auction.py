"""An auction over HTTP: every command once, and every refusal with its status and what a bidder is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ..house import House, fields, house, is_problem

OPEN_S, LENGTH_S = 60, 600


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h


async def scheduled(room: House, **other: Any) -> str:
    """The address of a new auction that starts in a minute and lasts ten."""
    auction_id, now = room.ids.entity_id("auc"), room.clock.now()
    terms = {
        "id": auction_id,
        "title": "A rack",
        "currency": "EUR",
        "opening_price": "100",
        "step": "2.5",
        "reserve": "120.00",
        "starts_at": (now + timedelta(seconds=OPEN_S)).isoformat(),
        "ends_at": (now + timedelta(seconds=OPEN_S + LENGTH_S)).isoformat(),
    }
    answer = await room.post("/v1/auctions", terms | other)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def bid(room: House, at: str, amount: str, who: str = "usr_ann", **more: object) -> httpx.Response:
    body = {"amount": amount, "currency": "EUR"} | more
    return await room.post(f"{at}/bids", body, X_Dev_Actor=who, X_Dev_Role="operator")


def row(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()["entities"][0]["row"]


async def test_a_whole_life_goes_through_the_doors(room: House) -> None:
    at = await scheduled(room, extension_window_s=30, extension_s=60, extensions_max=1)
    room.clock.advance(OPEN_S)
    assert row(await room.post(f"{at}/open", {}))["status"] == "open"
    assert row(await bid(room, at, "100"))["current_price"] == "100.00"
    assert row(await bid(room, at, "121", raise_own=True))["reserve_met"] is True
    room.clock.advance(LENGTH_S - 1)
    late = row(await bid(room, at, "123.50", "usr_ben"))
    assert (late["extensions"], late["bid_count"], late["least_bid"]) == (1, 3, "126.00")
    room.clock.advance(LENGTH_S)
    closed = row(await room.post(f"{at}/close", {}))
    assert (closed["result"], closed["winner"], closed["price"]) == ("sold", "usr_ben", "123.50")
    assert row(await room.post(f"{at}/comments", {"text": "Well done"}))["comments"]
    expected = ["scheduled", "opened", "bid_placed", "bid_placed", "bid_placed", "extended", "closed", "comment_added"]
    assert room.types() == expected


async def test_it_is_cancelled_by_an_admin_only(room: House) -> None:
    at = await scheduled(room)
    refused = await room.post(f"{at}/cancel", {"reason": "I lose"}, X_Dev_Role="operator")
    assert is_problem(refused, 403, "role-missing")["roles"] == ["admin"]
    assert row(await room.post(f"{at}/cancel", {"reason": "It broke"}))["status"] == "cancelled"
    is_problem(await room.post(f"{at}/cancel", {"reason": " "}), 422, "blank")
    is_problem(await room.post(f"{at}/cancel", {"reason": "Another"}), 409, "auction-ended")


async def test_a_viewer_cannot_bid(room: House) -> None:
    at = await scheduled(room)
    refused = await room.post(f"{at}/bids", {"amount": "100", "currency": "EUR"}, X_Dev_Role="viewer")
    assert is_problem(refused, 403, "role-missing")["roles"] == ["operator", "admin"]


async def test_every_refused_bidder_is_told_price_least_bid_and_end(room: House) -> None:
    at = await scheduled(room)
    ends_at = row(await room.post(f"{at}/labels", {"add": ["x"]}))["ends_at"]
    told = {"currency": "EUR", "ends_at": ends_at, "current_price": None, "highest_bidder": None, "least_bid": "100.00"}

    def refused(answer: httpx.Response, http: int, code: str, **now: Any) -> None:
        body = is_problem(answer, http, code)
        assert body["details"].items() >= (told | now).items()
        assert body["applied"] is False
        assert ends_at in body["detail"]
        assert "120.00" not in answer.text, "the reserve is nobody's business"

    refused(await bid(room, at, "100"), 409, "auction-not-started", status="scheduled")
    room.clock.advance(OPEN_S)
    refused(await bid(room, at, "99.99"), 409, "bid-too-low")
    refused(await bid(room, at, "100.001"), 422, "bad-amount")
    refused(await bid(room, at, "100", currency="USD"), 422, "wrong-currency")
    refused(await bid(room, at, "100", currency="XXX"), 422, "unknown-currency")
    await bid(room, at, "100")
    now = {"current_price": "100.00", "highest_bidder": "usr_ann", "least_bid": "102.50"}
    refused(await bid(room, at, "200"), 409, "already-leading", **now)
    refused(await bid(room, at, "102.49", "usr_ben"), 409, "bid-too-low", **now)
    room.clock.advance(LENGTH_S)
    refused(await bid(room, at, "200", "usr_ben"), 409, "auction-over", **now)
    await room.post(f"{at}/close", {})
    refused(await bid(room, at, "200", "usr_ben"), 409, "auction-ended", **now | {"least_bid": None, "status": "closed"})


async def test_a_close_before_the_end_is_told_when(room: House) -> None:
    at = await scheduled(room)
    is_problem(await room.post(f"{at}/open", {}), 409, "auction-not-started")
    body = is_problem(await room.post(f"{at}/close", {}), 409, "auction-not-over")
    assert body["details"]["ends_at"] in body["detail"]


async def test_a_repeated_bid_counts_once(room: House) -> None:
    at, key = await scheduled(room), room.ids.uuid7()
    room.clock.advance(OPEN_S)
    body = {"amount": "100", "currency": "EUR"}
    first, again = [await room.post(f"{at}/bids", body, key=key) for _ in range(2)]
    assert (first.json()["replayed"], again.json()["replayed"]) == (False, True)
    assert row(again)["bid_count"] == 1


@pytest.mark.parametrize("amount", [100, 100.5, "1e2", "-1", "+1", " 1", "01", "1.", ".5", "1.00000", "9" * 16, "NaN", "", None])
async def test_an_amount_that_is_no_text_of_digits_is_refused(room: House, amount: object) -> None:
    at = await scheduled(room)
    problem = is_problem(await room.post(f"{at}/bids", {"amount": amount, "currency": "EUR"}), 400, "invalid-request")
    assert fields(problem) == ["amount"]


@pytest.mark.parametrize(
    ("other", "status", "code"),
    [
        ({"currency": "eur"}, 400, "invalid-request"),
        ({"starts_at": "2026-11-22T12:00:00"}, 400, "invalid-request"),
        ({"extensions_max": -1}, 400, "invalid-request"),
        ({"id": "inc_01kb3f9ph0e5wrt8z2v6q4n7xd"}, 400, "invalid-request"),
        ({"reserve": "1"}, 422, "bad-terms"),
        ({"step": "0"}, 422, "bad-terms"),
        ({"extensions_max": 3}, 422, "bad-terms"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, 422, "bad-terms"),
        ({"title": ""}, 422, "blank"),
    ],
)
async def test_wrong_terms_are_refused(room: House, other: dict[str, Any], status: int, code: str) -> None:
    terms = {
        "id": room.ids.entity_id("auc"),
        "title": "A rack",
        "currency": "EUR",
        "opening_price": "100",
        "step": "2.5",
        "starts_at": "2027-01-01T00:00:00+02:00",
        "ends_at": "2027-01-02T00:00:00Z",
    }
    is_problem(await room.post("/v1/auctions", terms | other), status, code)
    assert row(await room.post("/v1/auctions", terms))["starts_at"] == "2026-12-31T22:00:00.000000Z"


async def test_what_is_bid_on_cannot_be_edited_any_more(room: House) -> None:
    at = await scheduled(room)
    assert row(await room.post(at, {"changes": {"title": {"seen": "A rack", "to": "Two racks"}}}))["title"] == "Two racks"
    room.clock.advance(OPEN_S)
    is_problem(await room.post(at, {"changes": {"title": {"seen": "Two racks", "to": "A rack"}}}), 409, "auction-started")
