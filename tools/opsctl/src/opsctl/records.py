"""One record of the log as an operator sees it: decoded if it can be, else with the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from rich.text import Text

from opsctl.moments import shown
from opsctl.screen import one_line
from opsroom_common.contracts.codec import decode, peek
from opsroom_common.contracts.envelope import SKIPPED_TYPE, DomainRecord, Fence, Mark, Skip
from opsroom_common.contracts.errors import Undecodable
from opsroom_common.log.port import Classified, RecordClass
from opsroom_domain.text import fitted_line

_IN_HEADERS = frozenset({"at", "by"})
_TEXT_MAX = 80
_WIDE = 140
_HEAD_WIDTH = 44
_EMPTY: tuple[object, ...] = (None, "", ())
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STYLE = {RecordClass.EVENT: "", RecordClass.MARK: "dim", RecordClass.FENCE: "cyan", RecordClass.VOID: "strike"}


@dataclass(frozen=True, slots=True)
class Seen:
    """``decoded`` is None if ``fault`` says why the record cannot be read."""

    classified: Classified
    decoded: DomainRecord | Fence | Mark | Skip | None
    fault: str | None

    @property
    def at(self) -> datetime:
        """The event's time; of a record that cannot be read, the broker's record time."""
        match self.decoded:
            case DomainRecord() | Skip():
                return self.decoded.envelope.time
            case Fence() | Mark():
                return self.decoded.time
            case None:
                return _EPOCH + timedelta(milliseconds=max(0, self.classified.record.timestamp_ms))


def see(classified: Classified) -> Seen:
    """Decode one record; raises nothing for a bad one."""
    try:
        return Seen(classified, decode(classified.record), None)
    except Undecodable as error:
        return Seen(classified, None, one_line(error.reason))


def as_object(seen: Seen) -> dict[str, Any]:
    """For ``--json``. Keys without a value are left out."""
    record = seen.classified.record
    found: dict[str, Any] = {
        "partition": record.partition,
        "offset": record.offset,
        "class": seen.classified.what.value,
        "time": seen.at,
    }
    match seen.decoded:
        case DomainRecord() as event:
            found |= _envelope(event)
        case Skip() as skip:
            found |= _of_skip(skip)
        case Fence() as fence:
            found |= {"type": "opsroom.log.fence", "term": fence.term, "owner": fence.owner, "url": fence.url}
        case Mark() as mark:
            found |= {"type": "opsroom.log.mark", "id": mark.id, "term": mark.term}
        case None:
            said = peek(record.headers)
            found |= {"undecodable": seen.fault, "type": said.type, "id": said.id, "term": said.term, "entity": key_of(seen.classified)}
    return {name: value for name, value in found.items() if value is not None}


def as_lines(seen: Seen, width: int | None) -> list[Text]:
    """For people: one line, or two on a terminal of fewer than 140 columns. None is wider than ``width``; without one nothing is cut."""
    record, what = seen.classified.record, seen.classified.what
    place = f"{record.partition}:{record.offset}"
    style = _STYLE[what]
    match seen.decoded:
        case DomainRecord() as event:
            short = event.envelope.type.removeprefix("opsroom.")
            head = Text.assemble((short, style or "green"), f" v{event.version} by {event.envelope.actor}")
            fields_ = (
                f"{name}={_short(value)}" for name, value in _data(event).items() if value not in _EMPTY and value != event.entity_id
            )
            details = " ".join([event.entity_id, *fields_])
        case Skip() as skip:
            head = Text.assemble(("skipped", style or "yellow"), f" {record.partition}:{skip.skipped} by {skip.envelope.actor}")
            details = f"{skip.entity_id} is at version {skip.version} after it: {skip.reason}"
        case Fence() as fence:
            head = Text(f"fence: {fence.owner} took over", style)
            details = f"term={fence.term} url={fence.url}"
        case Mark() as mark:
            head = Text("mark: up to here", style)
            details = f"term={mark.term}"
        case None:
            head = Text("UNDECODABLE", "bold red")
            details = f"{key_of(seen.classified) or 'no key'}: {seen.fault}"
    if what is RecordClass.VOID:
        head = Text.assemble(("VOID ", "bold red"), head)
    return _fitted(Text(shown(seen.at), "dim"), head, f"{place:<8} {one_line(details)}", width)


def key_of(classified: Classified) -> str | None:
    """Whose record it seems to be."""
    key = classified.record.key
    return one_line(key.decode("utf-8", "replace")) if key else None


def _fitted(at: Text, head: Text, details: str, width: int | None) -> list[Text]:
    if width is None or width >= _WIDE:
        # The heads are of equal width, so that the places and ids stand in a column.
        head.truncate(max(_HEAD_WIDTH, head.cell_len), pad=True)
        lines = [Text.assemble(at, " ", head, " ", details)]
    else:
        lines = [Text.assemble(at, " ", head), Text(f"    {details}")]
    if width is not None:
        for line in lines:
            line.truncate(width, overflow="ellipsis")
    return lines


def _envelope(event: DomainRecord) -> dict[str, Any]:
    envelope = event.envelope
    return {
        "type": envelope.type,
        "id": envelope.id,
        "kind": event.kind,
        "entity": event.entity_id,
        "version": event.version,
        "actor": envelope.actor,
        "role": envelope.role,
        "command_id": event.command_id,
        "body_hash": event.body_hash,
        "term": envelope.term,
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.causation_id,
        "reason": envelope.reason,
        "proposal_id": envelope.proposal_id,
        "traceparent": envelope.traceparent,
        "data": _data(event),
    }


def _of_skip(skip: Skip) -> dict[str, Any]:
    return {
        "type": SKIPPED_TYPE,
        "id": skip.envelope.id,
        "entity": skip.entity_id,
        "actor": skip.envelope.actor,
        "role": skip.envelope.role,
        "command_id": skip.command_id,
        "term": skip.envelope.term,
        "skipped": skip.skipped,
        "version_after": skip.version,
        "why": skip.reason,
        "skipped_command": skip.skipped_command,
    }


def _data(event: DomainRecord) -> Mapping[str, Any]:
    return {field.name: getattr(event.event, field.name) for field in fields(event.event) if field.name not in _IN_HEADERS}


def _short(value: object) -> str:
    words = ", ".join(map(str, cast("tuple[object, ...]", value))) if isinstance(value, tuple) else str(value)
    text = fitted_line(words, _TEXT_MAX)
    return f'"{text}"' if " " in text else text
