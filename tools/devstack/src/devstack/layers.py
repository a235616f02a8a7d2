"""Runs the tests layer by layer on one set of servers, the unit tests beside the first of them, and sums up.

The layers follow from the folders: ``unit`` and ``ports`` are the packages' own tests without and with real servers; each folder of ``tests/`` is a
layer; each package's name stands for its own tests, on request. The last line is ``N passed, N failed`` (``, N skipped`` if any).
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from devstack.errors import DevstackError
from devstack.paths import cache
from devstack.process import spawn
from devstack.servers import ServerSet

_PACKAGES = ("libs/*/tests", "services/*/tests", "tools/*/tests")
# Folders of tests/ that take longer than everybody's patience: only when named.
_ON_REQUEST = frozenset({"load", "chaos"})
_LAYER_TIMEOUT_S = 900
_INTERRUPT_WITHIN_S = 30
_NO_TESTS, _TESTS_FAILED = 5, 1


@dataclass(frozen=True, slots=True)
class Layer:
    """Some folders of tests, and which of their tests: ``marks`` is a pytest mark expression."""

    name: str
    folders: tuple[str, ...]
    marks: str = ""
    by_default: bool = True
    servers: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a layer's tests."""

    passed: int
    failed: int
    skipped: int
    seconds: float
    note: str = ""


def find_layers(root: Path) -> dict[str, Layer]:
    """Every layer by name, in the order of running."""
    folders = [folder.relative_to(root) for pattern in _PACKAGES for folder in sorted(root.glob(pattern)) if folder.is_dir()]
    own = tuple(str(folder) for folder in folders)
    layers = [Layer("unit", own, "not server", servers=False), Layer("ports", own, "server")]
    order = {"contract": 0, "e2e": 2}
    across = sorted(
        (each for each in root.glob("tests/*") if any(each.glob("**/test_*.py"))), key=lambda each: (order.get(each.name, 1), each.name)
    )
    layers += [Layer(each.name, (str(each.relative_to(root)),), by_default=each.name not in _ON_REQUEST) for each in across]
    layers += [Layer(folder.parent.name, (str(folder),), by_default=False) for folder in folders]
    return {layer.name: layer for layer in layers}


def run_layers(root: Path, names: Sequence[str]) -> int:
    """Run the named layers, or all that run by default; return the exit code: 0 if something passed and nothing failed."""
    known = find_layers(root)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise DevstackError(f"no test layer is called {unknown[0]}: there are {', '.join(known)}")
    chosen = [known[name] for name in names] or [layer for layer in known.values() if layer.by_default]
    began = time.monotonic()
    outcomes: dict[str, Outcome] = {}
    with _terminable(), tempfile.TemporaryDirectory(prefix="opsroom-test-", ignore_cleanup_errors=True) as folder:
        try:
            _run_all(root, chosen, Path(folder), outcomes)
        finally:
            if any(outcome.failed for outcome in outcomes.values()):
                _keep_logs(Path(folder))
    return _sum_up(outcomes, time.monotonic() - began)


def _run_all(root: Path, layers: Sequence[Layer], folder: Path, outcomes: dict[str, Outcome]) -> None:
    """One after the other; but a layer without servers, which only computes, runs beside the next one, which mostly waits for servers."""
    env: dict[str, str] = {}
    beside: _Running | None = None
    with ExitStack() as stack:
        for layer in layers:
            if not layer.servers and layer is not layers[-1]:
                beside = stack.enter_context(_Running.started(root, layer, folder, {}, quiet=True))
                continue
            if layer.servers and not env:
                addresses = stack.enter_context(ServerSet.throwaway(folder / "servers")).addresses
                addresses.save(folder / "servers.json")
                env = {"OPSROOM_TEST_SERVERS": str(folder / "servers.json")}
            print(f"\n--- tests: {layer.name} ---", flush=True)
            with _Running.started(root, layer, folder, env, quiet=False) as running:
                outcomes[layer.name] = running.outcome()
            if beside is not None:
                print(f"\n--- tests: {beside.layer.name}, beside it ---", flush=True)
                outcomes[beside.layer.name] = beside.outcome()
                print(beside.output(), flush=True)
                beside = None


