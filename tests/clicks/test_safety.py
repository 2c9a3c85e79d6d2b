"""What keeps the pages safe: headers, hosts, origins, methods, sizes, and that no token is written down."""

from __future__ import annotations

import http.client
import json
import logging
import re
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from wixture.mockserver.pages.paths import BODY_LIMIT, FILES, page_of
from wixture.mockserver.server import BackgroundServer

PAGES = "/_manage-consent/"
POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def _answers(visitor):
    link = visitor.link()
    yield visitor.open(link)
    yield visitor.click(link)
    yield visitor.open(link + "x")
    yield visitor.send("PUT", link)
    yield visitor.open(link, host="evil.example")
    yield visitor.click(link, content_type="text/plain")
    yield from (visitor.open(PAGES + name) for name in FILES)


def test_every_answer_forbids_what_the_pages_do_not_need(visitor):
    for answer in _answers(visitor):
        headers = answer.response.headers
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy == POLICY
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers
        assert headers["X-Wix-Request-Id"]


def test_the_pages_have_no_script_and_no_inline_style(visitor):
    for answer in _answers(visitor):
        assert "<script" not in answer.html
        assert "style=" not in answer.html
        assert "<style" not in answer.html
        assert not re.search(r"<[^>]* on\w+=", answer.html)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_another_method_is_405_and_changes_nothing(visitor, method):
    answer = visitor.send(method, visitor.link(), content_type="application/x-www-form-urlencoded")
    assert (answer.status, answer.code) == (405, "MOCK_METHOD_NOT_ALLOWED")
    assert answer.response.headers["Allow"] == "GET, HEAD, POST"
    assert visitor.consents[0]["revision"] == "1"


def test_head_answers_as_get_and_is_no_click(visitor):
    link = visitor.link()
    for url in (link, link + "x", *(PAGES + name for name in FILES)):
        seen, head = visitor.open(url), visitor.send("HEAD", url)
        names = seen.response.headers.keys() - {"X-Wix-Request-Id"}
        assert (head.status, head.response.content_type) == (seen.status, seen.response.content_type)
        assert {name: head.response.headers[name] for name in names} == {
            name: seen.response.headers[name] for name in names
        }
    assert visitor.send("HEAD", link, content_type="application/x-www-form-urlencoded").asks
    assert visitor.consents[0]["revision"] == "1"


def test_head_of_a_link_sends_the_length_of_the_page_and_no_page(visitor):
    with BackgroundServer(visitor.api.mock) as server:
        link = urlsplit(visitor.link())
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        told = []
        for method in ("GET", "HEAD"):
            connection.request(method, f"{link.path}?{link.query}")
            answer = connection.getresponse()
            told.append((answer.status, answer.headers["content-length"], answer.read()))
        connection.close()
    (_, _, page), head = told
    assert head == (200, str(len(page)), b"")


def test_a_file_of_the_pages_is_only_read(visitor):
    for name, content_type in FILES.items():
        answer = visitor.open(PAGES + name)
        assert (answer.status, answer.response.content_type) == (200, content_type)
        refused = visitor.click(PAGES + name)
        assert (refused.status, refused.response.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["", "nothing", "page.html.jinja", "subscribe/", "subscribe/x", "../page.css"])
def test_nothing_else_is_there(visitor, path):
    answer = visitor.open(PAGES + path)
    assert (answer.status, answer.code) == (404, "MOCK_NO_SUCH_OPERATION")


# ---- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1/x", ""])
def test_another_hosts_name_is_403(visitor, host):
    link = visitor.link()
    for answer in (visitor.open(link, host=host), visitor.click(link, host=host)):
        assert (answer.status, answer.code) == (403, "MOCK_FORBIDDEN")
    assert visitor.consents[0]["state"] == "PENDING"


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost:1", "[::1]:8787", "shop.example"])
def test_the_servers_own_names_are_right(make_visitor, host):
    visitor = make_visitor(public_url="https://shop.example")
    assert visitor.open(visitor.link(), host=host).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "null", "sec_fetch_site": "cross-site"},
        {"origin": "http://127.0.0.1:8787", "sec_fetch_site": "cross-site"},
    ],
)
def test_another_origins_page_may_look_but_not_click(visitor, headers):
    link = visitor.link()
    assert visitor.open(link, **headers).status == 200
    answer = visitor.click(link, **headers)
    assert (answer.status, answer.code) == (403, "MOCK_FORBIDDEN")
    assert visitor.consents[0]["state"] == "PENDING"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://127.0.0.1:8787", "sec_fetch_site": "same-origin"},
        {"origin": "null", "sec_fetch_site": "same-origin"},
        {"origin": "null"},
        {},
    ],
    ids=["own origin", "own page that sends no referrer", "the same in an old browser", "curl"],
)
def test_the_pages_own_form_may_click(visitor, headers):
    assert visitor.click(visitor.link(), **headers).title == "You’re subscribed"


def test_the_control_api_takes_no_origin_null(visitor):
    answer = visitor.api.control("POST", "/reset", headers={"origin": "null"})
    assert (answer.status, answer.code) == (403, "MOCK_FORBIDDEN")


