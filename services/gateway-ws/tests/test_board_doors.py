"""Counts, exports, comments, short codes and what is set aside, over HTTP on a real Postgres."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from gateway_harness import RunningGateway, StartGateway, TestProjector, incident_id, until

from gateway_ws.queries import counting, source
from gateway_ws.queries.codes import longer_codes
from gateway_ws.queries.export import cell
from gateway_ws.queries.models import CodeAmbiguous, CodeFound, Comments, FacetsShown, ParkedList
from opsroom_domain.changes import hash_of
from opsroom_domain.entities.incident import CommentAdded, CommentDeleted, CommentEdited, Severity
from opsroom_domain.entities.view import View
from opsroom_domain.entities.view.definition import Definition, FilterOn, Scope
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.registry import KINDS


@pytest.fixture
async def gateway(start_gateway: StartGateway, projector: TestProjector) -> RunningGateway:
    return await start_gateway()


async def facets(gateway: RunningGateway, *names: str, **filters: Any) -> dict[str, Any]:
    answer = await gateway.get("/v1/incidents/facets", facet=list(names), **filters)
    assert answer.status_code == 200, answer.text
    FacetsShown.model_validate_json(answer.content)
    return answer.json()


def counts(body: dict[str, Any], name: str) -> dict[str, int]:
    return {one["value"]: one["count"] for one in body["facets"][name]["values"]}


async def some(projector: TestProjector) -> None:
    for number in range(12):
        await projector.opened(
            number, severity=list(Severity)[number % 3], labels=("env=prod", f"n={number}") if number % 2 else (), title=f"word {number}"
        )
    for number in (0, 1, 2):
        await projector.acknowledged(number)


async def test_facets_count_what_each_choice_would_show(gateway: RunningGateway, projector: TestProjector):
    await some(projector)
    body = await facets(gateway, "status", "severity", "label", "assignee", status="open", severity="sev1")
    assert body["total"] == {"count": 3, "exact": True, "shown": "3"}
    assert counts(body, "status") == {"open": 3, "acknowledged": 1, "investigating": 0, "mitigated": 0, "resolved": 0, "merged": 0}
    assert counts(body, "severity") == {"sev1": 3, "sev2": 3, "sev3": 3, "sev4": 0, "sev5": 0}
    assert counts(body, "label") == {"env=prod": 2, "n=3": 1, "n=9": 1}
    assert body["facets"]["assignee"] == {"values": [], "complete": True}
    for value, number in counts(body, "status").items():
        found = (await gateway.get("/v1/incidents", status=value, severity="sev1")).json()["items"]
        assert len(found) == number
    searched = await facets(gateway, "status", "label", q="word 1")
    assert counts(searched, "status")["open"] == 2
    assert counts(searched, "label") == {"env=prod": 2, "n=1": 1, "n=11": 1}


async def test_above_the_limit_a_count_says_that_there_are_more(
    gateway: RunningGateway, projector: TestProjector, monkeypatch: pytest.MonkeyPatch
):
    await some(projector)
    monkeypatch.setattr(counting, "COUNT_MAX", 3)
    monkeypatch.setattr(counting, "_MOST", 4)
    monkeypatch.setattr(counting, "VALUES_MAX", 2)
    body = await facets(gateway, "severity", "label", "status")
    assert body["total"] == {"count": 3, "exact": False, "shown": "3+"}
    assert {one["shown"] for one in body["facets"]["severity"]["values"]} == {"3+", "0"}
    assert body["facets"]["label"]["complete"] is False
    assert len(body["facets"]["label"]["values"]) == 2
    status = {one["value"]: one["shown"] for one in body["facets"]["status"]["values"]}
    assert (status["open"], status["acknowledged"]) == ("3+", "3")
    assert source.COUNT_MAX == 10_000


async def test_an_export_holds_every_row_that_passes(gateway: RunningGateway, projector: TestProjector):
    await some(projector)
    answer = await gateway.get("/v1/incidents:export", format="ndjson", severity="sev1")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"] == 'attachment; filename="incidents.ndjson"'
    rows = [json.loads(line) for line in answer.text.splitlines()]
    listed = (await gateway.get("/v1/incidents", severity="sev1", sort="created")).json()["items"]
    assert rows == listed
    as_csv = await gateway.get("/v1/incidents:export", severity="sev1")
    assert as_csv.headers["content-type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(as_csv.text)))
    assert [row["id"] for row in table] == [row["id"] for row in rows]
    assert table[1]["labels"] == "env=prod; n=3"
    assert table[1]["signals"] == "{}"
    assert set(table[0]) == set(rows[0])
    nothing = await gateway.get("/v1/incidents:export", severity="sev5")
    assert nothing.text.startswith("id,code,kind,title,status")
    assert len(nothing.text.splitlines()) == 1
    assert (await gateway.get("/v1/incidents:export", severity="sev5", format="ndjson")).content == b""


async def test_a_spreadsheet_runs_nothing_of_an_export(gateway: RunningGateway, projector: TestProjector):
    for text in ("=1+1", "+1", "-1", "@x", "\tx", "\r=1", "\n=1"):
        assert cell(text) == f"'{text}"
        assert cell([text, "b"]) == f"'{text}; b"
    assert [cell(value) for value in (None, True, -1, "a=1", ["a", "b"], [{"a": 1}], {})] == [
        "",
        "true",
        "-1",
        "a=1",
        "a; b",
        '[{"a":1}]',
        "{}",
    ]
    await projector.opened(1, title='=HYPERLINK("http://x")', labels=("=a",))
    (row,) = csv.DictReader(io.StringIO((await gateway.get("/v1/incidents:export")).text))
    assert row["title"] == '\'=HYPERLINK("http://x")'
    assert row["labels"] == "'=a"


async def test_an_export_is_of_one_moment_and_takes_no_more_memory_than_a_part(gateway: RunningGateway, projector: TestProjector):
    """Rows change while a slow reader reads: what it gets is the board of the moment when it began."""
    await projector.opened(1, description="d" * 20_000)
    await projector.pool.execute(
        """
        INSERT INTO read_v1.entities (id, kind, version, partition, "offset", state, memory, tags, created_at, updated_at, title, status, terms)
        SELECT 'inc_02k' || lpad(i::text, 23, '0'), kind, 1, 0, i, state, memory, tags, created_at, updated_at, title, status, terms
        FROM read_v1.entities, generate_series(1, 3000) AS i
        """
    )
    async with (
        httpx.AsyncClient(base_url=gateway.gateway.http.url, trust_env=False) as client,
        client.stream("GET", "/v1/incidents:export", params={"format": "ndjson"}) as answer,
    ):
        lines = answer.aiter_lines()
        versions = [json.loads(await anext(lines))["version"]]
        await projector.pool.execute("UPDATE read_v1.entities SET version = 2")
        versions += [json.loads(line)["version"] async for line in lines]
    assert versions == [1] * 3001


async def test_a_reader_that_goes_away_frees_its_connection(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway(exports_max=1)
    await projector.opened(1, description="d" * 20_000)
    await projector.pool.execute(
        """
        INSERT INTO read_v1.entities (id, kind, version, partition, "offset", state, memory, tags, created_at, updated_at, title, status, terms)
        SELECT 'inc_02k' || lpad(i::text, 23, '0'), kind, 1, 0, i, state, memory, tags, created_at, updated_at, title, status, terms
        FROM read_v1.entities, generate_series(1, 3000) AS i
        """
    )
    for _ in range(3):
        async with (
            httpx.AsyncClient(base_url=gateway.gateway.http.url, trust_env=False) as client,
            client.stream("GET", "/v1/incidents:export", params={"format": "ndjson"}) as answer,
        ):
            assert answer.status_code == 200
            await anext(answer.aiter_lines())

    async def idle() -> bool:
        open_ones = await projector.pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'gateway-ws-exports' AND state <> 'idle'"
        )
        return open_ones == 0

    await until(idle)
    assert (await gateway.get("/v1/incidents:export", severity="sev1")).status_code == 200


async def test_comments_read_as_they_are_now(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)

    async def add(name: str, text: str) -> None:
        await projector.write(1, lambda at, by: CommentAdded(at=at, by=by, comment_id=name, text=text, mentions=()))

    for name in ("cmt_z", "cmt_a", "cmt_m", "cmt_b"):
        await add(name, f"text of {name}")
    await projector.write(
        1, lambda at, by: CommentEdited(at=at, by=by, comment_id="cmt_a", seen="text of cmt_a", text="better", mentions=())
    )
    await projector.write(1, lambda at, by: CommentDeleted(at=at, by=by, comment_id="cmt_m"))
    path = f"/v1/incidents/{incident_id(1)}/comments"
    answer = await gateway.get(path)
    body = answer.json()
    Comments.model_validate_json(answer.content)
    assert [(one["id"], one["text"]) for one in body["items"]] == [
        ("cmt_z", "text of cmt_z"),
        ("cmt_a", "better"),
        ("cmt_b", "text of cmt_b"),
    ]
    assert all(one["hash"] == hash_of(one["text"]) for one in body["items"])
    assert body["items"][1]["edited_at"] is not None
    assert (body["version"], body["next"]) == (7, None)
    first = (await gateway.get(path, limit=2)).json()
    assert first["next"] == "cmt_a"
    rest = (await gateway.get(path, limit=2, after="cmt_a")).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == (["cmt_b"], None)
    gone = await gateway.get(path, after="cmt_m")
    assert (gone.status_code, gone.json()["code"]) == (400, "bad-cursor")
    assert (await gateway.get(f"/v1/incidents/{incident_id(2)}/comments")).status_code == 404


async def test_a_short_code_finds_its_entity_and_an_ambiguous_one_tells_longer_ones(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1, title="the one")
    row = (await gateway.get(f"/v1/incidents/{incident_id(1)}")).json()["item"]
    for code in (row["code"], row["code"].lower(), row["code"].replace("0", "O"), row["code"].replace("1", "l"), incident_id(1)):
        answer = await gateway.get(f"/v1/codes/{code}")
        assert answer.status_code == 200, code
        CodeFound.model_validate_json(answer.content)
        assert answer.json() == {"id": incident_id(1), "kind": "incident", "code": row["code"], "title": "the one"}
    twin = f"{incident_id(1)[:15]}7{incident_id(1)[16:]}"
    for table in ("entities", "texts"):
        await projector.pool.execute(f"UPDATE read_v1.{table} SET id = $1 WHERE id = $2", twin, incident_id(1))
    await projector.pool.execute("DELETE FROM read_v1.timeline")
    projector.entities.clear()
    await projector.opened(1, title="another")
    answer = await gateway.get(f"/v1/codes/{row['code']}")
    assert answer.status_code == 300
    CodeAmbiguous.model_validate_json(answer.content)
    candidates = {one["id"]: one["code"] for one in answer.json()["candidates"]}
    assert set(candidates) == {incident_id(1), twin}
    assert len(set(candidates.values())) == 2
    for entity_id, code in candidates.items():
        assert (await gateway.get(f"/v1/codes/{code}")).json()["id"] == entity_id


async def test_what_is_no_code_is_told_why(gateway: RunningGateway):
    for code in ("INC-12", "XYZ-12345678", "nonsense", "INC-1234567U", "INC-" + "1" * 27, "%00", "INC-1234%2F678", "INC-12345678%25"):
        answer = await gateway.get(f"/v1/codes/{code}")
        assert answer.status_code in {400, 404}, code
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await gateway.get("/v1/codes/INC-22222222")).status_code == 404


def test_longer_codes_are_as_short_as_can_be():
    ids = ["inc_01k0000000000000001234567a", "inc_01k0000000000000051234567a", "inc_01k0000000000000b51234567a"]
    codes = longer_codes(ids)
    assert len(set(codes)) == 3
    assert {len(code) for code in codes} == {len("INC-") + 10}
    assert longer_codes(ids[:1]) == ["INC-1234567A"]


async def test_what_is_set_aside_is_listed_with_its_reason(gateway: RunningGateway, projector: TestProjector):
    assert (await gateway.get("/v1/parked")).json() == {"items": [], "next": None}
    for number in range(3):
        await projector.pool.execute(
            "INSERT INTO read_v1.parked (entity_id, partition, \"offset\", reason, behind, parked_at) VALUES ($1, 0, $2, 'Undecodable: x', 2, now())",
            incident_id(number),
            number,
        )
    first = await gateway.get("/v1/parked", limit=2)
    ParkedList.model_validate_json(first.content)
    assert first.json()["next"] == incident_id(1)
    assert first.json()["items"][0]["reason"] == "Undecodable: x"
    rest = (await gateway.get("/v1/parked", limit=2, after=incident_id(1))).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([incident_id(2)], None)


async def save_view(projector: TestProjector, view_id: str, **parts: Any) -> None:
    """A row as the projector writes it."""
    definition = Definition(title="mine", filters=(), search="", sort="-updated", columns=(), group_by=None, position=0)
    view = View(
        id=EntityId(view_id), title="mine", of=parts.pop("of", "incident"), scope=Scope.SYSTEM, owner=ActorId("usr_x"),
        definition=replace(definition, **parts), field_changes={},
    )  # fmt: skip
    await projector.pool.execute(
        """
        INSERT INTO read_v1.entities (id, kind, version, partition, "offset", state, memory, tags, created_at, updated_at, title, status)
        VALUES ($1, 'view', 1, 0, 0, $2::jsonb, '{}', '{}', now(), now(), 'mine', 'active')
        """,
        view_id,
        json.dumps(KINDS["view"].to_json(view)),
    )


async def test_a_view_narrows_and_orders_a_list_unless_the_address_says_otherwise(gateway: RunningGateway, projector: TestProjector):
    await some(projector)
    ids = [f"viw_{number:026d}" for number in range(2)]
    filters = (
        FilterOn(field="assignee", values=("none", "usr_x")),
        FilterOn(field="labels", values=("n=1", "n=3", "n=5")),
        FilterOn(field="severity", values=("sev1", "sev2")),
    )
    await save_view(projector, ids[0], filters=filters, search="word", sort="title")
    await save_view(projector, ids[1], of="task")

    async def listed(**parameters: Any) -> list[str]:
        answer = await gateway.get("/v1/incidents", view=ids[0], **parameters)
        assert answer.status_code == 200, answer.text
        return [row["title"] for row in answer.json()["items"]]

    assert await listed() == ["word 1", "word 3"]
    assert await listed(sort="-created") == ["word 3", "word 1"]
    assert await listed(severity=["sev2", "sev3"]) == ["word 1", "word 5"]
    assert await listed(label="env=prod", status="acknowledged", severity=["sev1", "sev2"]) == ["word 1"]
    assert await listed(q="5", severity="sev3") == ["word 5"]
    first = (await gateway.get("/v1/incidents", view=ids[0], limit=1)).json()
    rest = await gateway.get("/v1/incidents", view=ids[0], limit=1, cursor=first["next"])
    assert [row["title"] for row in rest.json()["items"]] == ["word 3"]
    assert (await gateway.get("/v1/incidents", limit=1, cursor=first["next"])).json()["code"] == "bad-cursor"
    counted = await facets(gateway, "severity", view=ids[0])
    assert (counted["total"]["count"], counts(counted, "severity")["sev3"]) == (2, 1)
    assert len((await gateway.get("/v1/incidents:export", view=ids[0], format="ndjson")).text.splitlines()) == 2
    for wrong, code in ((ids[1], "another-kinds-view"), (f"viw_{9:026d}", "no-such-view")):
        answer = await gateway.get("/v1/incidents", view=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_every_door_asks_who_is_there(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway(dev_identity=None)
    for path in (
        "/v1/incidents/facets", "/v1/incidents:export", f"/v1/incidents/{incident_id(1)}/comments", "/v1/codes/INC-12345678", "/v1/parked",
    ):  # fmt: skip
        assert (await gateway.get(path)).status_code == 401, path
