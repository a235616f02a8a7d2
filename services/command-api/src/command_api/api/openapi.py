"""The API's description: what FastAPI cannot see, because the doors read requests themselves, is said here."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from command_api.api import headers
from command_api.api.batch import BatchBody
from command_api.api.doors import BY_NAME, DOORS
from command_api.api.doors.door import HOLE, Door
from command_api.api.parked import SkipBody
from opsroom_common.http.problems import CONTENT_TYPE
from opsroom_domain.registry import KINDS

_REF = "#/components/schemas/{model}"


class LogPlace(BaseModel):
    """Where in ops.events the command's last event stands; a query can wait for it."""

    partition: int
    offset: int


class EntityShown(BaseModel):
    id: str
    kind: str
    version: int = Field(description="The row's version.")
    row: dict[str, Any] = Field(description="The whole row, the same bytes as in the feed and on a socket.")


class CommandAnswer(BaseModel):
    command_id: str
    replayed: bool = Field(description="True if the command had been applied before this request.")
    version: int = Field(description="The entity's version right after the command; its row may be newer on a retry.")
    log: LogPlace
    entities: list[EntityShown]


class BatchOutcome(BaseModel):
    """What the command's own door would have answered."""

    id: str | None = Field(description="The command's id as it was sent; null if that was no text.")
    status: int = Field(description="The status that the command's own door would have answered.")
    headers: dict[str, str] = Field(description="Location of what was created, Retry-After of what has to be repeated; else empty.")
    body: dict[str, Any]


class BatchAnswer(BaseModel):
    outcomes: list[BatchOutcome] = Field(description="One for each command, in the order of the call.")


class FieldProblem(BaseModel):
    field: str
    code: str
    what_to_do: str


class Conflict(BaseModel):
    field: str
    seen: Any
    current: Any
    wanted: Any
    changed_by: str | None
    changed_at: str | None


class ProblemDetails(BaseModel):
    """RFC 9457. Switch on ``type`` or ``code``; the words may change."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(examples=["https://opsroom.dev/problems/edit-conflict"])
    code: str = Field(description="The last part of type.")
    title: str
    status: int
    detail: str = Field(description="What to do next.")
    command_id: str | None = Field(default=None, description="Repeat the command with this id.")
    applied: bool | None = Field(default=None, description="False: this attempt changed nothing. null: nobody can know yet.")
    errors: list[FieldProblem] | None = Field(default=None, description="400: each wrong field.")
    conflicts: list[Conflict] | None = Field(default=None, description="409 edit-conflict: both values, who, when.")
    current: EntityShown | None = Field(default=None, description="409: the present row.")
    details: dict[str, Any] | None = Field(
        default=None, description="A refusal's facts for programs, by its code: what a refused bid is told of price, least bid and end."
    )


_ANSWERS = {
    400: "Malformed JSON, unknown or wrong fields, a missing or wrong Idempotency-Key",
    401: "Nobody is signed in",
    403: "The role does not allow it",
    404: "There is no such entity",
    409: "A seen value or the expected version is stale, or the present state does not allow it",
    413: "The body, or what the command gives, is too large",
    415: "Not JSON",
    422: "The command breaks a limit or a rule, or the Idempotency-Key was used for another command",
    423: "The entity is set aside until an operator decides",
    429: "Too many commands; see Retry-After",
    503: "Not now, or the outcome is unknown; repeat with the same Idempotency-Key after Retry-After",
}
_BATCH = """200 means that every command has a status of its own; look at each. Every command is the same command as at its own door: a repetition
there, or of the whole batch, has no second effect (`replayed`). Commands on one entity are decided in the order of the list, each after the
one before it was answered; if that one could not be decided (429, 500, 503), those behind it are not tried (503 `earlier-not-decided`).
Commands on different entities are decided in any order, and nothing binds them together: some may be refused while others are applied. Up to
500 commands; the headers, the rate limit and the deadline count for each. A batch that is wrong as a whole is one problem, and nothing of it
is begun."""
_SKIP = """For admins. The record does not count any more, for any reader and in every rebuild; what waited behind it is folded. The answer names
the version that the entity has after that record, and no row: the projector makes it. 409 `not-parked`: the entity is not parked at that
offset; look again, and decide again."""
_PROBLEM = {"content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}}


def responses(*, created: bool = False) -> dict[int | str, dict[str, Any]]:
    """Every answer of a command."""
    ok = {"application/json": {"schema": {"$ref": "#/components/schemas/CommandAnswer"}}}
    said: dict[int | str, dict[str, Any]] = {201 if created else 200: {"description": "The command is in the log", "content": ok}}
    return said | problem_responses(*_ANSWERS)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"description": _ANSWERS[status], **_PROBLEM} for status in statuses}


def described(door: Door[Any]) -> dict[str, Any]:
    """The operation's parameters and body."""
    key = _header("Idempotency-Key", "The command's id: a UUIDv7, new for each command, the same for its retries.", "uuid", required=True)
    parameters = [key, *_origin()]
    if HOLE in door.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"$ref": _id_schema(door.kind)}})
    return {"parameters": parameters, "requestBody": json_body(door.body)}


