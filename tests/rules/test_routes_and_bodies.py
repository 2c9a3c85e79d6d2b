"""Which request line reaches which operation, how bodies travel, and what a browser is told."""

from __future__ import annotations

import pytest

BASE = "/marketing-consent/v1/marketing-consent"
BULK = "/marketing-consent/v1/bulk/marketing-consent/upsert"
FOLLOWED = "/loyalty-social-media/v1/followed-channels"
BY_EMAIL = "type=EMAIL&email=ada%40example.com"


# ---- routes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/marketing-consent/v1", "/v1", "/_api/marketing/v1"])
def test_the_paths_of_the_sdks_other_hosts_are_aliases_of_every_operation(site, sent, details, prefix):
    base = prefix + "/marketing-consent"
    made = site.ask("POST", base, {"marketingConsent": sent()}).body["marketingConsent"]
    one = f"{base}/{made['id']}"
    answers = [
        site.ask("GET", one),
        site.ask("GET", f"{base}/get-by", query=BY_EMAIL),
        site.ask("PATCH", one, {"marketingConsent": sent("REVOKED")}),
        site.ask("POST", f"{base}/query", {"query": {}}),
        site.ask("POST", f"{base}/upsert", {"marketingConsent": sent()}),
        site.ask("POST", f"{base}/remove", {"details": details(), "lastRevokeActivity": {}}),
        site.ask("POST", f"{prefix}/bulk/marketing-consent/upsert", {"info": [sent()]}),
        site.ask("DELETE", one),
    ]
    assert [answer.status for answer in answers] == [200] * 8


@pytest.mark.parametrize("path", [FOLLOWED, "/_api/loyalty-social-media/v1/followed-channels"])
def test_followed_channels_have_their_alias(site, path):
    token = site.token("MEMBER")
    made = site.ask("POST", path, {"followedChannel": {"channel": "X"}}, token=token).body["followedChannel"]
    assert site.ask("GET", path, token=token).body == {"followedChannels": [made]}


def test_get_by_is_an_operation_and_not_an_id(site, sent):
    site.upsert(sent())
    assert "communicationEligibility" in site.ask("GET", f"{BASE}/get-by", query=BY_EMAIL).body


@pytest.mark.rule("malformed-id-not-found")
@pytest.mark.parametrize("name", ["query", "upsert", "remove"])
def test_a_static_path_with_the_method_get_reads_the_consent_of_that_id(site, name):
    answer = site.ask("GET", f"{BASE}/{name}")
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")
    assert f"has the ID '{name}'" in answer.body["message"]


@pytest.mark.rule("malformed-id-not-found")
def test_a_patch_of_query_is_an_update_as_on_the_real_route_table(site, sent):
    answer = site.ask("PATCH", f"{BASE}/query", {"marketingConsent": sent()})
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", BASE, "POST"),
        ("PUT", f"{BASE}/some-id", "DELETE, GET, PATCH"),
        ("POST", f"{BASE}/get-by", "DELETE, GET, PATCH"),
        ("PUT", f"{BASE}/query", "DELETE, GET, PATCH, POST"),
        ("GET", BULK, "POST"),
        ("DELETE", FOLLOWED, "GET, POST"),
        ("OPTIONS", FOLLOWED, "GET, POST"),
    ],
)
def test_another_method_is_405_with_those_that_would_do(site, method, path, allowed):
    answer = site.ask(method, path)
    assert (answer.status, answer.error["code"]) == (405, "MOCK_METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == allowed
    assert answer.body["message"].startswith(f"No operation matches {method} {path}. Closest: ")


def test_a_misspelt_path_that_an_id_would_fit_names_the_operation_that_was_meant(site):
    answer = site.ask("POST", f"{BASE}/upserts")
    assert (answer.status, answer.headers["Allow"]) == (405, "DELETE, GET, PATCH")
    assert f"Closest: POST {BASE}/upsert (upsertMarketingConsent)" in answer.body["message"]


@pytest.mark.parametrize(
    ("method", "last", "closest"),
    [
        ("POST", "getby", "GET get-by"),
        ("PUT", "upserts", "POST upsert"),
        ("GET", "getby", "GET get-by"),
        ("GET", "get_by", "GET get-by"),
        ("GET", "getBy", "GET get-by"),
        ("GET", "query", "POST query"),
        ("GET", "querry", "POST query"),
        ("DELETE", "remove", "POST remove"),
    ],
)
def test_a_misspelt_last_part_that_reads_as_an_id_names_the_operation_that_was_meant(site, method, last, closest):
    answer = site.ask(method, f"{BASE}/{last}")
    assert answer.status == (404 if method in ("GET", "DELETE") else 405)
    meant, name = closest.split()
    assert f" Closest: {meant} {BASE}/{name} (" in answer.body["message"]


@pytest.mark.parametrize(
    "last", ["zzz", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "get-by?type=EMAIL&email=a@b.example"]
)
def test_an_id_that_nothing_has_is_no_misspelling(site, last):
    path, _, query = last.partition("?")
    answer = site.ask("GET", f"{BASE}/{path}", query=query)
    assert answer.status == 404
    assert "Closest" not in answer.body["message"]


@pytest.mark.parametrize(
    ("path", "closest"),
    [
        ("/marketing-consent/v1/marketing-consents", "POST " + BASE),
        ("/loyalty-social-media/v1/followed-channel", "POST " + FOLLOWED),
        (BASE + "/", None),
        ("/", None),
    ],
)
def test_a_path_without_an_operation_is_404_with_the_closest(site, path, closest):
    answer = site.ask("POST", path)
    assert (answer.status, answer.error["code"]) == (404, "MOCK_NO_SUCH_OPERATION")
    assert closest is None or f"Closest: {closest} (" in answer.body["message"]


def test_every_answer_names_its_exchange(site):
    ids = {site.ask("GET", path).headers["X-Wix-Request-Id"] for path in (BASE, "/nope", f"{BASE}/x", FOLLOWED)}
    assert len(ids) == 4


# ---- bodies --------------------------------------------------------------------------------------


@pytest.mark.rule("json-body")
@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"  ", "The body is empty"),
        (b"{", "The body is no valid JSON"),
        (b"{} {}", "The body is no valid JSON"),
        (b"{'a': 1}", "The body is no valid JSON"),
        (b'{"a": NaN}', "The body is no valid JSON"),
        (b'{"a": Infinity}', "The body is no valid JSON"),
        (b'{"a": "\xff"}', "The body is no valid JSON"),
        (b"\xef\xbb\xbf{}", "The body is no valid JSON"),
        (b'{"a": 1, "a": 2}', "The key 'a' stands twice"),
        (b'{"a": [{"b": 1, "\\u0062": 2}]}', "The key 'b' stands twice"),
        (b'{"a": "\\u0000"}', "A text in the body holds the character U+0000"),
        (b"[" * 66 + b"]" * 66, "The body is nested deeper than 64 levels"),
    ],
)
def test_a_body_that_is_no_strict_json_is_refused(site, body, text):
    answer = site.ask("POST", BASE, body)
    assert (answer.status, answer.error["code"]) == (400, "MOCK_BAD_JSON")
    assert answer.body["message"].startswith(text)
    assert answer.error["data"]["rule"] == "json-body"


