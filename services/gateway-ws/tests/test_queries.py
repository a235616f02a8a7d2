"""The read door over HTTP: rows and position of one moment, pages, filters, and an answer for whatever comes."""

from __future__ import annotations

import base64
import json

import pytest
from gateway_harness import RunningGateway, StartGateway, TestProjector, incident_id, make_schema, until

from devstack.postgres import Postgres
from gateway_ws.queries.models import Timeline, detail_model, list_model
from gateway_ws.queries.row_models import row_model
from opsroom_common.rows import row_json
from opsroom_domain.entities.incident import INCIDENT, Assigned, Severity
from opsroom_domain.ids import ActorId

IncidentDetail, IncidentList = detail_model("incident", row_model(INCIDENT)), list_model("incident", row_model(INCIDENT))


@pytest.fixture
async def gateway(start_gateway: StartGateway, projector: TestProjector) -> RunningGateway:
    return await start_gateway()


def ids(answer) -> list[str]:
    return [row["id"] for row in answer.json()["items"]]


async def test_the_list_shows_the_newest_change_first_with_the_position_to_subscribe_from(
    gateway: RunningGateway, projector: TestProjector
):
    for number in (1, 2, 3):
        await projector.opened(number)
    await projector.acknowledged(1)
    answer = await gateway.get("/v1/incidents")
    assert ids(answer) == [incident_id(1), incident_id(3), incident_id(2)]
    assert answer.json()["position"]["offset"] == 4
    assert answer.json()["next"] is None
    IncidentList.model_validate_json(answer.content)


async def test_a_row_is_the_same_bytes_here_and_in_the_feed(gateway: RunningGateway, projector: TestProjector):
    entry = await projector.opened(1, title="Größe \u2028 ok", labels=("a", "b"))
    answer = await gateway.get(f"/v1/incidents/{incident_id(1)}")
    assert b'"item":' + entry.row + b"," in answer.content
    assert entry.row == row_json(projector.entities[incident_id(1)])


async def test_one_incident_has_its_version_as_etag(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)
    await projector.noted(1)
    answer = await gateway.get(f"/v1/incidents/{incident_id(1)}")
    assert answer.headers["ETag"] == '"2"'
    assert answer.headers["Cache-Control"] == "no-store"
    IncidentDetail.model_validate_json(answer.content)
    detail = answer.json()
    assert (detail["version"], detail["item"]["version"], detail["position"]["offset"]) == (2, 2, 2)


async def test_pages_follow_each_other_without_a_gap_or_a_repeat(gateway: RunningGateway, projector: TestProjector):
    for number in range(25):
        await projector.opened(number)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await gateway.get("/v1/incidents", limit=10, live="true", **cursor)
        seen += ids(answer)
        if answer.json()["next"] is None:
            break
        cursor = {"cursor": answer.json()["next"]}
    assert seen == [incident_id(number) for number in reversed(range(25))]


async def test_an_unchanged_answer_is_not_sent_again(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)
    await projector.opened(2)
    for path in ("/v1/incidents?severity=sev3&limit=1", f"/v1/incidents/{incident_id(2)}"):
        tag = (await gateway.get(path)).headers["ETag"]
        for sent in (tag, f'"x", {tag}', "*"):
            same = await gateway.get(path, headers={"If-None-Match": sent})
            assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
        assert (await gateway.get(path, headers={"If-None-Match": '"x"'})).status_code == 200
        await projector.severity(1, Severity.SEV4)
        await projector.severity(1, Severity.SEV3)
        await projector.noted(2)
        changed = await gateway.get(path, headers={"If-None-Match": tag})
        assert (changed.status_code, changed.headers["ETag"] != tag) == (200, True)


async def test_a_list_without_changes_keeps_its_tag_while_others_change(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1, severity=Severity.SEV1)
    tag = (await gateway.get("/v1/incidents", severity="sev1")).headers["ETag"]
    await projector.opened(2, severity=Severity.SEV2)
    assert (await gateway.get("/v1/incidents", severity="sev1", headers={"If-None-Match": tag})).status_code == 304
    assert (await gateway.get("/v1/incidents", severity="sev1", headers={"If-None-Match": tag, "X-Dev-Role": "viewer"})).status_code == 200
    await projector.new_epoch()
    assert (await gateway.get("/v1/incidents", severity="sev1", headers={"If-None-Match": tag})).status_code == 200