@pytest.mark.parametrize("content_type", ["", "application/json", "text/plain", "multipart/form-data; boundary=x"])
def test_only_the_pages_form_is_taken(visitor, content_type):
    answer = visitor.click(visitor.link(), content_type=content_type)
    assert (answer.status, answer.code) == (415, "MOCK_UNSUPPORTED_MEDIA_TYPE")
    assert visitor.consents[0]["state"] == "PENDING"


def test_a_form_with_a_charset_is_a_form(visitor):
    form = "application/x-www-form-urlencoded; charset=UTF-8"
    assert visitor.click(visitor.link(), content_type=form).status == 200


def test_the_public_address_may_have_a_path(make_visitor):
    visitor = make_visitor(public_url="https://shop.example/site")
    link = visitor.link()
    assert link.startswith("https://shop.example/site/_manage-consent/subscribe?")
    assert visitor.open(link, host="shop.example").asks
    assert visitor.open(link.replace("/site/", "/"), host="shop.example").asks
    assert visitor.open("https://shop.example/site/_manage-consent/page.css").status == 200
    assert visitor.open(link.replace("/site/", "/other/")).status == 404
    clicked = visitor.click(link, host="shop.example", origin="https://shop.example")
    assert clicked.title == "You’re subscribed"


def test_a_form_may_be_short_and_no_longer(visitor):
    limit = visitor.api.mock.body_limit
    assert limit("POST", "/_manage-consent/subscribe") == BODY_LIMIT == 4096
    assert limit("POST", "/_manage-consent/nothing") == 1024 * 1024


def test_mailers_may_add_parameters_of_their_own(visitor):
    link = visitor.link()
    assert visitor.open(link + "&utm_source=mail&utm_campaign=").asks


def test_off_loopback_a_visitor_needs_no_admin_token(make_visitor):
    public = {"host": "mock.example:8787"}
    shared = {"host": "0.0.0.0", "admin_token": "s3cret-admin", "public_url": "http://mock.example:8787"}  # noqa: S104
    visitor = make_visitor(**shared)
    admin = {"authorization": "Bearer s3cret-admin"}
    token = visitor.api.control("POST", "/tokens", {"identity": "APP"}, headers=admin).json["access_token"]
    link = visitor.upsert(headers={"authorization": token})["link"]["url"]
    assert visitor.open(link, **public).asks
    assert visitor.click(link, **public, origin="null").title == "You’re subscribed"


def test_the_template_engine_is_loaded_with_the_first_page():
    program = """if True:
        import asyncio, sys
        from wixture.mockserver.messages import Request
        from wixture.mockserver.mock import Mock
        mock = Mock()
        mock.warm_up()
        for path in ("/_mock/health", "/marketing-consent/v1/marketing-consent", "/_manage-consent/subscribe"):
            asyncio.run(mock.handle(Request("GET", path, "", {"host": "127.0.0.1"})))
            print("jinja2" in sys.modules)
    """
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "False", "True"]


# ---- what is written -----------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["<", "&", '"', "'"])
def test_what_a_visitor_wrote_is_text_in_the_page(visitor, first):
    link = visitor.link(email=f"{first}script>@<b>.<i>")
    page = visitor.open(link)
    assert f"{first}•••@<•••.<i>" in page.text
    assert "<script" not in page.html
    assert "<•••" not in page.html
    assert "<i>" not in page.html


def test_no_token_of_a_link_is_written_into_the_journal_or_a_log(visitor, caplog):
    caplog.set_level(logging.DEBUG)
    link = visitor.link()
    visitor.api.control("DELETE", "/exchanges")
    token = link.partition("token=")[2]
    for url in (link, link.replace("/subscribe", "/nothing"), link.replace("/_manage", "/x/_manage")):
        visitor.open(url)
        visitor.click(url)
    seen = visitor.api.control("GET", "/exchanges").json
    assert [found["request"]["path"].partition("?")[0] for found in seen["unattributed"]]
    assert token not in json.dumps(seen) + caplog.text


def test_the_journal_keeps_calls_of_the_apis_and_no_visits(visitor):
    link = visitor.link()
    before = visitor.api.control("GET", "/exchanges").json
    visitor.open(link)
    visitor.click(link)
    assert visitor.api.control("GET", "/exchanges").json == before


@pytest.mark.parametrize(
    ("path", "public_url", "page"),
    [
        ("/_manage-consent/subscribe", "http://127.0.0.1:8787", "subscribe"),
        ("/a/_manage-consent/subscribe", "http://127.0.0.1:8787/a", "subscribe"),
        ("/_manage-consent/_manage-consent/subscribe", "http://127.0.0.1:8787", None),
        ("/_manage-consent/page.css", "http://127.0.0.1:8787/a/b", "page.css"),
        ("//_manage-consent/subscribe", "http://127.0.0.1:8787", None),
        ("/marketing-consent/v1/marketing-consent", "http://127.0.0.1:8787", None),
    ],
)
def test_where_a_page_is(path, public_url, page):
    assert page_of(path, public_url) == page
