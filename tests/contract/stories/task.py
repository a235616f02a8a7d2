"""A task, a part of an incident, through its whole life; and a second one."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from opsroom_domain.changes import Change
from opsroom_domain.entities.task import commands as c
from opsroom_domain.entities.task.words import Priority, Status
from opsroom_domain.ids import EntityId
from opsroom_domain.shared import commands as s
from opsroom_domain.shared.words import Visibility

from .telling import ADA, BO, START, clock

KIND = "task"
_KEYS = EntityId("tsk_01kaqf5m2s8v6t4r0q9p7n3k5n")
_MAIL = EntityId("tsk_01kaqf5m2s8v6t4r0q9p7n3k6p")
_INCIDENT = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k1h")
_DUE = START + timedelta(days=2)


def story() -> Iterator[tuple[str, EntityId, Any]]:
    """Every event of a task at least once."""
    common = clock()
    for command in (
        c.Create(task_id=_KEYS, title="Rotate the keys", labels=("security",), parent=_INCIDENT, due_at=_DUE, **common()),
        c.AddItem(item_id="itm_1", text="db-1", **common()),
        c.AddItem(item_id="itm_2", text="db-2", before="itm_1", **common(BO)),
        c.AddItem(item_id="itm_3", text="db-3", **common(BO)),
        s.Assign(seen=None, assignee=BO, **common()),
        c.ChangeStatus(seen=Status.TO_DO, status=Status.IN_PROGRESS, **common(BO)),
        c.TickItem(item_id="itm_1", ticked=True, **common(BO)),
        c.TickItem(item_id="itm_2", ticked=True, **common()),
        c.TickItem(item_id="itm_2", ticked=False, **common()),
        c.EditItem(item_id="itm_2", seen="db-2", text="db-2 and its replica", **common()),
        c.MoveItem(item_id="itm_3", before="itm_2", **common()),
        c.RemoveItem(item_id="itm_3", **common()),
        c.ChangeStatus(seen=Status.IN_PROGRESS, status=Status.BLOCKED, reason="No access to the vault: ünlocked?", **common(BO)),
        c.ChangePriority(seen=Priority.NORMAL, priority=Priority.URGENT, **common()),
        c.ChangeDueDate(seen=_DUE, due_at=_DUE - timedelta(days=1), **common()),
        c.ChangeParent(seen=_INCIDENT, parent=_MAIL, **common()),
        s.Edit(changes=(Change(field="title", seen="Rotate the keys", to="Rotate all keys"),), **common()),
        s.ChangeLabels(add=("vault",), **common()),
        s.ChangeWatchers(add=(ADA, BO), **common()),
        s.ChangeTeam(seen=None, team="platform", **common()),
        s.AddComment(comment_id="cmt_1", text="@usr_bo, who has access?", **common()),
        s.EditComment(comment_id="cmt_1", seen="@usr_bo, who has access?", text="Who has access?", **common()),
        s.DeleteComment(comment_id="cmt_1", **common()),
        s.Link(target=_INCIDENT, relation="related", **common()),
        s.Unlink(target=_INCIDENT, relation="related", **common()),
        s.ChangeVisibility(seen=Visibility.EVERYONE, visibility=Visibility.TEAM, **common()),
        c.Complete(**common(BO)),
        c.Reopen(reason="db-2 was forgotten", **common()),
    ):
        yield KIND, _KEYS, command
    yield KIND, _MAIL, c.Create(task_id=_MAIL, title="Tell the customers", description="By mail.\nToday.", assignee=ADA, **common())
    yield KIND, _MAIL, c.Cancel(reason="Nobody was hit", **common())
