"""Centrifugo's JSON client protocol as typed frames. Pure: text in, commands out; replies and pushes in, text out.

A WebSocket text message holds one or more JSON objects, one a line. ``{}`` from the server is a ping, from the client a pong.
Fields that are not named here are ignored, because SDKs add some in every release; a known field of a wrong type ends the connection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import orjson

from gateway_ws.live.codes import Disconnect, ErrorCode, Unsubscribe

PING: Final = "{}"
REJECT_UNRECOVERED: Final = 2
"""Bit of a subscribe command's ``flag``: answer 112 instead of ``recovered: false``. (Bit 1, numbers for channel names, is ignored.)"""
_ID_MAX: Final = (1 << 32) - 1
_OFFSET_MAX: Final = (1 << 63) - 1


class Malformed(Exception):
    """The message is not the protocol; the connection is closed with 3501 and these words."""


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Connect:
    id: int
    token: str
    data: object
    """Whatever JSON the client sent along; None if nothing."""
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class RecoverFrom:
    """The position that a client says it has."""

    epoch: str
    offset: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    id: int
    channel: str
    recover: RecoverFrom | None
    flag: int
    tags_filter: object
    """Raw; None if there is none."""

    @property
    def reject_unrecovered(self) -> bool:
        return bool(self.flag & REJECT_UNRECOVERED)


@dataclass(frozen=True, slots=True)
class Unsubscription:
    id: int
    channel: str


@dataclass(frozen=True, slots=True)
class Ping:
    """A ping with a number, which gets a reply; rare, the server's pings are the rule."""

    id: int


@dataclass(frozen=True, slots=True)
class Send:
    """A message without a number: it asks for no answer."""


@dataclass(frozen=True, slots=True)
class Unserved:
    """A command of the protocol that this gateway does not carry out: publish, presence, presence_stats, history, rpc, refresh, sub_refresh."""

    id: int
    method: str


Command: TypeAlias = Pong | Connect | Subscribe | Unsubscription | Ping | Send | Unserved

_METHODS: Final = (
    "connect",
    "subscribe",
    "unsubscribe",
    "publish",
    "presence",
    "presence_stats",
    "history",
    "ping",
    "send",
    "rpc",
    "refresh",
    "sub_refresh",
)


def parse_message(text: str, *, commands_max: int) -> list[Command]:
    """The commands of one message, in order. Raises Malformed; then none of them is carried out."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        raise Malformed("empty message; send JSON commands, one a line")
    if len(lines) > commands_max:
        raise Malformed(f"more than {commands_max} commands in one message; send fewer at once")
    return [_parse_command(line) for line in lines]


def _parse_command(line: str) -> Command:
    try:
        raw: object = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Malformed("a command is not JSON; send one JSON object a line") from error
    if not isinstance(raw, dict):
        raise Malformed("a command must be a JSON object")
    command = cast("dict[str, object]", raw)
    if not command:
        return Pong()
    methods = [method for method in _METHODS if method in command]
    if len(methods) != 1:
        raise Malformed("a command must name exactly one method, such as connect or subscribe")
    method = methods[0]
    body = command[method]
    if not isinstance(body, dict):
        raise Malformed(f"{method} must be an object")
    if method == "send":
        return Send()
    return _build(method, _integer(command, "id", 1, _ID_MAX), cast("dict[str, object]", body))


def _build(method: str, number: int, body: Mapping[str, object]) -> Command:
    match method:
        case "connect":
            return Connect(number, _string(body, "token"), body.get("data"), _string(body, "name"), _string(body, "version"))
        case "subscribe":
            return _subscribe(number, body)
        case "unsubscribe":
            return Unsubscription(number, _string(body, "channel"))
        case "ping":
            return Ping(number)
        case _:
            return Unserved(number, method)


def _subscribe(number: int, body: Mapping[str, object]) -> Subscribe:
    recover = body.get("recover", False)
    if not isinstance(recover, bool):
        raise Malformed("recover must be true or false")
    return Subscribe(
        id=number,
        channel=_string(body, "channel"),
        recover=RecoverFrom(_string(body, "epoch"), _integer(body, "offset", 0, _OFFSET_MAX, missing=0)) if recover else None,
        flag=_integer(body, "flag", 0, _OFFSET_MAX, missing=0),
        tags_filter=body.get("tf"),
    )


def _string(body: Mapping[str, object], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Malformed(f"{name} must be a string")
    return value


def _integer(body: Mapping[str, object], name: str, least: int, most: int, missing: int | None = None) -> int:
    value = body.get(name, missing)
    # bool is an int in Python, but not in the protocol.
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Malformed(f"{name} must be a whole number from {least} to {most}")
    return value


def quoted(text: str) -> str:
    """``text`` as a JSON string."""
    return orjson.dumps(text).decode()


def error_reply(number: int, error: ErrorCode, message: str | None = None) -> str:
    """The reply to a command that was not carried out; ``message`` says more than the code's own words."""
    body = {"code": error.code, "message": message or error.message, "temporary": error.temporary}
    return orjson.dumps({"id": number, "error": body}).decode()


def connect_reply(number: int, client: str, version: str, ping_interval_s: float, data: Mapping[str, object]) -> str:
    """``ping`` is in whole seconds; ``pong: true`` asks the client to answer each ping."""
    body = {"client": client, "version": version, "data": data, "ping": max(1, round(ping_interval_s)), "pong": True}
    return orjson.dumps({"id": number, "connect": body}).decode()


def empty_reply(number: int, method: str) -> str:
    """The reply to unsubscribe and ping."""
    return orjson.dumps({"id": number, method: {}}).decode()


def subscribe_reply(number: int, epoch: str, offset: int, *, recovered: bool, was_recovering: bool, publications: Sequence[str]) -> str:
    """``publications`` are ready JSON objects, oldest first. With them, ``offset`` is the one that was asked for: each publication moves it on."""
    body = (
        f'{{"recoverable":true,"positioned":true,"epoch":{quoted(epoch)},"offset":{offset},'
        f'"recovered":{_bool(recovered)},"was_recovering":{_bool(was_recovering)},"publications":[{",".join(publications)}]}}'
    )
    return f'{{"id":{number},"subscribe":{body}}}'


def publication(data: str, offset: int) -> str:
    """A publication from ready JSON."""
    return f'{{"data":{data},"offset":{offset}}}'


def publication_push(channel: str, pub: str) -> str:
    """A publication on its way to a subscription. ``pub`` is what ``publication`` made."""
    return f'{{"push":{{"channel":{quoted(channel)},"pub":{pub}}}}}'


def unsubscribe_push(channel: str, why: Unsubscribe, message: str | None = None) -> str:
    """The end of a subscription."""
    body = {"code": why.code, "reason": message or why.reason}
    return orjson.dumps({"push": {"channel": channel, "unsubscribe": body}}).decode()


def close_reason(why: Disconnect, detail: str = "") -> str:
    """The reason of a close frame: the code's words and a detail, cut to the 123 bytes that WebSocket allows."""
    reason = f"{why.reason}: {detail}" if detail else why.reason
    return reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")


_REASON_BYTES_MAX: Final = 123


def _bool(value: bool) -> str:  # noqa: FBT001 -- the value itself
    return "true" if value else "false"
