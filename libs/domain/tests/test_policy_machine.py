"""Whatever people do to a policy, in any order: what holds after each step."""

from __future__ import annotations

from typing import Any

import pytest
from any_shared import PEOPLE, SEEN, Make, shared_commands
from examples_policy import FIRST, LOUD, NIGHT, POL, RULE, SECOND, STEPS
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from kind_life import KindLife

from opsroom_domain.entities.policy import POLICY
from opsroom_domain.entities.policy import commands as c
from opsroom_domain.entities.policy.content import Content, check_complete, check_quiet_hours, check_rules, check_steps
from opsroom_domain.entities.policy.show import content_to_json
from opsroom_domain.entities.policy.words import VERSIONS_MAX, PolicyType, ScopeField

_FIELDS = st.sampled_from(ScopeField)
_MEMBERS = st.sampled_from([(), ("sev1",), ("api", "web"), ("urgent", "sev1"), ("Ü",)])
_STEPS = st.sampled_from([(), (FIRST,), STEPS, (SECOND, FIRST), (SECOND,)])
_RULES = st.sampled_from([(), (RULE,), (LOUD, RULE)])
_QUIET = st.sampled_from([(), (NIGHT,)])
_NUMBERS = st.none() | st.integers(1, 4)
_COMMANDS: st.SearchStrategy[Make] = st.one_of(
    st.builds(
        lambda field, saw, other, to: (
            lambda state, who: c.ChangeScope(**who, field=field, seen=state.draft.scope(field) if saw else other, members=to)
        ),
        _FIELDS,
        SEEN,
        _MEMBERS,
        _MEMBERS,
    ),
    st.builds(
        lambda saw, other, to: lambda state, who: c.ChangeSteps(**who, seen=state.draft.steps if saw else other, steps=to),
        SEEN,
        _STEPS,
        _STEPS,
    ),
    st.builds(
        lambda saw, other, to: lambda state, who: c.ChangeRules(**who, seen=state.draft.rules if saw else other, rules=to),
        SEEN,
        _RULES,
        _RULES,
    ),
    st.builds(
        lambda saw, other, to: lambda state, who: c.ChangeQuietHours(**who, seen=state.draft.quiet_hours if saw else other, quiet_hours=to),
        SEEN,
        _QUIET,
        _QUIET,
    ),
    st.just(lambda _, who: c.Create(**who, policy_id=POL, title="again", type=PolicyType.ESCALATION)),
)
_FORCE: st.SearchStrategy[Make] = st.one_of(
    SEEN.map(lambda saw: lambda state, who: c.Publish(**who, revision=state.revision if saw else state.revision + 1)),
    st.builds(
        lambda saw, other, to: (
            lambda state, who: c.Activate(
                **who, seen=state.active_version if saw else other, version=to if to is not None else max(1, state.last_version)
            )
        ),
        SEEN,
        _NUMBERS,
        _NUMBERS,
    ),
    st.just(lambda _, who: c.Deactivate(**who)),
)


class PolicyLife(KindLife):
    kind = POLICY
    not_repeatable = (c.Create,)

    def __init__(self) -> None:
        super().__init__()
        self.once: dict[int, Any] = {}
        """Every version as it was published."""

    def path_of(self, field: str) -> str:
        return f"draft.{field}" if field in content_to_json(Content()) else field

    @initialize(by=PEOPLE, kind=st.sampled_from(PolicyType))
    def create(self, by: str, kind: PolicyType) -> None:
        self.issue(c.Create(**self.stamp(by), policy_id=POL, title="Night", type=kind))

    @rule(makes=st.lists(_COMMANDS | _FORCE | _FORCE | shared_commands(), min_size=5, max_size=15), by=PEOPLE)
    def people_do_what_they_do(self, makes: list[Make], by: str) -> None:
        for make in makes:
            self.attempt(make(self.state, self.stamp(by)))
            self.holds()
            self.versions_never_change()

    @rule(by=PEOPLE)
    def many_versions(self, by: str) -> None:
        for _ in range(VERSIONS_MAX // 2):
            to = (FIRST,) if self.state.draft.steps != (FIRST,) else STEPS
            self.issue(c.ChangeSteps(**self.stamp(by), seen=self.state.draft.steps, steps=to))
            self.attempt(c.Publish(**self.stamp(by), revision=self.state.revision))
            self.versions_never_change()

    @invariant()
    def versions_never_change(self) -> None:
        if self.state is None:
            return
        for version in self.state.versions:
            assert self.once.setdefault(version.number, version) == version, "a published version changed"
            check_complete(self.state.type, version.content)
            check_steps(version.content.steps)
            check_rules(version.content.rules)
            check_quiet_hours(version.content.quiet_hours)
        numbers = [version.number for version in self.state.versions]
        assert numbers == sorted(set(numbers))
        assert len(numbers) <= VERSIONS_MAX + 1
        assert (numbers or [0])[-1] == self.state.last_version
        assert (self.state.in_force is None) is (self.state.active_version is None)


PolicyLife.TestCase.settings = settings(max_examples=40, stateful_step_count=10, deadline=None, print_blob=True, report_multiple_bugs=False)
TestPolicyLife = pytest.mark.timeout(400)(PolicyLife.TestCase)
