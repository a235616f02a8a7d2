"""Bad input is refused with a problem that says what to do, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from opsroom_common.runtime.ids import type_id, unix_ms, uuid7_of

from ..house import BODY_MAX, House, fields, house, is_problem


@pytest.fixture
async def room() -> AsyncIterator[House]:
    async with house() as h:
        yield h
        # Whatever a test sent here was refused: only what `opened` wrote is in the log.
        assert set(h.types()) <= {"opened"}


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("content", [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b"\xff\xfe", b'{"id": "a",}', b"[" * 2000])
async def test_malformed_json_is_400(room: House, content: bytes) -> None:
    headers = JSON | {"Idempotency-Key": room.ids.uuid7()}
    is_problem(await room.http.post("/v1/incidents", content=content, headers=headers), 400, "malformed-json")


@pytest.mark.parametrize("content", [b"[]", b'"text"', b"1", b"null"])
async def test_json_that_is_no_object_is_400(room: House, content: bytes) -> None:
    headers = JSON | {"Idempotency-Key": room.ids.uuid7()}
    is_problem(await room.http.post("/v1/incidents", content=content, headers=headers), 400, "invalid-request")


@pytest.mark.parametrize("declared", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_that_is_not_declared_as_json_is_415(room: House, declared: str | None) -> None:
    """A page in a browser may send such a request to our port without asking first."""
    headers = {"Idempotency-Key": room.ids.uuid7()} | ({"Content-Type": declared} if declared else {})
    is_problem(await room.http.post("/v1/incidents", content=b"{}", headers=headers), 415, "unsupported-media-type")


async def test_an_unknown_field_is_400_and_named(room: House) -> None:
    body = {"id": room.ids.entity_id("inc"), "title": "x", "colour": "red"}
    problem = is_problem(await room.post("/v1/incidents", body), 400, "invalid-request")
    assert fields(problem) == ["colour"]
    assert "remove it" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": 7}, "title"),
        ({"title": None}, "title"),
        ({"severity": "sev9"}, "severity"),
        ({"severity": 1}, "severity"),
        ({"labels": "db"}, "labels"),
        ({"labels": ["db", 5]}, "labels[1]"),
        ({"id": "inc_1"}, "id"),
        ({"id": type_id("tsk", uuid7_of(1, bytes(10)))}, "id"),
    ],
)
async def test_a_wrong_type_is_400_and_named(room: House, body: dict[str, object], field: str) -> None:
    sent = {"id": room.ids.entity_id("inc"), "title": "x"} | body
    assert fields(is_problem(await room.post("/v1/incidents", sent), 400, "invalid-request")) == [field]


async def test_a_missing_field_is_400_and_named(room: House) -> None:
    problem = is_problem(await room.post("/v1/incidents", {}), 400, "invalid-request")
    assert set(fields(problem)) == {"id", "title"}


async def test_a_nested_field_is_named_by_its_path(room: House) -> None:
    incident_id = await room.opened()
    answer = await room.post(f"/v1/incidents/{incident_id}", {"changes": {"title": {"seen": "Disk full", "to": 5}}})
    assert fields(is_problem(answer, 400, "invalid-request")) == ["changes.title.to"]


@pytest.mark.parametrize("version", ["1", 0, -1, 1.5, True, 2**31, 2**64])
async def test_an_expected_version_that_is_no_version_is_400(room: House, version: object) -> None:
    incident_id = await room.opened()
    is_problem(await room.post(f"/v1/incidents/{incident_id}/acknowledge", {"expected_version": version}), 400, "invalid-request")


async def test_a_private_value_is_not_repeated_in_the_answer(room: House) -> None:
    answer = await room.post("/v1/incidents", {"id": "hunter2-secret", "title": "x"})
    assert "hunter2" not in answer.text


async def test_a_missing_key_is_400_and_says_how_to_make_one(room: House) -> None:
    body = is_problem(await room.http.post("/v1/incidents", json={}), 400, "idempotency-key-missing")
    assert "UUIDv7" in body["detail"]


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "",
        "f81d4fae-7dec-41d0-a765-00a0c91e6bf6",
        "019AAB2C-0000-7000-8000-000000000000",
        "019aab2c000070008000000000000000",
        "019aab2c-0000-7000-c000-000000000000",
        "{019aab2c-0000-7000-8000-000000000000}",
    ],
)
async def test_a_key_that_is_no_uuid7_is_400(room: House, key: str) -> None:
    answer = await room.http.post("/v1/incidents", json={}, headers={"Idempotency-Key": key})
    is_problem(answer, 400, "idempotency-key-invalid")


@pytest.mark.parametrize(("ahead_s", "status"), [(299, 404), (301, 400)])
async def test_a_key_from_the_future_is_400(room: House, ahead_s: int, status: int) -> None:
    key = uuid7_of(unix_ms(room.clock.now()) + ahead_s * 1000, bytes(10))
    answer = await room.post(f"/v1/incidents/{room.ids.entity_id('inc')}/acknowledge", {}, key=key)
    is_problem(answer, status, "not-found" if status == 404 else "idempotency-key-from-future")


@pytest.mark.parametrize("name", ["X-Correlation-Id", "X-Causation-Id", "X-Reason", "X-Proposal-Id"])
async def test_free_text_in_a_header_is_400(room: House, name: str) -> None:
    incident_id = await room.opened()
    headers = {"Idempotency-Key": room.ids.uuid7(), name: "Maria said so"}
    answer = await room.http.post(f"/v1/incidents/{incident_id}/acknowledge", json={}, headers=headers)
    is_problem(answer, 400, "invalid-header")


async def test_an_id_of_another_kind_in_the_address_is_400(room: House) -> None:
    is_problem(await room.post("/v1/incidents/tsk_1/acknowledge", {}), 400, "invalid-id")


async def test_an_unknown_incident_is_404(room: House) -> None:
    body = is_problem(await room.post(f"/v1/incidents/{room.ids.entity_id('inc')}/acknowledge", {}), 404, "not-found")
    assert body["applied"] is False


async def test_an_unknown_address_is_404_and_another_method_405(room: House) -> None:
    is_problem(await room.http.get("/v1/nothing"), 404, "no-such-door")
    is_problem(await room.post("/v1/incidents/", {}), 404, "no-such-door")
    answer = await room.http.get("/v1/incidents")
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


async def test_a_declared_large_body_is_413(room: House) -> None:
    body = is_problem(await room.post("/v1/incidents", {"id": room.ids.entity_id("inc"), "title": "x" * BODY_MAX}), 413, "body-too-large")
    assert body["limit_bytes"] == BODY_MAX


async def test_a_large_body_without_a_length_is_413(room: House) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(BODY_MAX // 1024 + 1):
            yield b" " * 1024

    headers = JSON | {"Idempotency-Key": room.ids.uuid7()}
    is_problem(await room.http.post("/v1/incidents", content=pieces(), headers=headers), 413, "body-too-large")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("", {"changes": {"colour": {"seen": "", "to": "red"}}}, "unknown-field"),
        ("/labels", {"add": ["x" * 500]}, "too-long"),
        ("/notes", {"text": "  "}, "blank"),
        ("/notes", {"text": "a\u0000b"}, "bad-text"),
        ("/status", {"seen": "open", "to": "resolved"}, "bad-status"),
        ("/links", {"target": type_id("inc", uuid7_of(1, bytes(10))), "relation": "Caused By"}, "bad-relation"),
        ("/labels", {"add": ["a"], "remove": ["a"]}, "both"),
    ],
)
async def test_a_command_that_breaks_a_limit_or_a_rule_is_422(room: House, path: str, body: dict[str, object], code: str) -> None:
    incident_id = await room.opened()
    is_problem(await room.post(f"/v1/incidents/{incident_id}{path}", body), 422, code)


async def test_a_command_that_the_state_does_not_allow_is_409(room: House) -> None:
    incident_id = await room.opened()
    is_problem(await room.post(f"/v1/incidents/{incident_id}/reopen", {"reason": "x"}), 409, "not-resolved")


async def test_an_id_that_is_taken_is_409(room: House) -> None:
    incident_id = await room.opened()
    is_problem(await room.post("/v1/incidents", {"id": incident_id, "title": "another"}), 409, "already-exists")


async def test_a_body_is_never_read_before_the_role_is_known(room: House) -> None:
    answer: httpx.Response = await room.http.post("/v1/incidents", content=b"{", headers=JSON | {"X-Dev-Role": "viewer"})
    is_problem(answer, 403, "role-missing")
