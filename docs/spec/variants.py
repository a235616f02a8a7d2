"""What is checked: each variant is the model with some constants changed, and what must come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Value = str | int | bool

RULES: Mapping[str, Value] = {
    "Term": "id",
    "OwnFence": "id",
    "Contiguity": "gapread",
    "Settlement": "fence",
    "BatchesOnWire": 1,
    "WholeBatches": True,
    "Barrier": "batch",
    "Join": True,
    "Source": "log",
    "RowCounts": True,
    "LookUp": "unknown",
    "VoidIds": False,
    "Refusals": "owner",
    "TermInCheckpoint": True,
    "Topic": "safe",
}
"""All rules hold."""

WORLD: Mapping[str, Value] = {
    "LogMax": 5,
    "TermsMax": 2,
    "WaitingMax": 2,
    "Remembered": 3,
    "FailOversMax": 0,
    "RecreatedMax": 0,
    "Stops": True,
    "LoseCommits": False,
    "Park": False,
    "Evict": False,
}
"""The bounds, and what the environment may do."""

INVARIANTS = ("Answers", "Durable", "Once", "Whole", "Contiguous", "NoLostUpdate", "NotAppliedTrue", "Reader")
"""Checked unless a variant names others. ``RefusalFinal`` is more than rule R7 promises, and is asked for by name."""


@dataclass(frozen=True, slots=True)
class Variant:
    """``commands`` are kinds, in the order of their ids' times. ``broken`` is the invariant that must be found broken, "" for none."""

    name: str
    commands: str
    broken: str = ""
    set: Mapping[str, Value] = field(default_factory=dict[str, Value])
    writers: int = 2
    invariants: tuple[str, ...] = INVARIANTS


@dataclass(frozen=True, slots=True)
class DuelVariant:
    """Do two writers that both believe they own the partition get on?"""

    name: str
    obey: bool
    contiguity: str
    progress: bool


WITH_REFUSALS = (*INVARIANTS, "RefusalFinal")
LOG_ONLY = ("Once", "Whole", "Contiguous", "NoLostUpdate")
ROWS: Mapping[str, Value] = {"Source": "row", "LoseCommits": True, "Park": True, "Evict": True}

