"""The samples of a scrape, made from plain counts when one comes. The only file that imports prometheus-client.

What this process alone knows has the label `worker`; what the store knows, for all who share it, has none. Every
label has few values that are known beforehand: no tenant, address or person is in one.
"""

from __future__ import annotations

import asyncio
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as TYPE
from prometheus_client.registry import Collector

from wixture import __version__
from wixture.mockserver.app import Application
from wixture.mockserver.store.store import StorageUnavailable
from wixture.mockserver.tally import DURATIONS, Tally

__all__ = ["TYPE", "as_text", "families"]

NO_OPERATION = "none"
"""The operation of a request that no operation matched."""
_FIRST, _LAST = 5, 24
"""The narrowest bucket holds what took less than 2**5 µs = 32 µs, the widest but one 2**24 µs = 17 s."""


async def families(app: Application, *, is_writable: bool, seconds: float) -> list[Metric]:
    """Everything there is to tell now; what the store does not tell within `seconds` is left out."""
    found = [
        *_of_requests(app.tally),
        *_of_work(app),
        *_of_memory(app),
        *ProcessCollector(registry=None).collect(),
    ]
    return [
        *_labelled(found, worker=str(app.launch.generation)),
        *await _of_store(app, is_writable=is_writable, seconds=seconds),
    ]


def as_text(found: Iterable[Metric]) -> bytes:
    """The samples in the Prometheus text format; may run on any thread."""
    return generate_latest(_Found(found))


class _Found(Collector):
    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


def _of_requests(tally: Tally) -> Iterator[Metric]:
    text = "Requests to the APIs and token endpoints that were answered."
    requests = CounterMetricFamily("wixture_requests", text, labels=("operation", "status"))
    counts: Counter[tuple[str, str]] = Counter()
    rows: dict[str, list[int]] = {}
    for (operation_id, status), row in list(tally.requests.items()):
        name = operation_id or NO_OPERATION
        counts[name, f"{status // 100}xx"] += sum(row[:DURATIONS])
        rows[name] = [sum(pair) for pair in zip(row, rows[name], strict=True)] if name in rows else row
    for labels, count in counts.items():
        requests.add_metric(labels, count)
    yield requests
    text = "How long the answer to a request took to make, without the network."
    durations = HistogramMetricFamily("wixture_request_duration_seconds", text, labels=("operation",))
    for name, row in rows.items():
        durations.add_metric((name,), list(_buckets(row)), row[DURATIONS] / 1_000_000)
    yield durations


def _buckets(row: list[int]) -> Iterator[tuple[str, float]]:
    for place in range(_FIRST, _LAST + 1):
        yield str(2**place / 1_000_000), sum(row[: place + 1])
    yield "+Inf", sum(row[:DURATIONS])


def _of_work(app: Application) -> Iterator[Metric]:
    tally = app.tally
    yield _counted("wixture_contract_breaches", "Requests that broke a rule of the contract.", "rule", tally.rules)
    yield _counted("wixture_events", "Domain events that were committed with their change.", "type", tally.events)
    text = "Attempts to deliver a webhook, by what became of them."
    yield _counted("wixture_delivery_attempts", text, "reason", app.dispatch.reasons)
    yield _counted("wixture_commits", "Changes brought to the store.", "outcome", tally.commits)


def _counted(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for value, count in list(counts.items()):
        family.add_metric((value,), count)
    return family


def _of_memory(app: Application) -> Iterator[Metric]:
    tenants = app.tenants
    yield GaugeMetricFamily("wixture_tenants", "Tenants that this process knows.", value=len(tenants))
    journals = [tenants.unattributed, *(tenant.journal for tenant in tenants.in_use())]
    text = "Exchanges that this process holds in memory; with a store that survives, those still to be written."
    yield GaugeMetricFamily("wixture_journal_exchanges", text, value=sum(map(len, journals)))
    text = "What these exchanges weigh, without Python's own share."
    yield GaugeMetricFamily("wixture_journal_bytes", text, value=tenants.journal_bytes)
    text = "When this process began, in seconds since 1970."
    yield GaugeMetricFamily("wixture_start_time_seconds", text, value=app.tally.started / 1_000_000)
    about = {
        "version": __version__,
        "python": platform.python_version(),
        "store": app.settings.store.partition(":")[0],
    }
    family = GaugeMetricFamily("wixture_build_info", "Always 1; the labels say what runs.", labels=tuple(about))
    family.add_metric(tuple(about.values()), 1)
    yield family


async def _of_store(app: Application, *, is_writable: bool, seconds: float) -> list[Metric]:
    """What all workers see alike."""
    text = "Whether state can be stored: 1 or 0."
    found = [GaugeMetricFamily("wixture_store_writable", text, value=is_writable)]
    with suppress(StorageUnavailable, TimeoutError):
        pending = await asyncio.wait_for(app.store.outbox.count_pending(), seconds)
        found.append(
            GaugeMetricFamily("wixture_deliveries_pending", "Webhooks still to be delivered.", value=pending)
        )
    return [*found]


def _labelled(found: Iterable[Metric], **more: str) -> Iterator[Metric]:
    for family in found:
        family.samples = [sample._replace(labels={**sample.labels, **more}) for sample in family.samples]
        yield family
