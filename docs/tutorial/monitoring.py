"""A small real monitoring: a demo shop, the Prometheus that watches it, and the Alertmanager that Prometheus tells. Free ports, one folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import httpx

from devstack.ports import HOST, free_port
from devstack.process import ServerProcess

START_WITHIN_S = 20.0
_PROMETHEUS = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{{targets: ["{alertmanager}"]}}]
scrape_configs:
  - job_name: demo-shop
    static_configs: [{{targets: ["{shop}"]}}]
"""
_RULES = """\
groups:
  - name: demo
    rules:
      - alert: ShopDown
        expr: up{job="demo-shop"} == 0
        for: 0s
        labels: {severity: critical}
        annotations: {summary: "the demo shop at {{ $labels.instance }} does not answer"}
"""
_ALERTMANAGER = """\
route: {{receiver: opsroom, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: opsroom
    webhook_configs: [{{url: "{webhook}", send_resolved: true}}]
"""


class NotInstalled(Exception):
    """A program is missing; the text says how to install it."""


class Monitoring:
    """All three, started and stopped by their process ids; none outlives this process. Methods block; call them one after the other."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self._folder = folder
        self._webhook = webhook
        self._shop_port, self._prometheus_port, self._alertmanager_port = free_port(), free_port(), free_port()
        self._shop = ServerProcess("demo-shop", folder / "demo-shop.log")
        self._prometheus = ServerProcess("prometheus", folder / "prometheus.log")
        self._alertmanager = ServerProcess("alertmanager", folder / "alertmanager.log")

    @property
    def shop(self) -> str:
        return f"http://{HOST}:{self._shop_port}"

    @property
    def prometheus(self) -> str:
        return f"http://{HOST}:{self._prometheus_port}"

    @property
    def alertmanager(self) -> str:
        return f"http://{HOST}:{self._alertmanager_port}"

    def start_shop(self) -> None:
        """Return when it answers. Raises devstack's StartFailed, as the others do."""
        program = [sys.executable, str(Path(__file__).with_name("demo_shop.py")), str(self._shop_port)]
        self._shop.start(program, lambda: _answers(f"{self.shop}/metrics"), START_WITHIN_S)

    def stop_shop(self) -> None:
        self._shop.stop()

    def start_alertmanager(self) -> None:
        """Raises NotInstalled."""
        config = self._folder / "alertmanager.yml"
        config.write_text(_ALERTMANAGER.format(webhook=self._webhook))
        program = [
            _installed("prometheus-alertmanager", "alertmanager"),
            f"--config.file={config}",
            f"--storage.path={self._folder / 'alertmanager'}",
            f"--web.listen-address={HOST}:{self._alertmanager_port}",
            "--cluster.listen-address=",
        ]
        self._alertmanager.start(program, lambda: _answers(f"{self.alertmanager}/-/ready"), START_WITHIN_S)

    def start_prometheus(self) -> None:
        """Raises NotInstalled."""
        (self._folder / "rules.yml").write_text(_RULES)
        config = self._folder / "prometheus.yml"
        config.write_text(_PROMETHEUS.format(alertmanager=f"{HOST}:{self._alertmanager_port}", shop=f"{HOST}:{self._shop_port}"))
        program = [
            _installed("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder / 'prometheus'}",
            f"--web.listen-address={HOST}:{self._prometheus_port}",
            # Where its links lead: into the incident as the signal's source.
            f"--web.external-url={self.prometheus}",
        ]
        self._prometheus.start(program, lambda: _answers(f"{self.prometheus}/-/ready"), START_WITHIN_S)

    async def sees_the_shop(self) -> bool:
        """Whether Prometheus' last look at the shop succeeded."""
        async with httpx.AsyncClient(base_url=self.prometheus, timeout=2.0) as http:
            answer = await http.get("/api/v1/query", params={"query": 'up{job="demo-shop"} == 1'})
        return answer.is_success and bool(answer.json()["data"]["result"])

    def stop(self) -> None:
        """Stop whatever runs."""
        for process in (self._prometheus, self._alertmanager, self._shop):
            process.stop(timeout_s=5.0)


def _installed(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise NotInstalled(f"{names[0]} is not installed: run make system")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1.0, trust_env=False).is_success
    except httpx.TransportError:
        return False