VARIANTS = (
    # --- all rules hold
    Variant("edits", "edit*2 edit*2"),
    Variant("edits-strict", "edit*2 edit", set={"Contiguity": "strict"}),
    Variant("set-clear-set", "set clr set", set={"LogMax": 6}),
    Variant("doubt", "add add", set={"LogMax": 6, "TermsMax": 3}),
    Variant("three-writers", "edit edit", set={"TermsMax": 3, "WaitingMax": 1}, writers=3),
    Variant("batches", "two*2 edit", set={"LogMax": 6}),
    Variant("rows", "add add", set={**ROWS}),
    Variant("rows-with-refusals", "set clrx", set={**ROWS, "Remembered": 2}),
    Variant("memory", "add*2 add", set={"Remembered": 1}),
    Variant("look-up", "add*2 add", set={"Remembered": 1, "LookUp": "covered"}),
    Variant(
        "look-up-three",
        "add*2 add add",
        set={"LogMax": 6, "Remembered": 1, "TermsMax": 1, "LookUp": "covered", "LoseCommits": True, "Park": True},
        writers=1,
    ),
    Variant(
        "look-up-that-waits",
        "add*2 add add add",
        set={"LookUp": "covered", "Remembered": 1, "WaitingMax": 1, "LogMax": 6, "TermsMax": 1},
        writers=1,
    ),
    Variant(
        "look-up-beside-a-zombie", "add*3 add", set={"LookUp": "covered", "Remembered": 1, "LogMax": 6, "WaitingMax": 3, "Stops": False}
    ),
    Variant("fail-over", "add*2 edit", set={"FailOversMax": 1}),
    Variant("fail-over-batches", "two set", set={"FailOversMax": 1, "LogMax": 6}),
    Variant("recreated", "add add", set={"RecreatedMax": 1}, invariants=LOG_ONLY),
    Variant("refusals-one-owner", "clrx*2 set*2", set={"TermsMax": 1}, writers=1, invariants=WITH_REFUSALS),
    Variant("refusals-in-log", "clrx*2 set", set={"Refusals": "log"}, invariants=WITH_REFUSALS),
    # --- one rule taken away
    Variant("r1-term-is-offset", "add add", "Contiguous", {"RecreatedMax": 1, "Term": "offset"}, invariants=LOG_ONLY),
    Variant("r1-fence-by-name", "add add", "Answers", {"OwnFence": "writer"}),
    Variant("r2-no-contiguity", "add add", "Answers", {"Contiguity": "none"}),
    Variant("r2-early-settlement", "add add", "NotAppliedTrue", {"Settlement": "early"}),
    Variant("r3-two-on-wire", "add add", "Contiguous", {"BatchesOnWire": 2}),
    Variant("r3-split-batch", "two edit", "Whole", {"WholeBatches": False}),
    Variant("r4-no-barrier", "edit edit", "Answers", {"Barrier": "none"}),
    Variant("r4-no-barrier-no-op", "set clr set", "Answers", {"Barrier": "none", "LogMax": 6}),
    Variant("r4-barrier-on-wire", "set clr set", "Answers", {"Barrier": "wire", "LogMax": 6}),
    Variant("r4-no-join", "add*2 add*2", "Answers", {"Join": False}),
    Variant("r5-parked-row", "add add", "Contiguous", {"Source": "row", "RowCounts": False, "Park": True}),
    Variant("r5-lost-commit", "add add", "Contiguous", {"RowCounts": False, "LoseCommits": True, "Evict": True}),
    Variant("r5-torn-read", "add add", "Contiguous", {"Source": "torn", "LoseCommits": True}),
    Variant("r6-forgotten", "add*2 add*2", "Once", {"LookUp": "forget", "Remembered": 1}),
    Variant("r6-blind-look-up", "add*2 add", "Once", {"LookUp": "blind", "Remembered": 1}),
    Variant("r6-parked-look-up", "add*2 add", "Once", {"LookUp": "unparked", "Remembered": 1, "Park": True}),
    Variant(
        "r6-cover-by-expected-offset",
        "add*3 add",
        "Once",
        {"LookUp": "expected", "Remembered": 1, "LogMax": 6, "WaitingMax": 3, "Stops": False},
        invariants=LOG_ONLY,
    ),
    Variant(
        "r6-early-cover",
        "add*2 add add add",
        "Once",
        {"LookUp": "early", "Remembered": 1, "WaitingMax": 1, "LogMax": 6, "TermsMax": 1},
        writers=1,
    ),
    Variant("r6-void-ids", "add*2 add", "Answers", {"VoidIds": True, "TermsMax": 3}),
    Variant("r7-not-remembered", "clrx*2 set*2", "RefusalFinal", {"TermsMax": 1, "Refusals": "none"}, writers=1, invariants=WITH_REFUSALS),
    Variant("r7-across-a-takeover", "clrx*2 set*2", "RefusalFinal", {}, invariants=WITH_REFUSALS),
    Variant("r8-no-term-in-checkpoint", "add add", "Reader", {"TermInCheckpoint": False}),
    Variant("r9-unclean-election", "add edit", "Durable", {"FailOversMax": 1, "Topic": "unclean"}),
    Variant("r9-min-isr-1", "add edit", "Durable", {"FailOversMax": 1, "Topic": "min-isr-1"}),
    Variant("r9-acks-1", "add edit", "Durable", {"FailOversMax": 1, "Topic": "acks-1"}),
)
DUELS = (
    DuelVariant("duel", obey=True, contiguity="gapread", progress=True),
    DuelVariant("duel-strict", obey=True, contiguity="strict", progress=True),
    DuelVariant("r2-duel-disobeyed", obey=False, contiguity="gapread", progress=False),
    DuelVariant("r2-duel-strict-disobeyed", obey=False, contiguity="strict", progress=False),
)
