"""Files of traffic: what recorders write is read, and whatever else a file holds is refused by its place."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from conftest import Api
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging.deviations import CONSENTS, ID, RIGHT, TOKEN

from wixture.contracts.findings import exchange_dict
from wixture.contracts.judging.judged import parts_of
from wixture.contracts.judging.messages import MOST_UNPACKED, body_of
from wixture.contracts.judging.traffic import LONGEST_LINE, BadTraffic, Entry, entries


def har(*listed: Any) -> dict[str, Any]:
    """A HAR of these entries."""
    return {"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": list(listed)}}


def entry(**fields: Any) -> dict[str, Any]:
    """An entry as a browser writes it, or as the fields say."""
    return {
        "startedDateTime": "2024-01-31T08:00:00.000Z",
        "time": 41.5,
        "request": {
            "method": "POST",
            "url": CONSENTS,
            "httpVersion": "h2",
            "headers": [
                {"name": ":method", "value": "POST"},
                {"name": "authorization", "value": TOKEN},
                {"name": "content-type", "value": "application/json"},
            ],
            "bodySize": 2,
            "postData": {"mimeType": "application/json", "text": "{}"},
        },
        "response": {
            "status": 200,
            "headers": [{"name": "Content-Type", "value": "application/json"}, {"name": "X", "value": "1"}],
            "content": {"size": 7, "mimeType": "application/json", "text": '{"a":1}'},
        },
        **fields,
    }


def response(**fields: Any) -> dict[str, Any]:
    return entry(response={**entry()["response"], **fields})


def request(**fields: Any) -> dict[str, Any]:
    return entry(request={**entry()["request"], **fields})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traffic.har"


def read(path: Path, content: Any) -> list[Entry]:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return list(entries(path))


def the_one(path: Path, content: Any) -> Entry:
    (found,) = read(path, content)
    return found


# ---- HAR -----------------------------------------------------------------------------------------


def test_a_har_entry_is_an_exchange(path: Path) -> None:
    found = the_one(path, har(entry()))
    assert found.place == "entry 1"
    assert found.lacks == frozenset()
    exchange = found.exchange
    assert (exchange.method, exchange.url, exchange.status, exchange.duration_ms) == ("POST", CONSENTS, 200, 41.5)
    assert exchange.request_headers == {"authorization": TOKEN, "content-type": "application/json"}
    assert (exchange.request_body, exchange.response_body) == ({}, {"a": 1})


def test_a_har_over_many_lines_and_with_a_byte_order_mark_is_read(path: Path) -> None:
    assert the_one(path, b"\xef\xbb\xbf" + json.dumps(har(entry()), indent=2).encode()).exchange.status == 200


def test_a_har_by_another_name_is_read(tmp_path: Path) -> None:
    for text in (json.dumps(har(entry())), json.dumps(har(entry()), indent=1)):
        assert the_one(tmp_path / "traffic.json", text.encode()).exchange.status == 200


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_body_in_base64_is_read(path: Path, pack: Any) -> None:
    text = base64.b64encode(pack(b'{"a":1}')).decode()
    content = {"text": text, "encoding": "base64", "size": 7}
    assert the_one(path, har(response(content=content))).exchange.response_body == {"a": 1}


def test_bytes_that_are_no_text_stay_bytes(path: Path) -> None:
    content = {"text": base64.b64encode(b"\xff\xfe\x00").decode(), "encoding": "base64"}
    assert the_one(path, har(response(content=content))).exchange.response_body == b"\xff\xfe\x00"


@pytest.mark.parametrize("content", [None, {"size": 7}, {"mimeType": "application/json"}])
def test_a_body_that_was_not_recorded_is_lacking_and_not_empty(path: Path, content: Any) -> None:
    assert the_one(path, har(response(content=content))).lacks == {"body"}


def test_a_body_recorded_as_empty_is_empty(path: Path) -> None:
    found = the_one(path, har(response(content={"size": 0})))
    assert (found.lacks, found.exchange.response_body) == (frozenset(), None)


def test_a_request_body_that_was_not_recorded_is_lacking(path: Path) -> None:
    assert the_one(path, har(request(postData=None))).lacks == {"sent"}
    assert the_one(path, har(request(postData=None, bodySize=0))).lacks == frozenset()


def test_a_form_is_read_from_its_text_or_its_parameters(path: Path) -> None:
    kind = "application/x-www-form-urlencoded"
    for posted in ({"text": "a=1&b=%2B"}, {"params": [{"name": "a", "value": "1"}, {"name": "b", "value": "+"}]}):
        assert (
            the_one(path, har(request(postData={"mimeType": kind, **posted}))).exchange.request_body == "a=1&b=%2B"
        )


@pytest.mark.parametrize("status", [0, None])
def test_a_status_of_nobody_is_no_answer(path: Path, status: Any) -> None:
    assert the_one(path, har(response(status=status))).exchange.status is None


def test_headers_of_one_name_are_lines_of_one(path: Path) -> None:
    headers = [{"name": "Set-Cookie", "value": "a=1"}, {"name": "set-cookie", "value": "b=2"}]
    assert the_one(path, har(response(headers=headers))).exchange.response_headers == {"Set-Cookie": "a=1\nb=2"}


def test_a_har_without_entries_is_read(path: Path) -> None:
    assert read(path, har()) == []


BAD_ENTRIES: dict[str, Any] = {
    "no object": 5,
    "no request": {"response": {}},
    "a request that is a text": {"request": "GET /", "response": {}},
    "no method": {"request": {"url": CONSENTS}, "response": {"status": 200}},
    "an address that is a number": {"request": {"method": "GET", "url": 5}, "response": {"status": 200}},
    "a status that is a text": response(status="200"),
    "a status out of bounds": response(status=99999),
    "a status that is true": response(status=True),
    "headers that are a number": response(headers=7),
    "a header that is a text": response(headers=["a: b"]),
    "content that is a list": response(content=[1]),
    "an encoding of nobody": response(content={"text": "x", "encoding": "rot13"}),
    "base64 that is none": response(content={"text": "!!!", "encoding": "base64"}),
}


@pytest.mark.parametrize("bad", BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_a_bad_entry_is_refused_by_its_number(path: Path, bad: Any) -> None:
    with pytest.raises(BadTraffic, match=r"traffic\.har, entry 2: "):
        read(path, har(entry(), bad))


# ---- NDJSON --------------------------------------------------------------------------------------


def test_lines_in_our_own_form_are_read_as_they_were(path: Path) -> None:
    lines = [orjson.dumps(exchange_dict(one)) for one in RIGHT.values()]
    found = read(path.with_suffix(".ndjson"), b"\n".join(lines) + b"\n\n")
    assert [one.exchange for one in found] == list(RIGHT.values())
    assert [one.place for one in found] == [f"line {number}" for number in range(1, len(RIGHT) + 1)]


def test_lines_of_the_mocks_journal_are_read(api: Api, path: Path) -> None:
    api.create("ada@example.com")
    api.call("GET", "/marketing-consent/v1/marketing-consent/get-by", query="type=EMAIL&email=ada@example.com")
    journal = api.control("GET", "/exchanges").json
    by_line = read(path.with_suffix(".ndjson"), b"\n".join(orjson.dumps(one) for one in journal["exchanges"]))
    assert [one.exchange.status for one in by_line] == [200, 200]
    assert [one.identity for one in by_line] == ["APP", "APP"]
    assert by_line[0].lacks == {"headers"}
    assert parts_of(by_line[1].exchange.url)[1:] == (
        "/marketing-consent/v1/marketing-consent/get-by",
        "type=EMAIL&email=ada@example.com",
    )
    whole = read(path.with_suffix(".json"), orjson.dumps(journal))
    assert [one.exchange for one in whole] == [one.exchange for one in by_line]


def test_an_answer_that_a_fault_spoilt_says_so(api: Api, path: Path) -> None:
    plan = {"on": {"operation": "getMarketingConsent"}, "do": {"status": 503}}
    assert api.control("POST", "/faults", plan).status == 200
    api.call("GET", f"/marketing-consent/v1/marketing-consent/{ID}")
    journal = api.control("GET", "/exchanges").json
    assert [one.fault for one in read(path, orjson.dumps(journal))] == [True]


def test_a_file_packed_with_gzip_is_read(path: Path) -> None:
    assert the_one(path, gzip.compress(json.dumps(har(entry())).encode())).exchange.status == 200
    lines = b"".join(orjson.dumps(exchange_dict(one)) + b"\n" for one in RIGHT.values())
    assert len(read(path.with_suffix(".gz"), gzip.compress(lines))) == len(RIGHT)


GOOD = orjson.dumps(exchange_dict(RIGHT["get"]))
BAD_LINES: dict[str, bytes] = {
    "no JSON": b"GET / HTTP/1.1",
    "cut off": GOOD[:-5],
    "a number": b"5",
    "a list": b"[1]",
    "null": b"null",
    "NaN": b'{"method": "GET", "url": "/", "durationMs": NaN}',
    "no UTF-8": b'{"method": "\xff\xfe"}',
    "half a character": b'{"method": "\\ud800"}',
    "a nest": b"[" * 100_000,
    "no address": b'{"method": "GET"}',
    "a bad status": b'{"method": "GET", "url": "/", "status": "200"}',
    "terminal escapes": b'{"method": "GET", "url": 1, "\\u001b[2J": 2}',
    "a list of exchanges that are none": b'{"exchanges": [7]}',
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES)
def test_a_bad_line_is_refused_by_its_number(path: Path, bad: bytes) -> None:
    with pytest.raises(BadTraffic, match=r"traffic\.ndjson, line 3: ") as refused:
        read(path.with_suffix(".ndjson"), GOOD + b"\n\n" + bad + b"\n" + GOOD)
    assert len(str(refused.value)) < 500
    assert "\x1b" not in str(refused.value)


BAD_FILES: dict[str, bytes] = {
    "a list": b"[]",
    "a list of entries": json.dumps([entry()]).encode(),
    "a list over lines": json.dumps([entry()], indent=1).encode(),
    "a log that is a list": b'{"log": []}',
    "a log without entries": b'{"log": {"entries": {}}}',
    "HTML": b"<!DOCTYPE html>\n<html></html>",
    "UTF-16": json.dumps(har(entry())).encode("utf-16"),
    "gzip cut off": gzip.compress(json.dumps(har(entry())).encode())[:-12],
    "gzip that is none": b"\x1f\x8b\x08\x00garbage and more garbage",
    "zeros": b"\x00" * 100,
    "a nest": b"[" * 1_000_000,
    "a har cut off": json.dumps(har(entry()), indent=1).encode()[:-50],
}


@pytest.mark.parametrize("bad", BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_traffic_is_refused(path: Path, bad: bytes) -> None:
    with pytest.raises(BadTraffic, match=r"traffic\.har"):
        read(path, bad)


def test_an_empty_file_has_no_exchanges(path: Path) -> None:
    assert read(path.with_suffix(".ndjson"), b"") == []
    assert read(path.with_suffix(".ndjson"), b"\n \n") == []


def test_a_line_without_end_is_refused_before_it_fills_the_memory(path: Path) -> None:
    packed = gzip.compress(b'{"method": "' + b"x" * (LONGEST_LINE + 10), compresslevel=1)
    with pytest.raises(BadTraffic, match="line 1: it is longer than 64 MiB"):
        read(path.with_suffix(".ndjson"), packed)


def test_a_packed_body_is_unpacked_up_to_a_limit() -> None:
    bomb = gzip.compress(b"0" * (MOST_UNPACKED + 1))
    assert body_of(bomb) == bomb
    assert body_of(gzip.compress(b'{"a":1}')) == {"a": 1}
    assert body_of(b"\x1f\x8bno") == b"\x1f\x8bno"


@given(data=st.binary(max_size=300), name=st.sampled_from(["x.har", "x.ndjson", "x.json"]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_break_the_reader(tmp_path: Path, data: bytes, name: str) -> None:
    with contextlib.suppress(BadTraffic):
        read(tmp_path / name, data)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "request response method url path status headers body name value content text".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    value=_JSON, place=st.sampled_from(["entry", "request", "response", "line", "content", "postData", "headers"])
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_value_at_any_place_breaks_the_reader(tmp_path: Path, value: Any, place: str) -> None:
    files = {
        "entry": har(value),
        "request": har(entry(request=value)),
        "response": har(entry(response=value)),
        "content": har(response(content=value)),
        "postData": har(request(postData=value)),
        "headers": har(response(headers=value)),
        "line": value,
    }
    with contextlib.suppress(BadTraffic):
        read(tmp_path / "x.har", files[place])


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://User:pw@Api.Example:8443/a/b?x=1#y", ("api.example:8443", "/a/b", "x=1")),
        ("http://host", ("host", "/", "")),
        ("/a?b=http://c/d", ("", "/a", "b=http://c/d")),
        ("http://[::1/x", ("[::1", "/x", "")),
        ("\ud800", ("", "\ufffd" * 3, "")),
        ("", ("", "", "")),
    ],
)
def test_an_address_has_its_parts_whatever_it_is(url: str, parts: tuple[str, str, str]) -> None:
    assert parts_of(url) == parts