@pytest.mark.rule("json-body")
@pytest.mark.parametrize("path", [BASE, BULK, f"{BASE}/query", f"{BASE}/remove", f"{BASE}/upsert"])
def test_a_missing_body_is_told_so(site, path):
    answer = site.ask("POST", path, content_type="application/json")
    assert (answer.status, answer.rules) == (400, ["json-body"])
    assert answer.body["message"] == "INVALID_ARGUMENT: body must not be empty"


@pytest.mark.rule("json-content-type")
@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/json;",
    ],
)
def test_a_body_declared_as_json_is_read(site, kind):
    assert site.ask("POST", f"{BASE}/query", {"query": {}}, content_type=kind).status == 200


@pytest.mark.rule("json-content-type")
@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("", "nothing"),
        ("text/plain", "text/plain"),
        ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded"),
        ("application/json; charset=utf-16", "application/json; charset=utf-16"),
    ],
)
def test_a_body_declared_otherwise_is_415(site, kind, shown):
    answer = site.ask("POST", f"{BASE}/query", {"query": {}}, content_type=kind)
    assert (answer.status, answer.error["code"]) == (415, "MOCK_UNSUPPORTED_MEDIA_TYPE")
    text = f"The body is sent as {shown}; send it in UTF-8 with Content-Type: application/json."
    assert (answer.body["message"], answer.error["data"]["rule"]) == (text, "json-content-type")


# ---- browsers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [BASE, f"{BASE}/x", FOLLOWED, "/oauth2/token"])
def test_a_preflight_is_204_with_what_may_be_sent(site, path):
    asked = {"origin": "https://app.example", "access_control_request_method": "PATCH"}
    answer = site.ask("OPTIONS", path, token="", **asked)
    headers = answer.headers
    assert (answer.status, answer.body, headers["Access-Control-Allow-Origin"]) == (204, None, "*")
    assert set(headers["Access-Control-Allow-Methods"].split(", ")) == {"GET", "POST", "PATCH", "DELETE"}
    allowed = set(headers["Access-Control-Allow-Headers"].split(", "))
    assert allowed >= {"authorization", "content-type", "wix-site-id", "x-wix-bi-gateway", "x-wix-consistent"}


@pytest.mark.parametrize(("path", "status"), [(FOLLOWED, 403), ("/nope", 404), (f"{BASE}/x", 404)])
def test_an_answer_to_another_origin_can_be_read_there_also_a_refusal(site, path, status):
    answer = site.ask("GET", path, origin="https://app.example")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, "*")
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert exposed == ["X-Wix-Request-Id", "X-Wixture-Fault", "Retry-After"]


def test_an_answer_to_no_origin_has_no_cors_headers(site):
    assert "Access-Control-Allow-Origin" not in site.ask("GET", f"{BASE}/x").headers