async def test_filters_are_repeatable_and_combine(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1, severity=Severity.SEV1, labels=("env=prod", "team=a"))
    await projector.opened(2, severity=Severity.SEV2, labels=("env=prod",))
    await projector.opened(3, severity=Severity.SEV3)
    await projector.acknowledged(2)
    await projector.write(3, lambda at, by: Assigned(at=at, by=by, previous=None, assignee=ActorId("usr_maria")))

    async def found(**filters) -> set[str]:
        return set(ids(await gateway.get("/v1/incidents", **filters)))

    one, two, three = incident_id(1), incident_id(2), incident_id(3)
    assert await found(severity=["sev1", "sev3"]) == {one, three}
    assert await found(status="acknowledged") == {two}
    assert await found(status=["open", "acknowledged"], severity="sev2") == {two}
    assert await found(label="env=prod") == {one, two}
    assert await found(label=["env=prod", "team=a"]) == {one}
    assert await found(assignee="usr_maria") == {three}
    assert await found(assignee="none") == {one, two}
    assert await found(assignee=["none", "usr_maria"]) == {one, two, three}
    assert await found(live="true") == {one, two, three}
    assert await found(live="false") == set()
    assert await found(live="true", status="resolved") == set()


WRONG = (
    ("/v1/incidents", {"limit": 0}),
    ("/v1/incidents", {"limit": 201}),
    ("/v1/incidents", {"limit": "many"}),
    ("/v1/incidents", {"status": "opened"}),
    ("/v1/incidents", {"severity": "1"}),
    ("/v1/incidents", {"live": "perhaps"}),
    ("/v1/incidents", {"sevrity": "sev1"}),
    ("/v1/incidents", {"sort": "urgency"}),
    ("/v1/incidents", {"sort": "due"}),
    ("/v1/incidents", {"due_after": "2026-01-01T00:00:00Z"}),
    ("/v1/incidents", {"created_after": "yesterday"}),
    ("/v1/incidents", {"created_after": "2026-01-01T00:00:00"}),
    ("/v1/incidents", {"created_before": "9999-12-31T23:59:59-23:00"}),
    ("/v1/incidents", {"q": ""}),
    ("/v1/incidents", {"label": "a\x00b"}),
    ("/v1/incidents", {"label": ["x"] * 51}),
    ("/v1/incidents", {"wait_for": "0-1"}),
    ("/v1/incidents", {"wait_for": "0:99999999999999999999"}),
    ("/v1/incidents/ID/timeline", {"after": -1}),
    ("/v1/incidents/ID/timeline", {"after": 2**31}),
)


async def test_a_wrong_parameter_is_named(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)
    for path, parameters in WRONG:
        answer = await gateway.get(path.replace("ID", incident_id(1)), **parameters)
        assert answer.status_code == 400, parameters
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "invalid-request"
        assert next(iter(parameters)) in answer.json()["detail"]


async def test_a_refusal_says_what_there_is(gateway: RunningGateway):
    unknown = (await gateway.get("/v1/incidents", sevrity="sev1")).json()
    assert "assignee" in unknown["detail"]
    assert "severity" in unknown["detail"]
    assert "updated_after" in unknown["detail"]
    wrong = (await gateway.get("/v1/incidents", status="opened")).json()["detail"]
    assert all(status in wrong for status in ("open", "acknowledged", "merged"))
    assert "-rank" in (await gateway.get("/v1/incidents", sort="urgency")).json()["detail"]


def _cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


BAD_CURSORS = (
    *[
        "x",
        "%%%",
        "",
        "bm90IGpzb24",
        _cursor(1),
        _cursor("a", "b", "c"),
        _cursor(-1, "x", ""),
        _cursor(1, "\x00", ""),
        _cursor(2**60, "x", ""),
    ],
)


async def test_a_bad_cursor_is_refused(gateway: RunningGateway):
    for cursor in BAD_CURSORS:
        answer = await gateway.get("/v1/incidents", cursor=cursor)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad-cursor"), cursor


async def test_a_cursor_of_other_filters_is_refused(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)
    await projector.opened(2)
    cursor = (await gateway.get("/v1/incidents", limit=1)).json()["next"]
    answer = await gateway.get("/v1/incidents", limit=1, status="open", cursor=cursor)
    assert answer.json()["code"] == "bad-cursor"


async def test_an_unknown_id_is_a_404_that_says_what_to_do(gateway: RunningGateway):
    unknown = (incident_id(9), "x", "inc_", "a" * 500, "%00", "..%2f")
    for path in [f"/v1/incidents/{one}{more}" for one in unknown for more in ("", "/timeline")]:
        answer = await gateway.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] in {"not-found", "no-such-door"}


