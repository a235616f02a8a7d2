"""What a service says of itself at /metrics."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families


async def total(service_url: str, name: str) -> float:
    """The sum of one metric over all its labels; 0 when it has no sample yet."""
    async with httpx.AsyncClient(base_url=service_url) as http:
        text = (await http.get("/metrics")).raise_for_status().text
    return sum(sample.value for family in text_string_to_metric_families(text) for sample in family.samples if sample.name == name)
