"""Metrics: each is declared once, typed, with a sentence that says what it counts and in which unit.

A service declares its own in its ``metrics.py`` as module constants and asks ``Metrics`` for the live ones. There is no global registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Buckets for times from half a millisecond to ten seconds."""


@dataclass(frozen=True, slots=True)
class CounterSpec:
    """Something that only grows. ``name`` ends in ``_total``."""

    name: str
    sentence: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GaugeSpec:
    """A value of now."""

    name: str
    sentence: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HistogramSpec:
    """A distribution; the unit stands last in ``name`` (``_seconds``, ``_bytes``)."""

    name: str
    sentence: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = SECONDS


Spec: TypeAlias = CounterSpec | GaugeSpec | HistogramSpec
_M = TypeVar("_M", Counter, Gauge, Histogram)


class Metrics:
    """The live metrics of one process. The same declaration gives the same metric; another one under its name is an error."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._known: dict[str, tuple[Spec, Counter | Gauge | Histogram]] = {}

    def counter(self, spec: CounterSpec) -> Counter:
        return self._once(spec, Counter)

    def gauge(self, spec: GaugeSpec) -> Gauge:
        return self._once(spec, Gauge)

    def histogram(self, spec: HistogramSpec) -> Histogram:
        known = self._look_up(spec, Histogram)
        if known is not None:
            return known
        metric = Histogram(spec.name, spec.sentence, spec.labels, registry=self._registry, buckets=spec.buckets)
        self._known[spec.name] = (spec, metric)
        return metric

    def render(self) -> bytes:
        """All metrics in Prometheus' text format; serve it as ``CONTENT_TYPE``."""
        return generate_latest(self._registry)

    def _once(self, spec: CounterSpec | GaugeSpec, kind: type[_M]) -> _M:
        known = self._look_up(spec, kind)
        if known is not None:
            return known
        metric = kind(spec.name, spec.sentence, spec.labels, registry=self._registry)
        self._known[spec.name] = (spec, metric)
        return metric

    def _look_up(self, spec: Spec, kind: type[_M]) -> _M | None:
        if spec.name not in self._known:
            return None
        declared, metric = self._known[spec.name]
        if declared != spec or not isinstance(metric, kind):
            raise ValueError(f"metric {spec.name} is declared twice with different meanings; give one of them another name")
        return metric


CONTENT_TYPE = CONTENT_TYPE_LATEST