def batch() -> dict[str, Any]:
    """The operation for many commands."""
    ok = {"application/json": {"schema": {"$ref": "#/components/schemas/BatchAnswer"}}}
    said: dict[int | str, dict[str, Any]] = {200: {"description": "Every command has an outcome of its own", "content": ok}}
    return {
        "status_code": 200,
        "responses": said | problem_responses(400, 401, 413, 415, 422, 503),
        "openapi_extra": {"parameters": _origin(), "requestBody": json_body(BatchBody)},
        "operation_id": "commands_batch",
        "summary": "Many commands, each with its own outcome",
        "description": _BATCH,
        "tags": ["commands"],
    }


def skip() -> dict[str, Any]:
    """The operation for a parked entity."""
    key = _header("Idempotency-Key", "The command's id: a UUIDv7, new for each command, the same for its retries.", "uuid", required=True)
    entity = {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "Of the parked entity, of any kind.",
    }
    return {
        "status_code": 200,
        "responses": responses(),
        "openapi_extra": {"parameters": [key, *_origin(), entity], "requestBody": json_body(SkipBody)},
        "operation_id": "parked_skip",
        "summary": "Skip the record that a parked entity waits for",
        "description": _SKIP,
        "tags": ["parked"],
    }


def batch_command() -> dict[str, Any]:
    """One command of a batch: the commands' names, each with its own body."""

    def one(name: str, door: Door[Any]) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "id": {"type": "string", "format": "uuid", "description": "The command's Idempotency-Key."},
            "command": {"const": name, "type": "string"},
            "body": {"$ref": _REF.format(model=door.body.__name__)},
        }
        if HOLE in door.path:
            properties["entity"] = {"$ref": _id_schema(door.kind)}
        return {"type": "object", "title": name, "properties": properties, "required": [*properties], "additionalProperties": False}

    return {"oneOf": [one(name, door) for name, door in BY_NAME.items()]}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def schemas(*more: type[BaseModel]) -> dict[str, Any]:
    """All components that the operations refer to."""
    bodies = sorted({door.body for door in DOORS}, key=lambda body: body.__name__)
    models = [(model, "validation") for model in (*bodies, BatchBody, SkipBody, BatchAnswer, CommandAnswer, ProblemDetails, *more)]
    _, generated = models_json_schema(models, ref_template=_REF)  # pyright: ignore[reportArgumentType]
    found: dict[str, Any] = generated["$defs"]
    for kind in {door.kind for door in DOORS}:
        pattern = f"^{KINDS[kind].prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"
        found[_id_schema(kind).rpartition("/")[2]] = {"type": "string", "pattern": pattern}
    found["BatchCommand"] = batch_command()
    return found


def _id_schema(kind: str) -> str:
    return _REF.format(model=f"{kind.title().replace('_', '')}Id")


def _origin() -> list[dict[str, Any]]:
    return [
        _header(headers.CORRELATION, "Opaque id of the whole that this command belongs to."),
        _header(headers.CAUSATION, "Opaque id of what caused this command."),
        _header(headers.REASON, "Why, as a code."),
        _header(headers.PROPOSAL, "Id of the proposal that this command confirms."),
    ]


def _header(name: str, meaning: str, form: str | None = None, *, required: bool = False) -> dict[str, Any]:
    schema = {"type": "string"} if form is None else {"type": "string", "format": form}
    return {"name": name, "in": "header", "required": required, "description": meaning, "schema": schema}
