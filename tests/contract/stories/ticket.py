"""A ticket that is answered late, solved, comes back by a reply and is closed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from opsroom_domain.changes import Change
from opsroom_domain.entities.ticket import commands as c
from opsroom_domain.entities.ticket.sla import SlaTarget
from opsroom_domain.entities.ticket.words import Channel, Priority, Status
from opsroom_domain.ids import ActorId, EntityId
from opsroom_domain.shared import commands as s
from opsroom_domain.shared.words import Visibility

from .telling import ADA, BO, clock

KIND = "ticket"
_LOGIN = EntityId("tkt_01kaqf5m2s8v6t4r0q9p7n3k8r")
_INCIDENT = EntityId("inc_01kaqf5m2s8v6t4r0q9p7n3k1h")
_CARLA = ActorId("usr_01kaqf5m2s8v6t4r0q9p7n3k9s")
_TARGETS = (
    SlaTarget(priority=Priority.URGENT, response_s=60, resolution_s=600),
    SlaTarget(priority=Priority.NORMAL, response_s=10, resolution_s=None),
)


def later(minutes: int) -> Callable[..., dict[str, Any]]:
    """As the stories' clock, some minutes on."""
    stamp = clock()

    def shifted(by: ActorId = ADA) -> dict[str, Any]:
        stamped = stamp(by)
        return stamped | {"at": stamped["at"] + timedelta(minutes=minutes)}

    return shifted


def story() -> Iterator[tuple[str, EntityId, Any]]:
    """Every event of a ticket at least once."""
    common, then = clock(), later(1)
    for command in (
        c.Create(
            ticket_id=_LOGIN,
            title="I cannot log in",
            description="Since this mörning.",
            requester=_CARLA,
            channel=Channel.EMAIL,
            targets=_TARGETS,
            labels=("login",),
            **common(),
        ),
        c.AddNote(note_id="note_1", text="She is a new customer.", **common(BO)),
        s.Assign(seen=None, assignee=BO, **common()),
        c.Reply(reply_id="rpl_1", text="We look into it.", **then(BO)),
        c.ChangeStatus(seen=Status.OPEN, status=Status.PENDING, **then(BO)),
        c.Reply(reply_id="rpl_2", text="My name is written with two r.", **then(_CARLA)),
        c.ChangePriority(seen=Priority.NORMAL, priority=Priority.URGENT, **then()),
        c.Solve(resolution="The name was wrong.", **then(BO)),
        c.Reply(reply_id="rpl_3", text="It is back.", from_requester=True, **then(BO)),
        s.Edit(changes=(Change(field="title", seen="I cannot log in", to="Names with two r cannot log in"),), **then()),
        s.ChangeLabels(add=("names",), **then()),
        s.ChangeWatchers(add=(ADA,), **then()),
        s.ChangeTeam(seen=None, team="identity", **then()),
        s.AddComment(comment_id="cmt_1", text="@usr_bo, all names?", **then()),
        s.EditComment(comment_id="cmt_1", seen="@usr_bo, all names?", text="All names?", **then()),
        s.DeleteComment(comment_id="cmt_1", **then()),
        s.Link(target=_INCIDENT, relation="caused-by", **then()),
        s.Unlink(target=_INCIDENT, relation="caused-by", **then()),
        s.ChangeVisibility(seen=Visibility.EVERYONE, visibility=Visibility.TEAM, **then()),
        c.CheckSla(**later(60)()),
        c.Solve(resolution="All names are read anew.", **later(61)(BO)),
        c.Reopen(reason="One is left", **later(62)()),
        c.Solve(**later(63)(BO)),
        c.Close(**later(64)()),
    ):
        yield KIND, _LOGIN, command
