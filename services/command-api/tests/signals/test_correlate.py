"""Redelivered, repeated and reordered webhooks change nothing; an episode opens, attaches or resolves as the rule says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from command_api.signals import correlate
from command_api.signals.correlate import SEVERITIES, Candidate, candidate_of, target
from opsroom_common.contracts.signals import AlertmanagerAlert
from opsroom_common.log.entity import mint_ms
from opsroom_common.runtime.ids import is_uuid7, unix_ms, uuid_of
from opsroom_domain.decider import Refused
from opsroom_domain.entities.incident import INCIDENT, Incident, Resolve, Severity, Status
from opsroom_domain.ids import ActorId, EntityId, prefix_of

from .webhooks import T0, at, decoded

NOW = at(1000)
INC = EntityId("inc_01k2v9q3f4e5r6t7y8z9a0b1c2")


class World:
    """Incidents by pure decide and evolve; the index is exact."""

    def __init__(self) -> None:
        self.incidents: dict[EntityId, Incident] = {}
        self.events = 0

    def latest(self, fingerprint: str) -> Candidate | None:
        found = [c for i in self.incidents.values() if (c := candidate_of(i, fingerprint)) is not None]
        return max(found, key=lambda c: (c.last_starts_at, c.incident_id), default=None)

    def deliver(self, alert: AlertmanagerAlert) -> EntityId:
        incident_id = target(alert, self.latest(alert.fingerprint))
        self.do(incident_id, correlate.command(alert, incident_id, NOW))
        return incident_id

    def do(self, incident_id: EntityId, command: object) -> None:
        try:
            events = INCIDENT.decide(self.incidents.get(incident_id), command)  # type: ignore[arg-type]
        except Refused as refused:
            assert refused.code in {"nothing-to-resolve", "merged"}
            return
        for event in events:
            self.incidents[incident_id] = INCIDENT.evolve(self.incidents.get(incident_id), event)
            self.events += 1


FINGERPRINTS = st.sampled_from(["f1", "f2", "f3"])
# Episodes of one fingerprint do not overlap: starts on even tens, ends within.
EPISODES = st.builds(
    lambda f, n, ends: [decoded(f, n * 10)] + ([decoded(f, n * 10, n * 10 + 5)] if ends else []),
    FINGERPRINTS,
    st.integers(0, 6),
    st.booleans(),
)


@st.composite
def histories(draw: st.DrawFn) -> list[AlertmanagerAlert]:
    """What really happened, in order: each fingerprint's episodes by time, each firing before it resolves."""
    alerts = [alert for episode in draw(st.lists(EPISODES, max_size=8)) for alert in episode]
    return [decoded(*key) for key in sorted(set(map(_key, alerts)), key=lambda k: (k[1], k[2] is not None, k[0]))]


def _key(alert: AlertmanagerAlert) -> tuple[str, float, float | None]:
    start = (alert.starts_at - T0) / timedelta(minutes=1)
    return alert.fingerprint, start, None if alert.ends_at is None else (alert.ends_at - T0) / timedelta(minutes=1)


@given(histories(), st.data())
def test_any_redelivery_in_any_order_of_what_was_handled_changes_nothing(history: list[AlertmanagerAlert], data: st.DataObject) -> None:
    world = World()
    for alert in history:
        world.deliver(alert)
    before, events = dict(world.incidents), world.events
    again = data.draw(st.lists(st.sampled_from(history), max_size=20)) if history else []
    for alert in again:
        world.deliver(alert)
    assert (world.incidents, world.events) == (before, events)


@given(histories(), st.data())
def test_redeliveries_between_the_others_give_the_same_incidents(history: list[AlertmanagerAlert], data: st.DataObject) -> None:
    plain, noisy = World(), World()
    for n, alert in enumerate(history):
        plain.deliver(alert)
        noisy.deliver(alert)
        for late in data.draw(st.lists(st.sampled_from(history[: n + 1]), max_size=3)):
            noisy.deliver(late)
    assert noisy.incidents == plain.incidents


@given(histories())
def test_a_live_incident_means_that_something_fires(history: list[AlertmanagerAlert]) -> None:
    world = World()
    for alert in history:
        world.deliver(alert)
    for incident in world.incidents.values():
        assert incident.live == incident.firing


