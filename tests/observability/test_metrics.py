"""`GET /_mock/metrics`: what is counted, under which labels, and who may read it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from conftest import CONSENTS, Api
from prometheus_client.parser import text_string_to_metric_families

from wixture.mockserver.messages import Request
from wixture.mockserver.tally import Tally
from wixture.mockserver.webhooks.events import event_types
from wixture.mockserver.webhooks.outcomes import REASONS

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "shared-mock.md"
WORKER = {"worker": "0"}


def scraped(api: Api) -> str:
    answer = api.control("GET", "/metrics", query="")
    assert answer.status == 200, answer.response.body
    return answer.response.body.decode()


def value(api: Api, name: str, **labels: str) -> float | None:
    """The sample with exactly these labels, beside that of the worker."""
    found = [
        sample.value
        for family in text_string_to_metric_families(scraped(api))
        for sample in family.samples
        if sample.name == name and {**sample.labels, **WORKER} == {**labels, **WORKER}
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_requests_are_counted_by_operation_and_class_of_status(api: Api) -> None:
    api.create("ada@example.com")
    api.create("bob@example.com")
    api.call("POST", CONSENTS, {"marketingConsent": {}})
    api.call("GET", "/nowhere")
    assert value(api, "wixture_requests_total", operation="createMarketingConsent", status="2xx") == 2
    assert value(api, "wixture_requests_total", operation="createMarketingConsent", status="4xx") == 1
    assert value(api, "wixture_requests_total", operation="none", status="4xx") == 1


def test_a_request_is_in_every_bucket_that_is_wide_enough_and_in_the_sum(api: Api) -> None:
    tally = api.mock.app.tally
    for micros in (0, 31, 32, 1000, 3_000_000, 100_000_000):
        tally.note("op", 200, micros, ())
    found = {
        sample.labels["le"]: sample.value
        for family in text_string_to_metric_families(scraped(api))
        for sample in family.samples
        if sample.name == "wixture_request_duration_seconds_bucket" and sample.labels["operation"] == "op"
    }
    within = {0.000032: 2, 0.000064: 3, 0.001024: 4, 4.194304: 5, 16.777216: 5, float("inf"): 6}
    assert {le: found[next(key for key in found if float(key) == le)] for le in within} == within
    assert value(api, "wixture_request_duration_seconds_sum", operation="op") == 103.001063
    assert value(api, "wixture_request_duration_seconds_count", operation="op") == 6


def test_a_request_longer_than_any_clock_counts_too() -> None:
    tally = Tally()
    tally.note("op", 200, 2**62 - 1, ())
    assert sum(tally.requests["op", 200][:63]) == 1


def test_the_requests_of_one_operation_share_a_histogram_whatever_their_status(api: Api) -> None:
    api.mock.app.tally.note("op", 200, 10, ())
    api.mock.app.tally.note("op", 404, 10, ())
    api.mock.app.tally.note("op", 409, 10, ())
    assert value(api, "wixture_request_duration_seconds_count", operation="op") == 3
    assert value(api, "wixture_requests_total", operation="op", status="4xx") == 2


def test_a_breach_is_counted_once_for_each_rule_that_a_request_broke(api: Api) -> None:
    wrong = {"details": {"type": "EMAIL", "email": "ada@example.com"}, "sorce": 1, "satte": 2}
    assert api.call("POST", CONSENTS, {"marketingConsent": wrong}).status == 400
    assert value(api, "wixture_contract_breaches_total", rule="unknown-field") == 1


def test_events_attempts_and_commits_are_counted(api: Api) -> None:
    api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": "http://127.0.0.1:9/in"})
    api.create("ada@example.com")
    api.create("bob@example.com")
    assert value(api, "wixture_deliveries_pending") == 2
    assert value(api, "wixture_delivery_attempts_total", reason="refused") is None
    api.control("POST", "/webhooks/flush")
    assert value(api, "wixture_delivery_attempts_total", reason="refused") == 2
    assert value(api, "wixture_events_total", type="marketing_consent_created") == 2
    assert value(api, "wixture_commits_total", outcome="written") == 2


def test_a_change_that_lost_is_a_conflict(api: Api) -> None:
    details = {"type": "EMAIL", "email": "ada@example.com"}
    both = [{"details": details, "lastConfirmationActivity": {}}] * 2
    assert api.control("POST", "/seed", {"marketingConsents": both}, query="events=true").status == 409
    assert value(api, "wixture_commits_total", outcome="conflict") == 1
    assert value(api, "wixture_events_total", type="marketing_consent_created") is None


def test_what_is_there_now_is_told(api: Api) -> None:
    api.create("ada@example.com")
    api.call("GET", "/nowhere", identity=None)
    api.of("e0000000-0000-4000-8000-000000000002").create("ada@example.com")
    assert value(api, "wixture_tenants") == 2
    assert value(api, "wixture_journal_exchanges") == 3
    assert (value(api, "wixture_journal_bytes") or 0) > 100
    assert value(api, "wixture_store_writable") == 1
    assert (value(api, "wixture_start_time_seconds") or 0) > 1.7e9
    assert 'wixture_build_info{python="' in scraped(api)
    assert 'store="memory",version="0.1.0",worker="0"} 1.0' in scraped(api)


def test_a_scrape_counts_nothing_itself(api: Api) -> None:
    def own() -> list[str]:
        return [line for line in scraped(api).splitlines() if line.startswith("wixture_")]

    assert own() == own()


def test_the_answer_says_the_form_and_its_version(api: Api) -> None:
    answer = api.control("GET", "/metrics", query="")
    assert answer.response.content_type == "text/plain; version=0.0.4; charset=utf-8"


def test_the_page_about_a_shared_mock_names_every_metric_and_no_other(api: Api) -> None:
    api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": "http://127.0.0.1:9/in"})
    api.create("ada@example.com")
    api.call("POST", CONSENTS, {"marketingConsent": {}})
    api.control("POST", "/webhooks/flush")
    real = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(scraped(api))
        if family.name.startswith("wixture_")
    }
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| `wixture_")]
    told = {name for line in table for name in re.findall(r"`(wixture_\w+)`", line.split("|")[1])}
    assert told | {"wixture_journal_bytes"} == real


# ---- what must not be in it ----------------------------------------------------------------------


def test_labels_hold_no_tenant_no_person_and_no_secret(api: Api) -> None:
    api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": "http://127.0.0.1:9/in?k=hush"})
    other = api.of("e0000000-0000-4000-8000-000000000002")
    for one in (api, other):
        stored = one.create("ada@example.com")
        one.call("GET", f"{CONSENTS}/{stored['id']}")
        one.call("GET", "/nowhere/ada@example.com", query="token=hush")
        one.control("POST", "/webhooks/flush")
    text = scraped(api)
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)
    for personal in ("ada", "example.com", "hush", "127.0.0.1", "OauthNG", "nowhere"):
        assert personal not in text


def test_what_a_client_makes_up_adds_no_series(api: Api) -> None:
    def series() -> set[str]:
        return {line.rpartition(" ")[0] for line in scraped(api).splitlines() if not line.startswith("#")}

    def ask(number: int) -> None:
        site = api.of(f"e0000000-0000-4000-8000-{number:012}")
        site.call("GET", f"/made/up/{number}")
        site.call(f"M{number}", CONSENTS)
        site.call("POST", CONSENTS, {"marketingConsent": {f"f{number}": 1}})
        site.call("GET", f"{CONSENTS}/{number}")

    ask(1)
    before = series()
    for number in range(2, 30):
        ask(number)
    assert series() == before


def test_every_value_of_a_label_is_known_beforehand(api: Api) -> None:
    api.control("POST", "/webhooks/subscriptions", {"eventType": "*", "url": "http://127.0.0.1:9/in"})
    api.create("ada@example.com")
    api.control("POST", "/webhooks/flush")
    known = {"type": set(event_types()), "reason": set(REASONS)}
    for family in text_string_to_metric_families(scraped(api)):
        for sample in family.samples:
            for label, values in known.items():
                assert sample.labels.get(label) in {None, *values}


# ---- who may read it, and where it cannot be had --------------------------------------------------


def test_off_loopback_metrics_need_the_admin_token(make_api: Callable[..., Api]) -> None:
    api = make_api(host="0.0.0.0", admin_token="sesame", public_url="http://mock.example")  # noqa: S104

    def status(**headers: str) -> int:
        return api.send(Request("GET", "/_mock/metrics", "", {"host": "mock.example", **headers}, b"")).status

    assert status() == 401
    assert status(authorization="Bearer wrong") == 401
    assert status(authorization="Bearer sesame") == 200


PROGRAM = """
import asyncio, sys
sys.modules["prometheus_client"] = None
from wixture.mockserver.messages import Request
from wixture.mockserver.mock import Mock

async def main():
    mock = Mock()
    await mock.start()
    headers = {"host": "127.0.0.1:8787"}
    for path in ("/_mock/health", "/_mock/metrics"):
        answer = await mock.handle(Request("GET", path, "", headers, b""))
        print(answer.status, answer.body.decode())
    await mock.stop()

asyncio.run(main())
"""


def test_without_the_library_the_server_runs_and_says_what_to_install(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout.splitlines()
    assert shown[0].startswith("200 ")
    assert shown[1].startswith("404 ")
    assert "pip install 'wixture[metrics]'" in shown[1]


def test_nothing_imports_the_library_before_metrics_are_asked_for(tmp_path: Path) -> None:
    program = "import sys, wixture.mockserver.control; print('prometheus_client' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert shown.stdout.strip() == "False"