@dataclass(frozen=True, slots=True)
class _Running:
    """A layer's pytest. ``written``: where its output goes, if it is not to be seen at once."""

    layer: Layer
    child: subprocess.Popen[bytes] | None
    report: Path
    written: Path | None
    began: float

    @classmethod
    @contextmanager
    def started(cls, root: Path, layer: Layer, folder: Path, env: dict[str, str], *, quiet: bool) -> Generator[_Running]:
        """Start it; it has ended afterwards, whatever happens."""
        report = folder / f"{layer.name}.xml"
        marks = ["-m", layer.marks] if layer.marks else []
        argv = [sys.executable, "-m", "pytest", "-q", *marks, f"--junitxml={report}", *layer.folders]
        written = folder / f"{layer.name}.txt" if quiet else None
        with ExitStack() as stack:
            out = None if written is None else stack.enter_context(written.open("wb"))
            child = spawn(argv, stdout=out, env=env, cwd=root) if layer.folders else None
            try:
                yield cls(layer, child, report, written, time.monotonic())
            finally:
                if child is not None and child.poll() is None:
                    _interrupt(child)

    def outcome(self) -> Outcome:
        """Wait for it, at most until it has had ``_LAYER_TIMEOUT_S``. ``seconds`` counts from its start."""
        if self.child is None:
            return Outcome(0, 0, 0, 0.0, "no folders")
        try:
            code = self.child.wait(max(0.0, self.began + _LAYER_TIMEOUT_S - time.monotonic()))
        except subprocess.TimeoutExpired:
            _interrupt(self.child)
            return Outcome(0, 1, 0, time.monotonic() - self.began, f"not done within {_LAYER_TIMEOUT_S} s")
        return _count(self.report, code, time.monotonic() - self.began)

    def output(self) -> str:
        """What it wrote."""
        return "" if self.written is None else self.written.read_text(encoding="utf-8", errors="replace")


def _interrupt(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGINT)
    try:
        child.wait(_INTERRUPT_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _count(report: Path, code: int, seconds: float) -> Outcome:
    if code == _NO_TESTS:
        return Outcome(0, 0, 0, seconds, "no tests")
    if not report.exists():
        return Outcome(0, 1, 0, seconds, f"pytest ended with code {code} and without a report")
    total = failed = skipped = 0
    for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest's own report
        total += int(suite.get("tests", "0"))
        failed += int(suite.get("failures", "0")) + int(suite.get("errors", "0"))
        skipped += int(suite.get("skipped", "0"))
    passed = max(0, total - failed - skipped)
    if code != 0 and not failed:
        return Outcome(passed, 1, skipped, seconds, f"pytest ended with code {code}")
    return Outcome(passed, failed, skipped, seconds)


def _sum_up(outcomes: dict[str, Outcome], seconds: float) -> int:
    print("\n--- summary ---")
    for name, each in outcomes.items():
        print(
            f"{name:<12} {each.passed:>5} passed {each.failed:>4} failed {each.skipped:>4} skipped {each.seconds:>7.1f} s  {each.note}".rstrip()
        )
    print(f"{'all':<12} {seconds:.1f} s with the servers")
    passed, failed, skipped = (sum(getattr(each, what) for each in outcomes.values()) for what in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
    return 0 if passed and not failed else 1


def _keep_logs(folder: Path) -> None:
    kept = cache() / "test-logs"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in folder.glob("servers/*/*.log"):
        shutil.copy(log, kept / log.name)
    print(f"the servers' logs are kept in {kept}")


@contextmanager
def _terminable() -> Generator[None, None, None]:
    """SIGTERM and SIGHUP end a run as Ctrl-C does: with the servers stopped."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