def test_an_alert_opens_repeats_and_resolves_one_incident() -> None:
    world = World()
    opened = world.deliver(decoded())
    assert world.deliver(decoded()) == opened
    assert world.deliver(decoded(end=5)) == opened
    (incident,) = world.incidents.values()
    assert (incident.status, incident.resolved_automatically, incident.severity) == (Status.RESOLVED, True, Severity.SEV1)


def test_a_new_episode_of_a_live_incident_attaches() -> None:
    """Somebody resolved nothing, the alert's resolution was lost, and it fires anew."""
    world = World()
    opened = world.deliver(decoded())
    assert world.deliver(decoded(start=10)) == opened
    assert world.incidents[opened].signals["f1"].starts_at == at(10)


def test_a_new_episode_after_the_resolution_is_a_new_incident() -> None:
    world = World()
    first = world.deliver(decoded())
    world.do(first, Resolve(at=NOW, by=ActorId("usr_a"), resolution="done"))
    second = world.deliver(decoded(start=10))
    assert second != first
    assert world.deliver(decoded(start=0)) == second  # the old episode, redelivered: known to be old, changes nothing
    assert len(world.incidents) == 2


def test_a_resolution_of_nothing_opens_nothing() -> None:
    world = World()
    world.deliver(decoded(end=5))
    assert world.incidents == {}


def test_the_new_incidents_id_is_the_same_for_every_try_and_carries_the_start() -> None:
    one, two = target(decoded(), None), target(decoded(annotations=("another value",)), None)
    assert one == two
    assert prefix_of(one) == "inc"
    assert mint_ms(uuid_of(one)) == unix_ms(T0)
    assert len({target(decoded(f, s), None) for f in ("f1", "f2") for s in (0, 1)}) == 4


@given(st.text(max_size=30), st.text(max_size=30))
def test_the_command_is_the_same_whatever_only_the_delivery_differs_in(summary: str, receiver: str) -> None:
    a, b = decoded(), replace(decoded(annotations=(summary,)), receiver=receiver, group_key=receiver, generator_url=summary)
    assert correlate.command_id(a, INC, NOW) == correlate.command_id(b, INC, at(2000))
    assert correlate.body_hash(a) == correlate.body_hash(b)
    assert is_uuid7(correlate.command_id(a, INC, NOW))


def test_each_step_of_an_episode_is_another_command_minted_at_its_own_time() -> None:
    firing, resolved = decoded(), decoded(end=5)
    ids = {correlate.command_id(a, INC, NOW) for a in (firing, resolved, decoded("f2"), decoded(start=1), decoded(end=6))}
    assert len(ids) == 5
    assert mint_ms(correlate.command_id(firing, INC, NOW)) == unix_ms(T0)
    assert mint_ms(correlate.command_id(resolved, INC, NOW)) == unix_ms(at(5))


def test_another_incident_is_asked_with_another_command() -> None:
    """What one incident refused a moment ago stays refused under the same id (R7); the other one must not inherit that."""
    assert correlate.command_id(decoded(), INC, NOW) != correlate.command_id(decoded(), target(decoded(), None), NOW)


def test_a_start_in_the_future_does_not_mint_an_id_from_the_future() -> None:
    """An entity compares mint times to know what it may have forgotten (R6)."""
    assert mint_ms(correlate.command_id(decoded(start=60), INC, at(0))) == 0


def test_severity_comes_from_the_label_by_a_table_that_a_site_may_replace() -> None:
    def severity(label: str | None, table: dict[str, Severity] | None = None) -> Severity:
        alert = replace(decoded(), labels={} if label is None else {"severity": label})
        return correlate.command(alert, EntityId("inc_x"), NOW, table or SEVERITIES).severity

    assert [severity(label) for label in ("critical", "page", "error", "high", "Warning ", "info", "none", "weird", None)] == [
        Severity.SEV1,
        Severity.SEV1,
        Severity.SEV2,
        Severity.SEV2,
        Severity.SEV3,
        Severity.SEV4,
        Severity.SEV5,
        Severity.SEV3,
        Severity.SEV3,
    ]
    assert severity("p1", {"p1": Severity.SEV1}) is Severity.SEV1
