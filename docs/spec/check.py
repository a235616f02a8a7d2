"""Check the write protocol's model with TLC, variant by variant; see README.md beside this file.

Prints one line a variant: name, what must come out, what came out, distinct states, seconds. Exits with 1 if anything else came out.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from variants import DUELS, RULES, VARIANTS, WORLD, DuelVariant, Value, Variant

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "spec"
FETCH_S = 600
HOLDS = "holds"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``found`` is "holds", "broken: INVARIANT", or why TLC came to no end; ``steps`` are the actions that lead to the breach."""

    found: str
    states: int
    steps: tuple[str, ...] = ()
    output: str = ""


def tla(value: Value) -> str:
    """A constant as TLC's configuration spells it."""
    if isinstance(value, bool):
        return str(value).upper()
    return str(value) if isinstance(value, int) else f'"{value}"'


def write_model(variant: Variant, folder: Path) -> None:
    """The module and configuration that give the constants of ``variant``."""
    commands = {f"c{i}": word.split("*") for i, word in enumerate(variant.commands.split(), start=1)}
    constants: Mapping[str, Value] = {**RULES, **WORLD, **variant.set}
    unknown = set(variant.set) - set(RULES) - set(WORLD)
    if unknown:
        raise SystemExit(f"{variant.name}: no such constant: {', '.join(sorted(unknown))}; see RULES and WORLD in variants.py")
    functions = {
        "Kind": {name: tla(word[0]) for name, word in commands.items()},
        "Attempts": {name: word[1] if len(word) > 1 else "1" for name, word in commands.items()},
        "Minted": {name: name[1:] for name in commands},
    }
    defined = [f"{name}Def == {' @@ '.join(f'{tla(c)} :> {value}' for c, value in of.items())}" for name, of in functions.items()]
    defined.append(f"CommandsDef == {{{', '.join(tla(name) for name in commands)}}}")
    (folder / "Check.tla").write_text("---- MODULE Check ----\nEXTENDS WriteProtocol\n" + "\n".join(defined) + "\n====\n")
    lines = [f"{name} = {tla(value)}" for name, value in constants.items()]
    (folder / "Check.cfg").write_text(
        "SPECIFICATION Behaviour\nCHECK_DEADLOCK FALSE\nSYMMETRY Symmetry\nCONSTANTS\n"
        f"Writers = {{{', '.join('ABC'[: variant.writers])}}}\n"
        "Commands <- CommandsDef\nKind <- KindDef\nAttempts <- AttemptsDef\nMinted <- MintedDef\n"
        + "\n".join(lines)
        + f"\nINVARIANTS {' '.join(variant.invariants)}\n"
    )


def write_duel(variant: DuelVariant, folder: Path) -> None:
    (folder / "Check.tla").write_text("---- MODULE Check ----\nEXTENDS Duel\n====\n")
    (folder / "Check.cfg").write_text(
        "SPECIFICATION Behaviour\nCHECK_DEADLOCK FALSE\nCONSTANTS\nWriters = {A, B}\n"
        f"Obey = {tla(variant.obey)}\nContiguity = {tla(variant.contiguity)}\nPROPERTY Progress\n"
    )


def run_tlc(variant: Variant | DuelVariant, jar: Path, limit_s: int) -> Outcome:
    """One run of TLC on one core, in a folder of its own that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="spec-") as name:
        folder = Path(name)
        for module in HERE.glob("*.tla"):
            shutil.copy(module, folder)
        if isinstance(variant, Variant):
            write_model(variant, folder)
        else:
            write_duel(variant, folder)
        java = ["java", "-XX:+UseSerialGC", "-Xmx2g", f"-Djava.io.tmpdir={folder}", "-cp", str(jar)]
        argv = [*java, "tlc2.TLC", "-workers", "1", "-metadir", str(folder / "states"), "Check"]
        try:
            output = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=limit_s, check=False).stdout
        except subprocess.TimeoutExpired:
            return Outcome(f"no end within {limit_s} s", 0)
    return outcome_of(output)


def outcome_of(output: str) -> Outcome:
    """What TLC's output says."""
    counts = re.findall(r"([\d,]+) distinct states found", output)
    states = int(counts[-1].replace(",", "")) if counts else 0
    steps = tuple(re.findall(r"State \d+: <(\w+(?:\([^)]*\))?) line", output))
    broken = re.search(r"Invariant (\w+) is violated", output)
    if broken:
        return Outcome(f"broken: {broken.group(1)}", states, steps, output)
    if "Temporal properties were violated" in output:
        return Outcome("broken: Progress", states, steps, output)
    if "No error has been found" in output:
        return Outcome(HOLDS, states, output=output)
    return Outcome("TLC failed (its output: --trace)", states, output=output)


def expected_of(variant: Variant | DuelVariant) -> str:
    if isinstance(variant, DuelVariant):
        return HOLDS if variant.progress else "broken: Progress"
    return f"broken: {variant.broken}" if variant.broken else HOLDS


def fetched_jar() -> Path:
    """TLC's jar, copied by Maven from the coordinates in pom.xml when it is missing or they have changed."""
    pom, lib, stamp = HERE / "pom.xml", CACHE / "lib", CACHE / "pom.sha256"
    wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted or not list(lib.glob("*.jar")):
            maven = shutil.which("mvn")
            if maven is None:
                raise SystemExit("Maven is missing: install it (Debian: apt-get install maven) and try again")
            shutil.rmtree(lib, ignore_errors=True)
            argv = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={lib}"]
            result = subprocess.run(argv, capture_output=True, text=True, timeout=FETCH_S, check=False, stdin=subprocess.DEVNULL)
            if result.returncode != 0:
                raise SystemExit(f"Maven could not fetch TLC; check the network and try again: {result.stdout.strip()[-1500:]}")
            stamp.write_text(wanted)
    return next(lib.glob("*.jar"))


def chosen(only: Iterable[str]) -> list[Variant | DuelVariant]:
    everything: dict[str, Variant | DuelVariant] = {variant.name: variant for variant in (*VARIANTS, *DUELS)}
    names = list(only) or list(everything)
    unknown = [name for name in names if name not in everything]
    if unknown:
        raise SystemExit(f"no such variant: {', '.join(unknown)}; there are: {' '.join(everything)}")
    return [everything[name] for name in names]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="this variant (may be repeated)")
    parser.add_argument("--limit", type=int, default=120, metavar="S", help="seconds a variant may take (default 120)")
    parser.add_argument("--steps", action="store_true", help="print the steps that lead to a breach")
    parser.add_argument("--trace", action="store_true", help="print all of TLC's output")
    arguments = parser.parse_args()
    variants = chosen(arguments.only)
    if shutil.which("java") is None:
        raise SystemExit("Java is missing: install it (Debian: apt-get install default-jre-headless) and try again")
    jar = fetched_jar()
    failed = 0
    for variant in variants:
        began = time.monotonic()
        outcome, expected = run_tlc(variant, jar, arguments.limit), expected_of(variant)
        failed += outcome.found != expected
        verdict = "" if outcome.found == expected else "   <-- not as expected"
        seconds = time.monotonic() - began
        print(f"{variant.name:28} {expected:24} {outcome.found:24} {outcome.states:>9,} states {seconds:6.1f} s{verdict}", flush=True)
        if outcome.steps and arguments.steps:
            print("    " + " > ".join(outcome.steps))
        if arguments.trace:
            print(outcome.output)
    print(f"{len(variants) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
