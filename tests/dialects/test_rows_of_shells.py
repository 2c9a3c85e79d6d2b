"""Rows about the curl samples: which requests a shell makes of such text, and how those are answered.

Each sample is typed into a real shell in which `curl` only writes down its words.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import CHANNELS, CONSENTS, Answer, Api

from wixture.mockserver.messages import Request

HOST = "https://www.wixapis.com"
BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"
RECORDING_CURL = r"""curl() { printf '%s\0' "$@"; printf '\1'; }
"""
FORM = "application/x-www-form-urlencoded"
LINK = re.compile(r"token=[^\"]+")


@dataclass(frozen=True)
class Curl:
    """What one `curl` was told: the addresses are the words that belong to no option."""

    method: str
    addresses: list[str]
    headers: Mapping[str, str]
    body: str

    def sent_to(self, api: Api, identity: str = "APP") -> Answer:
        """The answer to its request, made with a token of its own."""
        [address] = self.addresses
        assert address.startswith(HOST), f"{address!r} leads to another host"
        headers = {"host": "www.wixapis.com", **self.headers, "authorization": api.token(identity)}
        return api.send(Request(self.method, address.removeprefix(HOST), "", headers, self.body.encode()))


def typed(text: str) -> list[Curl]:
    """The curls that a shell starts when `text` is typed into it; other commands find no program."""
    shell = subprocess.run(
        ["/bin/sh", "-c", RECORDING_CURL + text],
        capture_output=True, text=True, check=False, env={"PATH": "/nowhere"},
    )  # fmt: skip
    return [curl_of(words.split("\0")[:-1]) for words in shell.stdout.split("\1")[:-1]]


def curl_of(words: list[str]) -> Curl:
    """The request that curl makes of its words: data makes it a form, posted, unless told otherwise."""
    options: dict[str, list[str]] = {"-X": [], "-H": [], "-d": []}
    addresses = []
    rest = iter(words)
    for word in rest:
        name = "-d" if word == "--data-binary" else word
        if name in options:
            options[name].append(next(rest))
        else:
            addresses.append(word)
    headers = {name.lower(): value for name, value in (header.split(": ") for header in options["-H"])}
    if options["-d"]:
        headers.setdefault("content-type", FORM)
    method = (options["-X"] or ["POST" if options["-d"] else "GET"])[0]
    return Curl(method, addresses, headers, "".join(options["-d"]))


EMAIL = {"type": "EMAIL", "email": "ada@example.com"}
CONFIRMED = {"details": EMAIL, "state": "CONFIRMED", "lastConfirmationActivity": {"source": "FORM"}}
NEW = {**CONFIRMED, "details": {"type": "PHONE", "phone": "+19172222222"}}

SIX: dict[str, tuple[str, str, Any]] = {
    "create": ("POST", CONSENTS, {"marketingConsent": NEW}),
    "update": ("PATCH", CONSENTS + "/{id}", {"marketingConsent": CONFIRMED}),
    "remove": ("POST", f"{CONSENTS}/remove", {"details": EMAIL, "lastRevokeActivity": {"source": "FORM"}}),
    "query": ("POST", f"{CONSENTS}/query", {"query": {}}),
    "upsert": ("POST", f"{CONSENTS}/upsert", {"marketingConsent": CONFIRMED}),
    "bulk": ("POST", BULK, {"info": [CONFIRMED]}),
}
each_of_six = pytest.mark.parametrize(("method", "path", "body"), SIX.values(), ids=list(SIX))


def sample(api: Api, method: str, path: str, body: Any, *, last: str, declared: bool = True) -> str:
    """A sample about a consent that is stored; `last` is what stands between the headers and the body."""
    address = HOST + path.format(id=api.create()["id"])
    kind = "-H 'Content-Type: application/json' \\\n" if declared else ""
    return f"curl -X {method} \\\n'{address}' \\\n{kind}-H 'Authorization: x'{last}-d '{json.dumps(body)}'"


# ---- bodies and how they are declared ------------------------------------------------------------


@pytest.mark.row("curl-body-cut-off")
@each_of_six
def test_without_the_backslash_no_body_is_sent_and_the_answer_asks_for_it(api, method, path, body):
    [curl] = typed(sample(api, method, path, body, last="\n"))
    assert (curl.method, curl.body) == (method, "")
    answer = curl.sent_to(api)
    assert answer.status == 400
    assert "body" in answer.violations
    assert "body" in answer.json["message"]


@pytest.mark.row("curl-body-cut-off")
@each_of_six
def test_with_the_backslash_the_body_belongs_to_the_request(api, contract_at, method, path, body):
    [curl] = typed(sample(api, method, path, body, last=" \\\n"))
    assert json.loads(curl.body) == body
    assert curl.sent_to(api).status == 200
    template = path.replace("{id}", "{marketingConsentId}").replace("/", "~1")
    assert contract_at(f"/paths/{template}/{method.lower()}/requestBody/required") is True


@pytest.mark.row("curl-no-content-type")
@each_of_six
def test_json_that_curl_calls_a_form_is_refused_and_the_right_type_named(api, method, path, body):
    [curl] = typed(sample(api, method, path, body, last=" \\\n", declared=False))
    assert curl.headers["content-type"] == FORM
    answer = curl.sent_to(api)
    assert (answer.status, answer.code) == (415, "MOCK_UNSUPPORTED_MEDIA_TYPE")
    assert "Content-Type: application/json" in answer.json["message"]


# ---- backslashes, quotes and ends ----------------------------------------------------------------


@pytest.mark.row("curl-backslash-space", "curl-command-unfinished")
def test_a_backslash_before_a_space_makes_the_space_part_of_the_address():
    [curl] = typed(f"curl -X POST \\ '{HOST}{CHANNELS}' -H 'Authorization: x'")
    assert curl.addresses == [f" {HOST}{CHANNELS}"]


@pytest.mark.row("curl-backslash-space")
def test_a_backslash_before_a_line_break_leaves_the_address_whole(api):
    headers = "-H 'Authorization: x' \\\n-H 'Content-Type: application/json'"
    [curl] = typed(
        f'curl -X POST \\\n\'{HOST}{CHANNELS}\' \\\n{headers} \\\n-d \'{{"followedChannel": {{"channel": "X"}}}}\''
    )
    answer = curl.sent_to(api, "MEMBER")
    assert (answer.status, answer.json["followedChannel"]["channel"]) == (200, "X")


@pytest.mark.row("curl-command-unfinished")
def test_a_command_that_ends_in_a_backslash_takes_the_answer_for_more_of_itself():
    [curl] = typed(f"curl \\\n'{HOST}{CHANNELS}' \\\n-H 'Authorization: x' \\\n{{\n\"followedChannels\": []\n")
    assert curl.addresses == [f"{HOST}{CHANNELS}", "{"]


@pytest.mark.row("curl-command-unfinished", "list-channels-by-post")
def test_a_command_that_ends_after_its_last_header_lists(api, follow):
    followed = follow("X").json["followedChannel"]
    [curl] = typed(f"curl \\\n'{HOST}{CHANNELS}' \\\n-H 'Authorization: x'\n")
    assert (curl.method, curl.addresses) == ("GET", [f"{HOST}{CHANNELS}"])
    assert curl.sent_to(api, "MEMBER").json == {"followedChannels": [followed]}


@pytest.mark.row("list-channels-by-post", "query-by-patch")
@pytest.mark.parametrize(
    ("method", "path", "identity", "body", "right"),
    [
        ("POST", CHANNELS, "MEMBER", "", f"GET {CHANNELS} (listFollowedChannels)"),
        (
            "PATCH",
            f"{CONSENTS}/query",
            "APP",
            "-d '{\"query\": {}}'",
            f"POST {CONSENTS}/query (queryMarketingConsent)",
        ),
    ],
    ids=["list by POST", "query by PATCH"],
)
def test_a_wrong_method_is_refused_and_the_right_one_named(api, method, path, identity, body, right):
    [curl] = typed(f"curl -X {method} '{HOST}{path}' -H 'Content-Type: application/json' {body}")
    answer = curl.sent_to(api, identity)
    assert answer.status == 400
    assert right in answer.json["message"]


@pytest.mark.row("curl-addresses-unquoted")
@pytest.mark.parametrize("path", [f"{CONSENTS}/get-by", f"{CONSENTS}/{'a' * 8}-0000-4000-8000-{'0' * 12}", BULK])
def test_an_address_is_the_same_with_and_without_quotes(path):
    [bare], [quoted] = typed(f"curl {HOST}{path} \\\n-H 'a: b'"), typed(f"curl '{HOST}{path}' \\\n-H 'a: b'")
    assert bare == quoted
    assert bare.addresses == [HOST + path]


# ---- addresses without their prefix --------------------------------------------------------------


@pytest.mark.row("addresses-without-prefix")
@each_of_six
def test_a_short_address_of_a_writing_operation_is_an_alias(api, contract_at, method, path, body):
    short = path.replace("/marketing-consent/v1/", "/v1/")
    entity = api.create()["id"]
    assert api.call(method, short.format(id=entity), body).status == 200
    template = path.replace("{id}", "{marketingConsentId}")
    assert short.replace("{id}", "{marketingConsentId}") in contract_at(
        f"/paths/{template.replace('/', '~1')}/x-aliases"
    )


@pytest.mark.row("addresses-without-prefix")
@pytest.mark.parametrize(
    ("method", "path", "query"),
    [("GET", "/{id}", ""), ("GET", "/get-by", "type=EMAIL&email=ada@example.com"), ("DELETE", "/{id}", "")],
    ids=["get", "get-by", "delete"],
)
def test_a_short_address_answers_the_same(api, method, path, query):
    other = api.of("e0000000-0000-4000-8000-000000000001")
    answered = []
    for site, start in ((api, CONSENTS), (other, "/v1/marketing-consent")):
        entity = site.create()["id"]
        answer = site.call(method, start + path.format(id=entity), query=query)
        exchange = site.control("GET", "/exchanges").json["exchanges"][-1]
        body = LINK.sub("", answer.response.body.decode()).replace(entity, "")
        answered.append((answer.status, exchange["operationId"], body))
    assert answered[0] == answered[1]
    assert answered[0][0] == 200
