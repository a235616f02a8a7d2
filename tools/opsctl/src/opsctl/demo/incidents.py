"""Arcs about incidents: an outage in full, a small incident that ends by itself, and one that was reported twice."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import TypeAlias

from opsctl.demo.cast import ADMIN, CHECKS, CUSTOMERS, HELPDESK, OPERATORS, TROUBLES, Trouble
from opsctl.demo.scene import Scene, change, latest, text_of
from opsctl.demo.steps import Alert, Answer, Arc, Ask, Command, Part, Person, Row, Step, say
from opsroom_domain.decider import Json
from opsroom_domain.ids import EntityId
from opsroom_domain.times import rfc3339

_CONFLICT = "edit-conflict"
_Answers: TypeAlias = tuple[Answer, ...]
_Alerted: TypeAlias = Generator[Step, _Answers, tuple[Alert, Answer]]
_Rows: TypeAlias = Generator[Step, _Answers, Row]
_Ids: TypeAlias = Generator[Step, _Answers, EntityId]
_Tasks: TypeAlias = Generator[Step, _Answers, tuple[EntityId, EntityId]]


def outage(scene: Scene) -> Arc:
    """Everything that happens in a bad hour: the alert, the people, the work, the customers, the end and what is learnt."""
    trouble = scene.one(TROUBLES)
    commander, fixer, helper = scene.some(OPERATORS, 3)
    alert, opened = yield from _alerted(scene, trouble)
    incident = EntityId(text_of(opened.row, "id"))
    row: Row = opened.row
    row = (yield from say(commander, "incident.acknowledge", incident, {})).row
    yield from say(commander, "incident.change_duty", incident, change(row["commander"], commander.actor, duty="commander"))
    row = (yield from say(commander, "incident.assign", incident, change(row["assignee"], fixer.actor))).row
    yield from say(ADMIN, "incident.change_services", incident, {"add": [trouble.service]})
    row = yield from _two_opinions(incident, row, commander, helper)
    row = (yield from say(fixer, "incident.change_status", incident, change(row["status"], "investigating"))).row
    yield from say(fixer, "incident.add_note", incident, {"text": f"Since {rfc3339(alert.starts_at)}: {trouble.summary}."})
    yield from say(
        commander,
        "incident.add_comment",
        incident,
        {"text": f"@{helper.actor} can you look at the graphs? @{fixer.actor} is on the database."},
    )
    look, repair = yield from _work(scene, incident, trouble, helper, fixer)
    ticket = yield from _complaint(scene, incident, trouble)
    yield from say(helper, "incident.add_comment", incident, {"text": f"Found it, I think: {trouble.cause}. @{fixer.actor}"})
    yield from _finish(helper, look)
    row = (yield from say(fixer, "incident.add_note", incident, {"text": f"Cause: {trouble.cause}."})).row
    row = (yield from say(commander, "incident.change_watchers", incident, {"add": [ADMIN.actor, HELPDESK[0].actor]})).row
    yield from _finish(fixer, repair)
    row = (yield from say(fixer, "incident.change_status", incident, change(row["status"], "mitigated"))).row
    row = (yield from say(commander, "incident.resolve", incident, {"resolution": f"We {trouble.fix}."})).row
    yield from _alert_over(scene, alert)
    agent = scene.one(HELPDESK)
    yield from say(agent, "ticket.reply", ticket, {"text": "It works again, and we are sorry. Please try once more."})
    yield from say(agent, "ticket.solve", ticket, {"resolution": f"Fixed: we {trouble.fix}."})
    yield from _postmortem(incident, row, trouble, commander, helper)


def small(scene: Scene) -> Arc:
    """Somebody looks, and before much is done the alert is over: the incident ends by itself."""
    trouble = scene.one(TROUBLES)
    who, other = scene.some(OPERATORS, 2)
    alert, opened = yield from _alerted(scene, trouble)
    incident = EntityId(text_of(opened.row, "id"))
    row = (yield from say(who, "incident.acknowledge", incident, {})).row
    row = (yield from say(who, "incident.assign", incident, change(row["assignee"], who.actor))).row
    yield from say(who, "incident.add_note", incident, {"text": f"Looking. Perhaps {trouble.cause}."})
    if scene.likely(0.5):
        yield from say(other, "incident.escalate", incident, {"reason": "It comes back every day."})
    row = (yield from say(who, "incident.change_status", incident, change(row["status"], "investigating"))).row
    if scene.likely(0.5):
        yield from _retitled(incident, row, who, other)
    yield from say(other, "incident.add_comment", incident, {"text": f"@{who.actor} it is going down again."})
    yield from _alert_over(scene, alert)


def reported_twice(scene: Scene) -> Arc:
    """Two people report the same; one report is merged into the other."""
    trouble = scene.one(TROUBLES)
    first, second = scene.some(OPERATORS, 2)
    kept, copy = scene.ids.entity_id("inc"), scene.ids.entity_id("inc")
    row = (yield from _reported(scene, kept, first, f"{trouble.service}: {trouble.summary}")).row
    yield from say(second, "incident.acknowledge", kept, {})
    yield from _reported(scene, copy, second, f"Customers say: {trouble.complaint}")
    yield from say(second, "incident.add_note", copy, {"text": "Three calls in ten minutes."})
    yield from say(first, "incident.add_comment", copy, {"text": f"@{second.actor} is this not the same as {text_of(row, 'code')}?"})
    yield from say(second, "incident.merge", copy, {"into": kept})
    yield from say(first, "incident.acknowledge", copy, {}, "merged")
    yield from say(first, "incident.add_note", kept, {"text": f"Cause: {trouble.cause}."})
    yield from say(first, "incident.resolve", kept, {"resolution": f"We {trouble.fix}."})


def _reported(scene: Scene, incident: EntityId, who: Person, title: str) -> Part:
    body: dict[str, Json] = {"id": incident, "title": title, "severity": scene.one(("sev2", "sev3", "sev4")), "labels": scene.labels}
    return (yield from say(who, "incident.open", incident, body))


def _alerted(scene: Scene, trouble: Trouble) -> _Alerted:
    number = scene.next_alert()
    alert = Alert(
        tag=f"{scene.run}-{number}",
        fingerprint=f"demo-{scene.run}-{number}",
        name=trouble.alert,
        service=trouble.service,
        severity=trouble.severity,
        summary=trouble.summary,
        starts_at=scene.clock.now(),
        labels=scene.marks,
    )
    (opened,) = yield alert
    return alert, opened


def _alert_over(scene: Scene, alert: Alert) -> Arc:
    yield replace(alert, ends_at=scene.clock.now())


def _two_opinions(incident: EntityId, row: Row, first: Person, second: Person) -> _Rows:
    """Two people saw the same severity and want different ones: the second is told both values, and decides again."""
    seen = text_of(row, "severity")
    worse, milder = ("sev1", "sev3") if seen != "sev1" else ("sev2", "sev4")
    row = (yield from say(first, "incident.change_severity", incident, change(seen, worse))).row
    refused = yield from say(second, "incident.change_severity", incident, change(seen, milder), _CONFLICT)
    row = latest(refused, row)
    yield from say(
        second, "incident.add_comment", incident, {"text": f"@{first.actor} I would have said {milder}, but you saw more of it."}
    )
    return row


def _retitled(incident: EntityId, row: Row, first: Person, second: Person) -> Arc:
    seen = text_of(row, "title")
    yield from say(first, "incident.edit", incident, {"changes": {"title": change(seen, f"{seen} (again)")}})
    refused = yield from say(second, "incident.edit", incident, {"changes": {"title": change(seen, f"{seen}, as last week")}}, _CONFLICT)
    current = text_of(refused.row, "title")
    if current:
        yield from say(
            second, "incident.edit", incident, {"changes": {"title": change(current, f"{seen} (again, as last week)")}}, _CONFLICT
        )


def _work(scene: Scene, incident: EntityId, trouble: Trouble, helper: Person, fixer: Person) -> _Tasks:
    """Two tasks of the incident; the repair waits for the look."""
    look, repair = scene.ids.entity_id("tsk"), scene.ids.entity_id("tsk")
    created: dict[str, Json] = {"title": f"Find out why {trouble.summary}", "priority": "urgent", "assignee": helper.actor}
    items = [Command("task.add_item", look, {"item_id": f"check-{number}", "text": text}) for number, text in enumerate(CHECKS)]
    first = Command("task.create", look, {"id": look, **created, "parent": incident, "labels": scene.labels})
    yield Ask(helper, (first, *items))
    body: dict[str, Json] = {"id": repair, "title": f"Repair {trouble.service}", "priority": "high", "assignee": fixer.actor}
    row = (yield from say(fixer, "task.create", repair, {**body, "parent": incident, "labels": scene.labels})).row
    yield from say(fixer, "task.link", repair, {"target": look, "relation": "blocked-by"})
    waiting = change(row["status"], "blocked", reason="First we have to know the cause.")
    yield from say(fixer, "task.change_status", repair, waiting)
    yield from say(helper, "task.change_status", look, change("to_do", "in_progress"))
    for number, who in enumerate((helper, fixer, helper)):
        yield from say(who, "task.tick_item", look, {"item_id": f"check-{number}", "ticked": True})
    return look, repair


def _complaint(scene: Scene, incident: EntityId, trouble: Trouble) -> _Ids:
    ticket, agent = scene.ids.entity_id("tkt"), scene.one(HELPDESK)
    body: dict[str, Json] = {"title": trouble.complaint, "requester": scene.one(CUSTOMERS), "channel": "phone", "priority": "high"}
    yield from say(agent, "ticket.create", ticket, {"id": ticket, **body, "labels": scene.labels})
    yield from say(agent, "ticket.link", ticket, {"target": incident, "relation": "caused-by"})
    yield from say(agent, "ticket.reply", ticket, {"text": "Thank you for telling us. We are working on it."})
    return ticket


def _finish(who: Person, task: EntityId) -> Arc:
    yield from say(who, "task.complete", task, {})


def _postmortem(incident: EntityId, row: Row, trouble: Trouble, author: Person, reader: Person) -> Arc:
    yield from say(author, "incident.start_postmortem", incident, {"template": "short"})
    written: dict[str, Json] = {"summary": change("", f"{trouble.service}: {trouble.summary}."), "causes": change("", f"{trouble.cause}.")}
    yield from say(author, "incident.edit_postmortem", incident, {"changes": written})
    count = row["event_count"]
    last = count if isinstance(count, int) else 1
    for version, note in ((1, "how it was noticed"), (last, "how it ended")):
        yield from say(author, "incident.pick_event", incident, {"version": version, "note": note})
    yield from say(author, "incident.ask_review", incident, {})
    yield from say(reader, "incident.review_postmortem", incident, {"verdict": "approved"})