async def test_the_timeline_tells_who_did_what_when_and_goes_on_after_a_version(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)
    for _ in range(4):
        await projector.noted(1)
    answer = await gateway.get(f"/v1/incidents/{incident_id(1)}/timeline", limit=2)
    page = Timeline.model_validate_json(answer.content)
    assert [item.version for item in page.items] == [1, 2]
    assert (page.version, page.next) == (5, 2)
    assert page.items[0].actor == "usr_test"
    assert page.items[0].type == "opsroom.incident.opened"
    assert page.items[0].words
    assert page.items[1].log.offset == 1
    rest = (await gateway.get(f"/v1/incidents/{incident_id(1)}/timeline", after=2)).json()
    assert [item["version"] for item in rest["items"]] == [3, 4, 5]
    assert rest["next"] is None
    nothing = (await gateway.get(f"/v1/incidents/{incident_id(1)}/timeline", after=5)).json()
    assert nothing == {"items": [], "version": 5, "next": None}


async def test_one_reads_ones_writes(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway(wait_for_s_max=0.2)
    await projector.opened(1)
    answer = await gateway.get("/v1/incidents", wait_for="0:0")
    assert ids(answer) == [incident_id(1)]
    late = await gateway.get("/v1/incidents", wait_for="0:1")
    assert late.status_code == 504
    assert late.json()["code"] == "projection-behind"
    assert late.json()["projected_up_to"] == 1


async def test_the_roles_epochs_differ(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)
    epochs = set()
    for role in ("admin", "operator", "viewer"):
        answer = await gateway.get("/v1/incidents", headers={"X-Dev-Role": role})
        epochs.add(answer.json()["position"]["epoch"])
    assert len(epochs) == 3


async def test_without_a_way_to_sign_in_everything_is_401(start_gateway: StartGateway, projector: TestProjector):
    gateway = await start_gateway(dev_identity=None)
    for path in ("/v1/incidents", f"/v1/incidents/{incident_id(1)}", f"/v1/incidents/{incident_id(1)}/timeline"):
        assert (await gateway.get(path)).status_code == 401


async def test_metrics_are_shown(gateway: RunningGateway, projector: TestProjector):
    answer = await gateway.get("/metrics")
    assert answer.status_code == 200
    assert "gateway_connections 0.0" in answer.text


async def test_without_a_feed_rows_come_with_no_position(gateway: RunningGateway, projector: TestProjector):
    await projector.opened(1)
    await projector.pool.execute("DELETE FROM feed.head")
    body = (await gateway.get("/v1/incidents")).json()
    assert len(body["items"]) == 1
    assert body["position"] is None


@pytest.mark.timeout(120)
async def test_while_postgres_is_away_the_answer_is_503_and_afterwards_all_is_well(own_postgres: Postgres, redis_url: str):
    """It also starts without Postgres, and before the projector has made its tables."""
    own_postgres.stop()
    gateway = await RunningGateway.start(own_postgres.dsn, redis_url, ready=False)
    projectors: list[TestProjector] = []
    try:
        answer = await gateway.get("/v1/incidents")
        assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "read-unavailable", "1")
        assert (await gateway.get("/readyz")).status_code == 503
        assert (await gateway.get("/healthz")).status_code == 200

        own_postgres.start()
        answer = await until(lambda: _told(gateway, "projector"))
        assert answer.status_code == 503
        await make_schema(own_postgres.dsn)
        projectors.append(await TestProjector.open(own_postgres.dsn, redis_url))
        await until(gateway.ready)
        await projectors[0].opened(1)
        assert ids(await gateway.get("/v1/incidents")) == [incident_id(1)]

        own_postgres.kill()
        answer = await gateway.get("/v1/incidents")
        assert answer.status_code == 503
        await until(lambda: _status(gateway, "/readyz", 503))
        own_postgres.start()
        # The crash emptied the feed's tables; the rows may be a moment old, and the log would bring them up to date.
        projectors.append(await TestProjector.open(own_postgres.dsn, redis_url))
        await until(lambda: _status(gateway, "/v1/incidents", 200))
        await until(gateway.ready)
        assert (await gateway.get("/v1/incidents")).json()["position"]["offset"] == 0
    finally:
        await gateway.stop()
        for projector in projectors:
            await projector.close()


async def _told(gateway: RunningGateway, word: str):
    answer = await gateway.get("/v1/incidents")
    return answer if word in answer.text else None


async def _status(gateway: RunningGateway, path: str, status: int) -> bool:
    return (await gateway.get(path)).status_code == status
