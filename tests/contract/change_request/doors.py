"""The doors of a change request."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from command_api.api.doors import bodies as b
from command_api.api.doors.door import Asked, Door, create, post
from command_api.api.doors.shared import shared_doors
from opsroom_common.http.json import StrictBody
from opsroom_domain.entities import change_request as c

KIND = "change_request"
ChangeRequestId = Annotated[
    str, AfterValidator(b.id_with(c.PREFIX, "a change request id")), Field(examples=["chg_01kb3f9ph0e5wrt8z2v6q4n7xd"])
]


class ProposeBody(StrictBody):
    id: ChangeRequestId = Field(description="Minted by the client, so that a retried create finds itself.")
    title: str
    description: str = ""
    labels: tuple[str, ...] = ()


class ChangeRequestStatusBody(b.SeenToBody[c.Status]):
    pass


def _propose(a: Asked, x: ProposeBody) -> c.Propose:
    return c.Propose(**a.common, change_request_id=a.entity_id, title=x.title, description=x.description, labels=x.labels)


DOORS: tuple[Door[Any], ...] = (
    *shared_doors(KIND),
    create(KIND, "propose", ProposeBody, _propose, "Propose a change"),
    post(
        KIND,
        "change_status",
        "status",
        ChangeRequestStatusBody,
        lambda a, x: c.ChangeStatus(**a.common, seen=x.seen, status=x.to),
        "Approve it, reject it, or say that it is done",
    ),
)
