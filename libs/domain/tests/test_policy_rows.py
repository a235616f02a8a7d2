"""How a policy is shown: its row, its tags, its timeline."""

from __future__ import annotations

from dataclasses import replace

import pytest
from examples import LATER, NOW
from examples_policy import ESCALATION, FIRST, LOUD, NIGHT, POL, RULE, SECOND, STEPS, WITH_STEPS, policy, published

from opsroom_domain.decider import Json
from opsroom_domain.entities.policy import POLICY, Event
from opsroom_domain.entities.policy.events import (
    Activated,
    Deactivated,
    QuietHoursChanged,
    RulesChanged,
    ScopeChanged,
    StepsChanged,
)
from opsroom_domain.entities.policy.show import quiet_hours_to_json, rules_to_json, steps_to_json
from opsroom_domain.entities.policy.words import NOTIFY_MAX, RULE_WORDS_MAX, RULES_MAX, VERSIONS_MAX, ScopeField, Transport
from opsroom_domain.shared.events import EVENTS as SHARED_EVENTS

ACTIVATED = Activated(**LATER, previous=None, version=1)


def test_the_row_holds_the_draft_and_the_versions() -> None:
    row = POLICY.to_json(policy(ESCALATION, WITH_STEPS, published(), ACTIVATED))
    content: Json = {
        "services": [],
        "teams": [],
        "severities": [],
        "steps": [
            {"after_min": 0, "notify": ["team:payments"], "transport": "chat", "repeats": 0, "every_min": 0},
            {"after_min": 15, "notify": ["usr_alice"], "transport": "email", "repeats": 2, "every_min": 10},
        ],
        "rules": [],
        "quiet_hours": [],
    }
    expected: dict[str, Json] = {
        "id": POL,
        "type": "escalation",
        "status": "active",
        "draft": content,
        "revision": 1,
        "published_revision": 1,
        "last_version": 1,
        "versions": [{"number": 1, "content": content, "published_at": "2026-11-23T10:01:00.000000Z", "published_by": "usr_alice"}],
        "active_version": 1,
    }
    assert {key: row[key] for key in expected} == expected


def test_tags_are_what_people_filter_by_with_the_scope_that_is_in_force() -> None:
    scoped = ScopeChanged(**LATER, field=ScopeField.SEVERITIES, previous=(), members=("sev1", "sev2"))
    assert POLICY.tags(policy(ESCALATION, scoped)) == {
        "assignee": "",
        "team": "payments",
        "visibility": "everyone",
        "archived": "false",
        "labels": "\npayments\n",
        "watchers": "",
        "viewers": "",
        "status": "draft",
        "type": "escalation",
        "live": "false",
        "draft_published": "false",
        "scope_services": "",
        "scope_teams": "",
        "scope_severities": "\nsev1\nsev2\n",
        "created_by": "usr_alice",
    }
    shown = POLICY.tags(policy(ESCALATION, WITH_STEPS, published(), ACTIVATED, scoped))
    assert (shown["status"], shown["live"], shown["scope_severities"], shown["draft_published"]) == ("active", "true", "", "false")


def test_the_largest_policy_is_bounded() -> None:
    rule = type(RULE)(
        notify=tuple(f"usr_{'x' * 62}{n:02}" for n in range(NOTIFY_MAX)),
        transport=Transport.WEBHOOK,
        kinds=tuple("k" * 39 + str(n) for n in range(RULE_WORDS_MAX)),
        events=tuple("e" * 39 + str(n) for n in range(RULE_WORDS_MAX)),
    )
    versions = [replace(published(n, n), rules=(rule,) * RULES_MAX) for n in range(1, VERSIONS_MAX + 2)]
    state = policy(ESCALATION, versions[0], ACTIVATED, *versions[1:])
    assert len(str(POLICY.to_json(state))) < 500_000


def step(before: Json, after: Json) -> dict[str, Json]:
    return {"from": before, "to": after}


TOLD: list[tuple[Event, str, dict[str, Json]]] = [
    (
        ScopeChanged(**NOW, field=ScopeField.SERVICES, previous=(), members=("api", "web")),
        "Narrowed the draft's services to api, web",
        {"draft.services": step([], ["api", "web"])},
    ),
    (
        ScopeChanged(**NOW, field=ScopeField.TEAMS, previous=("a",), members=()),
        "Widened the draft's teams to all",
        {"draft.teams": step(["a"], [])},
    ),
    (
        StepsChanged(**NOW, previous=STEPS, steps=(FIRST,)),
        "Changed the draft's steps: there are 1",
        {"draft.steps": step(steps_to_json(STEPS), steps_to_json((FIRST,)))},
    ),
    (
        RulesChanged(**NOW, previous=(), rules=(RULE, LOUD)),
        "Changed the draft's rules: there are 2",
        {"draft.rules": step([], rules_to_json((RULE, LOUD)))},
    ),
    (
        QuietHoursChanged(**NOW, previous=(), quiet_hours=(NIGHT,)),
        "Changed the draft's quiet hours: there are 1",
        {"draft.quiet_hours": step([], quiet_hours_to_json((NIGHT,)))},
    ),
    (published(2, 3), "Published revision 3 of the draft as version 2", {"last_version": step(1, 2)}),
    (
        Activated(**NOW, previous=None, version=1),
        "Activated version 1",
        {"active_version": step(None, 1), "status": step("inactive", "active")},
    ),
]


@pytest.mark.parametrize(("event", "words", "diff"), TOLD, ids=[words for _, words, _ in TOLD])
def test_the_timeline_tells_it_as_a_person_would(event: Event, words: str, diff: dict[str, Json]) -> None:
    entry = POLICY.describe(policy(ESCALATION, WITH_STEPS, published()), event)
    assert (entry.words, entry.diff) == (words, diff)


def test_the_timeline_tells_of_what_is_in_force() -> None:
    active = policy(ESCALATION, WITH_STEPS, published(), published(2), ACTIVATED)
    told = POLICY.describe(active, Activated(**NOW, previous=1, version=2))
    assert (told.words, told.diff) == ("Activated version 2 in place of 1", {"active_version": step(1, 2)})
    told = POLICY.describe(active, Deactivated(**NOW, previous=1))
    assert told.words == "Deactivated it: version 1 was active"
    assert told.diff == {"active_version": step(1, None), "status": step("active", "inactive")}
    assert POLICY.describe(policy(ESCALATION, WITH_STEPS), published()).diff == {
        "last_version": step(0, 1),
        "status": step("draft", "inactive"),
    }
    assert {type(event) for event, _, _ in TOLD} | {Deactivated} == set(POLICY.events.values()) - set(SHARED_EVENTS.values()) - {
        type(ESCALATION)
    }


def test_creating_is_told() -> None:
    entry = POLICY.describe(None, ESCALATION)
    assert entry.words == "Created the escalation policy “Payments at night”"
    assert set(entry.diff) == {"title", "type", "status", "visibility", "team", "labels"}


def test_a_history_without_a_beginning_or_with_two_is_broken() -> None:
    assert SECOND.repeats
    for tell in (POLICY.evolve, POLICY.describe):
        with pytest.raises(ValueError, match="Published instead of Created"):
            tell(None, published())
    with pytest.raises(ValueError, match="second time"):
        POLICY.evolve(policy(ESCALATION), ESCALATION)
