"""The rules of a policy's life: every command, every refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from examples import BOB, LATER, NOW
from examples_policy import (
    ESCALATION,
    FIRST,
    LOUD,
    NIGHT,
    NOTIFICATION,
    POL,
    RULE,
    SECOND,
    STEPS,
    WITH_RULES,
    WITH_STEPS,
    given,
    policy,
    published,
)

from opsroom_domain.decider import AlreadyExists, FieldConflict, Invalid, NotFound
from opsroom_domain.entities.policy import POLICY, Event
from opsroom_domain.entities.policy.commands import (
    Activate,
    ChangeQuietHours,
    ChangeRules,
    ChangeScope,
    ChangeSteps,
    Create,
    Deactivate,
    Publish,
)
from opsroom_domain.entities.policy.content import QuietHours, Rule, Step
from opsroom_domain.entities.policy.events import (
    Activated,
    Created,
    Deactivated,
    QuietHoursChanged,
    RulesChanged,
    ScopeChanged,
    StepsChanged,
)
from opsroom_domain.entities.policy.show import steps_to_json
from opsroom_domain.entities.policy.words import (
    DAY_MIN,
    DELAY_MIN_MAX,
    NOTIFY_MAX,
    QUIET_MAX,
    REPEATS_MAX,
    RULE_WORDS_MAX,
    RULES_MAX,
    SCOPE_MAX,
    STEPS_MAX,
    VERSIONS_MAX,
    PolicyType,
    ScopeField,
    Status,
)
from opsroom_domain.ids import EntityId
from opsroom_domain.permissions import allowed
from opsroom_domain.shared.words import Visibility


def test_a_new_policy_has_an_empty_draft_and_asks_for_nothing() -> None:
    event = Created(
        **NOW,
        policy_id=POL,
        title="Night",
        description="",
        type=PolicyType.ESCALATION,
        labels=("a",),
        visibility=Visibility.EVERYONE,
        team=None,
    )
    state = given().when(Create(**NOW, policy_id=POL, title="Night", type=PolicyType.ESCALATION, labels=("a", "a"))).then(event)
    assert (state.status, state.in_force, state.draft.steps, state.revision) == (Status.DRAFT, None, (), 0)


def test_an_id_is_taken_once_and_what_does_not_exist_is_not_found() -> None:
    again = Create(**NOW, policy_id=POL, title="Night", type=PolicyType.ESCALATION)
    given(ESCALATION).when(again).then_refused("already-exists", of=AlreadyExists)
    given().when(Deactivate(**NOW)).then_refused("not-found", of=NotFound)
    wrong = Create(**NOW, policy_id=EntityId("tsk_01k0000000000000000000000a"), title="Night", type=PolicyType.ESCALATION)
    given().when(wrong).then_refused("bad-id")


def test_each_field_of_the_scope_changes_from_the_seen_one() -> None:
    command = ChangeScope(**NOW, field=ScopeField.SERVICES, seen=(), members=("search", "api", "api"))
    event = ScopeChanged(**NOW, field=ScopeField.SERVICES, previous=(), members=("api", "search"))
    state = given(ESCALATION).when(command).then(event)
    assert (state.draft.services, state.revision, state.field_changes["services"].by) == (("api", "search"), 1, BOB)
    given(ESCALATION, event).when(command).then_nothing()
    given(ESCALATION, event).when(ChangeScope(**NOW, field=ScopeField.SERVICES, seen=("search", "api"), members=())).then(
        ScopeChanged(**NOW, field=ScopeField.SERVICES, previous=("api", "search"), members=())
    )
    stale = ChangeScope(**NOW, field=ScopeField.SERVICES, seen=(), members=("web",))
    given(ESCALATION, event).when(stale).then_conflict(FieldConflict("services", [], ["api", "search"], ["web"]))


def test_people_who_change_different_parts_of_the_draft_do_not_conflict() -> None:
    scoped = ScopeChanged(**LATER, field=ScopeField.TEAMS, previous=(), members=("payments",))
    state = given(ESCALATION, scoped).when(ChangeSteps(**NOW, seen=(), steps=STEPS)).then(StepsChanged(**NOW, previous=(), steps=STEPS))
    assert (state.draft.teams, state.draft.steps, state.revision) == (("payments",), STEPS, 2)


def test_steps_rules_and_quiet_hours_change_from_the_seen_ones() -> None:
    stale = ChangeSteps(**NOW, seen=(FIRST,), steps=())
    conflict = FieldConflict("steps", steps_to_json((FIRST,)), steps_to_json(STEPS), [])
    given(ESCALATION, WITH_STEPS).when(stale).then_conflict(conflict)
    given(ESCALATION, WITH_STEPS).when(ChangeSteps(**NOW, seen=(), steps=STEPS)).then_nothing()
    given(NOTIFICATION, WITH_RULES).when(ChangeRules(**NOW, seen=(RULE,), rules=(RULE, LOUD))).then(
        RulesChanged(**NOW, previous=(RULE,), rules=(RULE, LOUD))
    )
    quiet = QuietHoursChanged(**NOW, previous=(), quiet_hours=(NIGHT,))
    assert given(NOTIFICATION).when(ChangeQuietHours(**NOW, seen=(), quiet_hours=(NIGHT,))).then(quiet).draft.quiet_hours == (NIGHT,)


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((replace(FIRST, notify=()),), "nobody-to-notify"),
        ((replace(FIRST, notify=("Maria",)),), "bad-recipient"),
        ((replace(FIRST, notify=("team:Über",)),), "bad-recipient"),
        ((replace(FIRST, notify=("usr_a",) * (NOTIFY_MAX + 1)),), "too-many"),
        ((replace(FIRST, after_min=-1),), "bad-delay"),
        ((replace(FIRST, after_min=DELAY_MIN_MAX + 1),), "bad-delay"),
        ((SECOND, FIRST), "unordered-steps"),
        ((FIRST, FIRST), "unordered-steps"),
        ((replace(SECOND, repeats=REPEATS_MAX + 1),), "bad-repeats"),
        ((replace(SECOND, every_min=0),), "bad-delay"),
        ((replace(SECOND, repeats=0),), "bad-delay"),
        (tuple(replace(FIRST, after_min=n) for n in range(STEPS_MAX + 1)), "too-many"),
    ],
)
def test_malformed_steps_never_get_into_a_draft(steps: tuple[Step, ...], code: str) -> None:
    given(ESCALATION).when(ChangeSteps(**NOW, seen=(), steps=steps)).then_refused(code, of=Invalid)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (replace(RULE, notify=()), "nobody-to-notify"),
        (replace(RULE, notify=("everybody",)), "bad-recipient"),
        (replace(RULE, kinds=("Incident",)), "bad-word"),
        (replace(RULE, events=("re-solved",)), "bad-word"),
        (replace(RULE, severities=("sev9",)), "unknown-severity"),
        (replace(RULE, events=tuple("abcdefghijk"[: RULE_WORDS_MAX + 1])), "too-many"),
    ],
)
def test_malformed_rules_never_get_into_a_draft(rule: Rule, code: str) -> None:
    given(NOTIFICATION).when(ChangeRules(**NOW, seen=(), rules=(rule,))).then_refused(code, of=Invalid)


def test_rules_and_quiet_hours_and_the_scope_are_bounded() -> None:
    given(NOTIFICATION).when(ChangeRules(**NOW, seen=(), rules=(RULE,) * (RULES_MAX + 1))).then_refused("too-many", of=Invalid)
    quiet = ChangeQuietHours(**NOW, seen=(), quiet_hours=(NIGHT,) * (QUIET_MAX + 1))
    given(NOTIFICATION).when(quiet).then_refused("too-many", of=Invalid)
    scope = ChangeScope(**NOW, field=ScopeField.TEAMS, seen=(), members=tuple(f"t{n}" for n in range(SCOPE_MAX + 1)))
    given(NOTIFICATION).when(scope).then_refused("too-many", of=Invalid)


@pytest.mark.parametrize(
    ("field", "member", "code"), [(ScopeField.SERVICES, "Ü", "bad-word"), (ScopeField.SEVERITIES, "bad", "unknown-severity")]
)
def test_a_scope_names_ids_and_known_severities(field: ScopeField, member: str, code: str) -> None:
    given(ESCALATION).when(ChangeScope(**NOW, field=field, seen=(), members=(member,))).then_refused(code, of=Invalid)
    good = "urgent" if field is ScopeField.SEVERITIES else "payments-api"
    given(ESCALATION).when(ChangeScope(**NOW, field=field, seen=(), members=(good,))).then(
        ScopeChanged(**NOW, field=field, previous=(), members=(good,))
    )


@pytest.mark.parametrize(
    "wrong", [{"from_min": -1}, {"to_min": DAY_MIN}, {"offset_min": 841}, {"offset_min": -841}, {"to_min": NIGHT.from_min}]
)
def test_quiet_hours_are_minutes_of_a_day(wrong: dict[str, int]) -> None:
    period: QuietHours = replace(NIGHT, **wrong)
    given(NOTIFICATION).when(ChangeQuietHours(**NOW, seen=(), quiet_hours=(period,))).then_refused("bad-quiet-hours", of=Invalid)


def test_publishing_freezes_the_draft_as_the_next_version_and_puts_nothing_in_force() -> None:
    event = replace(published(), **NOW)
    state = given(ESCALATION, WITH_STEPS).when(Publish(**NOW, revision=1)).then(event)
    assert (state.status, state.last_version, state.in_force) == (Status.INACTIVE, 1, None)
    later = StepsChanged(**NOW, previous=STEPS, steps=(FIRST,))
    after = POLICY.evolve(state, later)
    first = after.version(1)
    assert first is not None
    assert (first.content.steps, after.draft.steps) == (STEPS, (FIRST,)), "what is published never changes"


def test_publishing_the_same_draft_again_is_nothing() -> None:
    given(ESCALATION, WITH_STEPS, published()).when(Publish(**NOW, revision=1)).then_nothing()


def test_nobody_publishes_what_they_have_not_seen() -> None:
    more = StepsChanged(**LATER, previous=STEPS, steps=(FIRST,))
    given(ESCALATION, WITH_STEPS, more).when(Publish(**NOW, revision=1)).then_refused("draft-changed", "revision 2", "saw 1")


@pytest.mark.parametrize(
    "history",
    [(ESCALATION,), (NOTIFICATION,), (ESCALATION, WITH_RULES), (NOTIFICATION, WITH_STEPS)],
    ids=["no steps", "no rules", "rules", "steps"],
)
def test_what_tells_nobody_anything_is_not_published(history: tuple[Event, ...]) -> None:
    given(*history).when(Publish(**NOW, revision=len(history) - 1)).then_refused("empty-policy", of=Invalid)


def test_a_version_is_activated_in_place_of_the_seen_one_and_an_older_one_too() -> None:
    history = (ESCALATION, WITH_STEPS, published(), published(2, steps=(FIRST,)))
    state = given(*history).when(Activate(**NOW, seen=None, version=2)).then(Activated(**NOW, previous=None, version=2))
    assert state.in_force is not None
    assert (state.status, state.in_force.steps) == (Status.ACTIVE, (FIRST,))
    active = Activated(**LATER, previous=None, version=2)
    given(*history, active).when(Activate(**NOW, seen=2, version=1)).then(Activated(**NOW, previous=2, version=1))
    given(*history, active).when(Activate(**NOW, seen=None, version=2)).then_nothing()
    given(*history, active).when(Activate(**NOW, seen=None, version=1)).then_conflict(FieldConflict("active_version", None, 2, 1))


def test_only_what_is_published_and_kept_can_be_activated() -> None:
    given(ESCALATION, WITH_STEPS).when(Activate(**NOW, seen=None, version=1)).then_refused("no-such-version", "nothing is published")
    given(ESCALATION, WITH_STEPS, published()).when(Activate(**NOW, seen=None, version=2)).then_refused("no-such-version", "up to 1")


def test_it_is_deactivated_and_twice_is_no_error() -> None:
    history = (ESCALATION, WITH_STEPS, published(), Activated(**LATER, previous=None, version=1))
    state = given(*history).when(Deactivate(**NOW)).then(Deactivated(**NOW, previous=1))
    assert (state.status, state.in_force) == (Status.INACTIVE, None)
    given(*history, Deactivated(**LATER, previous=1)).when(Deactivate(**NOW)).then_nothing()


def test_the_last_versions_are_kept_and_the_active_one() -> None:
    many = [published(n, n) for n in range(2, VERSIONS_MAX + 6)]
    state = policy(ESCALATION, published(), Activated(**LATER, previous=None, version=1), *many)
    assert [version.number for version in state.versions] == [1, *range(6, VERSIONS_MAX + 6)]
    assert state.in_force is not None
    assert len(policy(ESCALATION, published(), *many).versions) == VERSIONS_MAX


@pytest.mark.parametrize("command", ["publish", "activate", "deactivate"])
def test_only_an_admin_puts_a_policy_in_force(command: str) -> None:
    assert not allowed("operator", "policy", command)
    assert allowed("admin", "policy", command)
    assert allowed("operator", "policy", "change_steps")
