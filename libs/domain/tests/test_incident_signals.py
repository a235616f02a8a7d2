"""Signals open incidents, attach to them and resolve them; a repeated or late report changes nothing."""

from __future__ import annotations

import pytest
from examples import INC, LATER, NOW, OPENED, RESOLVED, attached, given, minute, signal

from opsroom_domain.entities.incident import Acknowledged, Opened, Reopened, Resolved, Severity, SignalStatus, Status, Visibility

FIRING, OVER = SignalStatus.FIRING, SignalStatus.RESOLVED
ALL_OVER = Resolved(**NOW, resolution="All signals resolved.", automatic=True)
AGAIN = Reopened(**NOW, reason="A signal fires again.")


def test_the_first_firing_signal_opens_the_incident() -> None:
    opened = Opened(
        **NOW,
        incident_id=INC,
        title="HighLatency: p99 is 3 s",
        description="p99 is 3 s",
        severity=Severity.SEV2,
        source="alertmanager",
        labels=("env=prod", "team=pay"),
        visibility=Visibility.EVERYONE,
    )
    after = given().when(signal(labels=("team=pay", "env=prod"))).then(opened, attached(stamp=NOW))
    assert (after.status, after.firing, set(after.signals)) == (Status.OPEN, True, {"f1"})


def test_a_resolved_signal_opens_nothing() -> None:
    given().when(signal(status=OVER)).then_refused("nothing-to-resolve", INC)


def test_another_signal_attaches() -> None:
    after = given(OPENED, attached("f1")).when(signal("f2")).then(attached("f2", stamp=NOW))
    assert set(after.signals) == {"f1", "f2"}


def test_a_signal_does_not_change_what_people_have_set() -> None:
    after = given(OPENED).when(signal()).then(attached(stamp=NOW))
    assert (after.title, after.severity, after.labels) == (OPENED.title, OPENED.severity, OPENED.labels)


def test_the_same_report_again_changes_nothing() -> None:
    given(OPENED, attached()).when(signal()).then_nothing()


def test_the_same_episode_with_other_words_changes_nothing() -> None:
    given(OPENED, attached()).when(signal(summary="p99 is 4 s")).then_nothing()


def test_an_older_episode_changes_nothing() -> None:
    given(OPENED, attached(starts=2)).when(signal(starts=1, status=OVER)).then_nothing()
    given(OPENED, attached(starts=2, status=OVER)).when(signal(starts=1)).then_nothing()


def test_a_late_firing_report_of_a_resolved_episode_changes_nothing() -> None:
    given(OPENED, attached("f1"), attached("f2"), attached("f2", OVER)).when(signal("f2")).then_nothing()


def test_a_newer_episode_replaces_the_older() -> None:
    after = given(OPENED, attached(starts=1)).when(signal(starts=3)).then(attached(starts=3, stamp=NOW))
    assert after.signals["f1"].starts_at == minute(3)


def test_a_signal_that_is_over_when_it_is_first_heard_of_does_not_fire_later() -> None:
    given(OPENED, attached("f1")).when(signal("f2", OVER)).then(attached("f2", OVER, stamp=NOW))
    given(OPENED, attached("f1"), attached("f2", OVER)).when(signal("f2")).then_nothing()


def test_a_signal_that_is_over_when_it_is_first_heard_of_neither_resolves_nor_reopens() -> None:
    assert given(OPENED).when(signal("f2", OVER)).then(attached("f2", OVER, stamp=NOW)).live
    assert not given(OPENED, RESOLVED).when(signal("f2", OVER)).then(attached("f2", OVER, stamp=NOW)).live


@pytest.mark.parametrize("history", [(), (Acknowledged(**LATER),)], ids=["open", "acknowledged"])
def test_when_the_last_firing_signal_resolves_so_does_the_incident(history: tuple[Acknowledged, ...]) -> None:
    after = given(OPENED, *history, attached()).when(signal(status=OVER, ends=4)).then(attached(status=OVER, ends=4, stamp=NOW), ALL_OVER)
    assert (after.status, after.resolved_automatically, after.firing) == (Status.RESOLVED, True, False)


