"""Nobody is shown the past of what they may not see now, nor, in a list or a detail, what they might not see then."""

from __future__ import annotations

import httpx
import pytest
from services.projector.tests.log_book import ACTOR, LogBook
from services.projector.tests.projecting import Projecting

from opsroom_common.feed.memory import MemoryFeedCarrier
from opsroom_common.postgres.pool import Pool
from opsroom_domain.entities.incident import ChangeVisibility
from opsroom_domain.ids import EntityId
from opsroom_domain.shared.words import Visibility
from opsroom_domain.times import rfc3339
from projector.session import Limits


@pytest.fixture(autouse=True)
def _a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a rule about visibility would say it: the only place that knows one is ``visible``, which lets everybody see everything today."""
    for module in ("store", "rows"):
        monkeypatch.setattr(f"gateway_ws.past.{module}.visible", lambda *_: " AND e.terms @> '{visibility:everyone}'")


def _seen(book: LogBook, entity_id: EntityId, was: Visibility, now: Visibility) -> None:
    book.clock.advance(1)
    book.apply(entity_id, ChangeVisibility(at=book.clock.now(), by=ACTOR, seen=was, visibility=now))


async def test_the_past_of_what_may_not_be_seen_now_or_might_not_then_is_not_shown(pool: Pool, door: httpx.AsyncClient) -> None:
    book = LogBook(partitions=1)
    hidden_later, hidden_once, open_always = book.open("later"), book.open("once"), book.open("always")
    _seen(book, hidden_once, Visibility.EVERYONE, Visibility.TEAM)
    book.clock.advance(1)
    moment = rfc3339(book.clock.now())
    _seen(book, hidden_once, Visibility.TEAM, Visibility.EVERYONE)
    _seen(book, hidden_later, Visibility.EVERYONE, Visibility.TEAM)
    await Projecting(book.log, pool, MemoryFeedCarrier(), Limits()).until_current()

    async def get(path: str, **parameters: str) -> httpx.Response:
        return await door.get(path, params=parameters)

    for sort in ("-updated", "title"):
        listed = (await get("/v1/incidents", as_of=moment, sort=sort)).json()["items"]
        assert [row["id"] for row in listed] == [open_always]
    assert (await get("/v1/incidents/facets", as_of=moment)).json()["total"]["count"] == 1
    exported = await get("/v1/incidents:export", as_of=moment, format="ndjson")
    assert len(exported.content.splitlines()) == 1
    for path in ("", "/history", "/timeline", "/comments"):
        assert (await get(f"/v1/incidents/{hidden_later}{path}", as_of=moment)).status_code == 404
        assert (await get(f"/v1/incidents/{open_always}{path}", as_of=moment)).status_code == 200
    for asked in ({"as_of": moment}, {"version": "2"}):
        answer = await get(f"/v1/incidents/{hidden_once}", **asked)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    told = {item["id"] for item in (await get("/v1/activity")).json()["items"]}
    assert told == {hidden_once, open_always}