def test_while_another_signal_fires_the_incident_lives() -> None:
    after = given(OPENED, attached("f1"), attached("f2")).when(signal("f1", OVER)).then(attached("f1", OVER, stamp=NOW))
    assert (after.live, after.firing) == (True, True)


def test_a_missed_episode_that_is_already_over_resolves_the_last_firing_signal() -> None:
    given(OPENED, attached(starts=1)).when(signal(status=OVER, starts=3)).then(attached(status=OVER, starts=3, stamp=NOW), ALL_OVER)


def test_what_people_resolved_stays_theirs_when_the_signal_follows() -> None:
    after = given(OPENED, attached(), RESOLVED).when(signal(status=OVER)).then(attached(status=OVER, stamp=NOW))
    assert (after.status, after.resolution, after.resolved_automatically) == (Status.RESOLVED, "rolled back", False)


def test_a_person_s_reopening_is_not_undone_by_a_signal_that_had_ended() -> None:
    history = (OPENED, attached(), attached(status=OVER), RESOLVED, Reopened(**LATER, reason="still slow"))
    assert given(*history).when(signal(status=OVER, starts=3)).then(attached(status=OVER, starts=3, stamp=NOW)).live


@pytest.mark.parametrize("starts", [0, 1], ids=["older", "same"])
def test_a_resolved_incident_is_not_reopened_by_a_known_episode(starts: int) -> None:
    given(OPENED, attached(starts=1), RESOLVED).when(signal(starts=starts)).then_nothing()


def test_a_newer_episode_reopens_a_resolved_incident() -> None:
    after = given(OPENED, attached(starts=1), RESOLVED).when(signal(starts=3)).then(attached(starts=3, stamp=NOW), AGAIN)
    assert (after.status, after.resolved_at) == (Status.OPEN, None)


def test_a_new_signal_reopens_a_resolved_incident() -> None:
    given(OPENED, attached("f1"), RESOLVED).when(signal("f2")).then(attached("f2", stamp=NOW), AGAIN)


def test_signals_have_a_limit_and_known_ones_pass_it() -> None:
    history = (OPENED, *(attached(f"s{n}") for n in range(500)))
    given(*history).when(signal("f1")).then_refused("too-many-signals", "500")
    given(*history).when(signal("s0", starts=3)).then(attached("s0", starts=3, stamp=NOW))


@pytest.mark.parametrize(("fingerprint", "code"), [("", "blank"), ("x" * 201, "too-long"), ("a\nb", "bad-text")])
def test_a_fingerprint_is_a_short_line(fingerprint: str, code: str) -> None:
    given().when(signal(fingerprint)).then_refused(code, "fingerprint")


def test_an_alert_is_never_refused_for_its_texts() -> None:
    report = signal(
        name="N" * 500,
        summary="long\n\x00\ud800 " * 20_000,
        source_url="javascript:alert(1)",
        labels=(*(f"label {n} " + "x" * 200 for n in range(80)), "", "two\nlines"),
    )
    outcome = given().when(report)
    after = outcome.then(*outcome.events)
    known = after.signals["f1"]
    assert (len(after.title), len(after.description), len(known.name), len(known.summary)) == (200, 20_000, 200, 1_000)
    assert after.title.endswith("…")
    assert len(after.labels) == 50
    assert max(len(label) for label in after.labels) <= 100
    assert known.source_url == ""
    assert "\x00" not in after.description
    assert "\ud800" not in after.description


def test_a_nameless_signal_is_called_by_its_fingerprint() -> None:
    outcome = given().when(signal(name=" ", summary=""))
    assert outcome.then(*outcome.events).title == "f1"


@pytest.mark.parametrize("url", ["http://p/x", "https://p/graph?g0.expr=up+%3D%3D+0&g0.tab=1"])
def test_a_web_address_is_kept(url: str) -> None:
    outcome = given().when(signal(source_url=url))
    assert outcome.then(*outcome.events).signals["f1"].source_url == url


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "http://a b", "https://p/" + "x" * 1000, "/relative"])
def test_what_is_no_web_address_or_too_long_is_left_out(url: str) -> None:
    outcome = given().when(signal(source_url=url))
    assert outcome.then(*outcome.events).signals["f1"].source_url == ""
