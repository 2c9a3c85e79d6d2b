"""Right exchanges, one for each kind of call, and what can be wrong with each: a deviation for each check."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from wixture.contracts.findings import Exchanged

HOST = "https://www.wixapis.com"
CONSENTS = f"{HOST}/marketing-consent/v1/marketing-consent"
CHANNELS = f"{HOST}/loyalty-social-media/v1/followed-channels"
ID = "aa8a62f5-9a79-4b21-b1a4-5c835c08d937"
TOKEN = "OauthNG.JWS.canary-of-the-caller.c2ln"
SECRET = "canary-of-the-app-secret"
DETAILS = {"type": "EMAIL", "email": "ada@example.com"}
ACTIVITY = {"source": "FORM", "optInLevel": "SINGLE_CONFIRMATION", "updatedDate": "2024-01-31T08:00:00Z"}
REVOKED = {"source": "FORM", "updatedDate": "2024-01-31T08:00:00Z"}
UNSUBSCRIBE = "https://shop.example/_manage-consent/unsubscribe?token=JWE.e30.a.b.c.d"
SUBSCRIBE = "https://shop.example/_manage-consent/subscribe?token=JWE.e30.a.b.c.d"


def consent(**fields: Any) -> dict[str, Any]:
    """A confirmed consent to an email address, or as the fields say."""
    usual = {
        "id": ID,
        "revision": "1",
        "details": dict(DETAILS),
        "state": "CONFIRMED",
        "lastConfirmationActivity": dict(ACTIVITY),
        "extendedFields": {},
        "createdDate": "2024-02-01T08:00:00.000Z",
        "updatedDate": "2024-02-01T08:00:00.000Z",
    }
    return {**usual, **fields}


def channel(name: str, number: int) -> dict[str, Any]:
    """A followed channel; a lower number is a newer one."""
    return {
        "id": f"3efb39b6-5bae-493d-a8ed-749f3794a8{number:02}",
        "accountId": "18de02d0-a88c-49f7-987f-8558ca02162d",
        "channel": name,
        "createdDate": f"2024-08-{20 - number:02}T11:51:41.431Z",
    }


def exchange(method: str, url: str, sent: Any, received: Any, status: int = 200) -> Exchanged:
    """A request with its token, and an answer with the headers it should have."""
    return Exchanged(
        method=method,
        url=url,
        status=status,
        request_headers={"Authorization": TOKEN, **({} if sent is None else {"Content-Type": "application/json"})},
        request_body=sent,
        response_headers={
            "Content-Type": "application/json; charset=utf-8",
            "X-Wix-Request-Id": "1700000000.1",
            "Retry-After": "7",
            "Cache-Control": "no-store",
        },
        response_body=received,
        duration_ms=12.5,
    )


REFUSED = {"message": "Not found.", "details": {"applicationError": {"code": "NOT_FOUND", "description": "No."}}}
INVALID = {
    "message": "INVALID_ARGUMENT: marketingConsent.state must not be empty",
    "details": {"validationError": {"fieldViolations": [{"field": "state", "description": "must not be empty"}]}},
}
LINK = {"type": "REVOKE_CONFIRMATION", "url": UNSUBSCRIBE}
WRITTEN = {"marketingConsent": {"details": DETAILS, "state": "CONFIRMED", "lastConfirmationActivity": ACTIVITY}}
OTHER = {"type": "PHONE", "phone": "+12025550147"}

RIGHT: dict[str, Exchanged] = {
    "create": exchange("POST", CONSENTS, WRITTEN, {"marketingConsent": consent(), "link": LINK}),
    "get": exchange("GET", f"{CONSENTS}/{ID}", None, {"marketingConsent": consent()}),
    "not found": exchange("GET", f"{CONSENTS}/{ID}", None, REFUSED, 404),
    "invalid": exchange("POST", CONSENTS, {}, INVALID, 400),
    "too many": exchange("GET", f"{CONSENTS}/{ID}", None, REFUSED, 429),
    "get by": exchange(
        "GET",
        f"{CONSENTS}/get-by?type=EMAIL&email=Ada%40example.com",
        None,
        {
            "marketingConsent": consent(),
            "communicationEligibility": {"granted": True, "revokeConfirmationLink": UNSUBSCRIBE, "reason": ""},
        },
    ),
    "update": exchange(
        "PATCH",
        f"{CONSENTS}/{ID}",
        {"marketingConsent": {**WRITTEN["marketingConsent"], "revision": "1"}},
        {"marketingConsent": consent(revision="2"), "link": LINK},
    ),
    "upsert": exchange(
        "POST",
        f"{CONSENTS}/upsert",
        {"marketingConsent": {**WRITTEN["marketingConsent"], "state": "PENDING"}},
        {"marketingConsent": consent(state="PENDING"), "link": {"type": "CONFIRMATION", "url": SUBSCRIBE}},
    ),
    "remove": exchange(
        "POST",
        f"{CONSENTS}/remove",
        {"details": DETAILS, "lastRevokeActivity": REVOKED},
        {"marketingConsent": consent(state="REVOKED", revision="2", lastRevokeActivity=dict(REVOKED))},
    ),
    "delete": exchange("DELETE", f"{CONSENTS}/{ID}", None, {}),
    "query": exchange(
        "POST",
        f"{CONSENTS}/query",
        {"query": {"filter": {"state": "CONFIRMED"}, "cursorPaging": {"limit": 2}}},
        {
            "marketingConsent": [consent(), consent(id=ID.replace("aa", "bb"), details=OTHER)],
            "pagingMetadata": {"count": 2, "cursors": {"next": "on", "prev": None}, "hasNext": True},
        },
    ),
    "bulk": exchange(
        "POST",
        f"{HOST}/marketing-consent/v1/bulk/marketing-consent/upsert",
        {"info": [WRITTEN["marketingConsent"], {"details": DETAILS}]},
        {
            "results": [
                {"originalIndex": 0, "marketingConsent": consent(), "link": LINK},
                {"originalIndex": 1, "error": "info[1].state must not be empty"},
            ],
            "metadata": {"totalSuccess": 1, "totalFailure": 1},
        },
    ),
    "list": exchange("GET", CHANNELS, None, {"followedChannels": [channel("X", 1), channel("TIKTOK", 2)]}),
    "follow": exchange(
        "POST", CHANNELS, {"followedChannel": {"channel": "X"}}, {"followedChannel": channel("X", 1)}
    ),
    "token": exchange(
        "POST",
        f"{HOST}/oauth2/token",
        {"grant_type": "client_credentials", "client_secret": SECRET},
        {"access_token": "OauthNG.JWS.a.b.c", "token_type": "Bearer", "expires_in": 14400},
    ),
    "token refused": exchange("POST", f"{HOST}/oauth2/token", {}, {"error": "invalid_request"}, 400),
    "token info": exchange(
        "POST",
        f"{HOST}/oauth2/token-info",
        {"token": "x"},
        {"active": True, "iat": "1700000000", "exp": "1700014400"},
    ),
}


@dataclass(frozen=True)
class Deviation:
    """One thing that is wrong: the check that has to say so, the call it is planted in, and how."""

    check: str
    call: str
    plant: Callable[[Any], Any]
    identity: str | None = None

    @property
    def exchange(self) -> Exchanged:
        """The right exchange with the deviation in it."""
        right = copy.deepcopy(RIGHT[self.call])
        planted = self.plant(right)
        return planted if isinstance(planted, Exchanged) else replace(right, response_body=planted)


def put(*path: str | int, value: Any) -> Callable[[Exchanged], Any]:
    """Puts a value at a place of the answer."""

    def plant(right: Exchanged) -> Any:
        holder = right.response_body
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = value
        return right.response_body

    return plant


def become(body: Any) -> Callable[[Exchanged], Any]:
    """Puts another body in place of the answer's."""
    return lambda right: replace(right, response_body=body)


def change(**fields: Any) -> Callable[[Exchanged], Any]:
    """Changes the exchange around the bodies."""
    return lambda right: replace(right, **fields)


def header(name: str, value: str | None) -> Callable[[Exchanged], Any]:
    """Sets a header of the answer, or takes it away."""

    def plant(right: Exchanged) -> Exchanged:
        kept = {key: said for key, said in right.response_headers.items() if key != name}
        return replace(right, response_headers=kept if value is None else {**kept, name: value})

    return plant


C = "marketingConsent"
ELIGIBILITY = "communicationEligibility"
TRACE = 'Traceback (most recent call last):\n  File "x.py", line 1'

DEVIATIONS = (
    Deviation("answered", "get", change(status=None, response_body=None)),
    Deviation("status-declared", "get", change(status=418)),
    Deviation("success-is-200", "create", change(status=201)),
    Deviation("success-is-200", "delete", change(status=204, response_body=None)),
    Deviation("success-is-200", "get", change(status=302, response_body=None)),
    Deviation("no-server-error", "not found", change(status=502)),
    Deviation("body-is-json", "get", become("<html>")),
    Deviation("body-is-json", "get", become(b"\xff\xfe")),
    Deviation("body-is-json", "delete", become(None)),
    Deviation("success-is-an-object", "get", become([])),
    Deviation("success-is-an-object", "delete", become(None)),
    Deviation("body-valid", "get", put(C, "states", value="CONFIRMED")),
    Deviation("body-valid", "get", put(C, "state", value="confirmed")),
    Deviation("body-valid", "list", put("followedChannels", 0, "channel", value="MYSPACE")),
    Deviation("error-envelope", "not found", become({"error": "not found"})),
    Deviation("error-envelope", "not found", put("details", value={})),
    Deviation("error-envelope", "not found", become("not found")),
    Deviation("error-envelope", "not found", change(status=418, response_body={"code": 5})),
    Deviation("error-says-what", "not found", put("message", value=" ")),
    Deviation("error-says-what", "not found", put("details", "applicationError", "code", value="")),
    Deviation(
        "violations-say-what",
        "invalid",
        put("details", "validationError", "fieldViolations", 0, "description", value=""),
    ),
    Deviation("token-error-form", "token refused", become({"message": "no", "details": {}})),
    Deviation("token-error-form", "token refused", put("error", value="no_way")),
    Deviation("no-trace-in-errors", "not found", put("message", value=TRACE)),
    Deviation("content-type-json", "get", header("Content-Type", "text/html")),
    Deviation("content-type-json", "get", header("Content-Type", None)),
    Deviation("content-type-json", "get", header("Content-Type", "application/json; charset=latin-1")),
    Deviation("request-id", "get", header("X-Wix-Request-Id", None)),
    Deviation("request-id", "get", header("X-Wix-Request-Id", " ")),
    Deviation("retry-after", "too many", header("Retry-After", None)),
    Deviation("retry-after", "too many", header("Retry-After", "soon")),
    Deviation("retry-after", "too many", header("Retry-After", "0")),
    Deviation("answers-in-time", "get", change(duration_ms=10_500.0)),
    Deviation("no-secret-echoed", "not found", put("message", value=f"Bad token {TOKEN}")),
    Deviation("no-secret-echoed", "not found", put("message", value=TOKEN.encode().hex())),
    Deviation("no-secret-echoed", "not found", put(TOKEN, value=1)),
    Deviation("no-secret-echoed", "get", header("X-Debug", f"Bearer {TOKEN}")),
    Deviation("no-secret-echoed", "token refused", lambda right: _echo_of_secret(right)),
    Deviation("identity-may-call", "get", change(), identity="VISITOR"),
    Deviation("identity-may-call", "create", change(), identity="MEMBER"),
    Deviation("tokens-not-kept", "token", header("Cache-Control", "max-age=60")),
    Deviation("unknown-token-says-no-more", "token info", put("active", value=False)),
    Deviation("token-expires-after-it-was-issued", "token info", put("exp", value="1700000000")),
    Deviation("dates-are-instants", "get", put(C, "createdDate", value="2024-02-30T08:00:00Z")),
    Deviation("dates-are-instants", "get", put(C, "updatedDate", value=1700000000)),
    Deviation("dates-are-instants", "get", put(C, "lastConfirmationActivity", "updatedDate", value="today")),
    Deviation("updated-after-created", "get", put(C, "updatedDate", value="2024-02-01T08:59:59.999+01:00")),
    Deviation("revision-is-a-number-in-a-text", "get", put(C, "revision", value=1)),
    Deviation("revision-is-a-number-in-a-text", "get", put(C, "revision", value="0")),
    Deviation("revision-is-a-number-in-a-text", "get", put(C, "revision", value="9223372036854775808")),
    Deviation("details-name-one-identifier", "get", put(C, "details", "phone", value="+12025550147")),
    Deviation("details-name-one-identifier", "get", put(C, "details", value={"type": "PHONE"})),
    Deviation("link-by-state", "upsert", put("link", "type", value="REVOKE_CONFIRMATION")),
    Deviation("link-by-state", "upsert", lambda right: {C: right.response_body[C]}),
    Deviation("link-by-state", "bulk", put("results", 0, "link", "type", value="CONFIRMATION")),
    Deviation("link-by-state", "upsert", put(C, "state", value="REVOKED")),
    Deviation("link-form", "create", put("link", "url", value=SUBSCRIBE)),
    Deviation("link-form", "create", put("link", "url", value="javascript:alert(1)")),
    Deviation("link-form", "create", put("link", "url", value=UNSUBSCRIBE.replace("JWE.", "JWT."))),
    Deviation("link-form", "get by", put(ELIGIBILITY, "revokeConfirmationLink", value="http://[::1")),
    Deviation("link-form", "bulk", put("results", 0, "link", "url", value="https://shop.example/")),
    Deviation("eligibility-by-state-and-channel", "get by", put(C, "state", value="PENDING")),
    Deviation("eligibility-by-state-and-channel", "get by", put(ELIGIBILITY, "granted", value=False)),
    Deviation(
        "eligibility-has-a-link-when-granted", "get by", put(ELIGIBILITY, "revokeConfirmationLink", value=None)
    ),
    Deviation("eligibility-has-a-link-when-granted", "get by", put(ELIGIBILITY, "granted", value=False)),
    Deviation("reason-when-not-granted", "get by", put(ELIGIBILITY, "reason", value="because")),
    Deviation("reason-when-not-granted", "get by", put(ELIGIBILITY, "granted", value=False)),
    Deviation("answers-the-id", "get", put(C, "id", value=ID.replace("aa", "bb"))),
    Deviation("answers-the-id", "update", put(C, "id", value=ID.replace("aa", "bb"))),
    Deviation("answers-the-identifier", "get by", put(C, "details", "email", value="eve@example.com")),
    Deviation("answers-the-identifier", "get by", put(C, "details", value=OTHER)),
    Deviation("details-echoed", "create", put(C, "details", "email", value="eve@example.com")),
    Deviation("details-echoed", "remove", put(C, "details", value=OTHER)),
    Deviation("create-confirms", "create", put(C, "state", value="PENDING")),
    Deviation("created-revision-is-1", "create", put(C, "revision", value="2")),
    Deviation("state-follows-request", "update", put(C, "state", value="PENDING")),
    Deviation("state-follows-request", "upsert", put(C, "state", value="CONFIRMED")),
    Deviation("bulk-state-follows-request", "bulk", put("results", 0, C, "state", value="REVOKED")),
    Deviation("remove-revokes", "remove", put(C, "state", value="CONFIRMED")),
    Deviation("update-raises-revision", "update", put(C, "revision", value="1")),
    Deviation("update-raises-revision", "update", put(C, "revision", value="3")),
    Deviation("activities-echoed", "create", put(C, "lastConfirmationActivity", "source", value="OTHER")),
    Deviation("activities-echoed", "remove", put(C, "lastRevokeActivity", "description", value="why")),
    Deviation(
        "activities-echoed",
        "upsert",
        put(C, "lastConfirmationActivity", "updatedDate", value="2024-01-31T09:00:00Z"),
    ),
    Deviation("delete-answers-nothing", "delete", become({C: consent()})),
    Deviation("page-within-limit", "query", lambda right: _longer(right)),
    Deviation("page-count-is-its-length", "query", put("pagingMetadata", "count", value=1)),
    Deviation("page-cursors-fit", "query", put("pagingMetadata", "hasNext", value=False)),
    Deviation("page-cursors-fit", "query", put("pagingMetadata", "cursors", "next", value=None)),
    Deviation("page-cursors-fit", "query", put("pagingMetadata", "cursors", "prev", value="back")),
    Deviation("page-has-no-double", "query", put(C, 1, "id", value=ID.upper())),
    Deviation(
        "page-has-no-double", "query", put(C, 1, "details", value={"type": "EMAIL", "email": " ADA@example.com"})
    ),
    Deviation("page-matches-filter", "query", put(C, 1, "state", value="REVOKED")),
    Deviation("page-in-order", "query", put(C, 1, "id", value=ID.replace("aa", "00"))),
    Deviation("bulk-answers-each", "bulk", put("results", 1, "originalIndex", value=0)),
    Deviation("bulk-answers-each", "bulk", lambda right: {**right.response_body, "results": []}),
    Deviation("bulk-result-is-one-thing", "bulk", put("results", 0, "error", value="both")),
    Deviation("bulk-result-is-one-thing", "bulk", put("results", 1, "error", value="")),
    Deviation("bulk-counts-add-up", "bulk", put("metadata", "totalSuccess", value=2)),
    Deviation("bulk-counts-add-up", "bulk", put("metadata", "totalFailure", value=0)),
    Deviation("bulk-details-echoed", "bulk", put("results", 0, C, "details", value=OTHER)),
    Deviation("bulk-refuses-what-breaks-its-schema", "bulk", put("results", 1, C, value=consent())),
    Deviation(
        "bulk-refuses-what-breaks-its-schema", "bulk", put("results", 0, value={"originalIndex": 0, "error": "no"})
    ),
    Deviation("channels-once", "list", put("followedChannels", 1, "channel", value="X")),
    Deviation(
        "channels-newest-first", "list", put("followedChannels", 1, "createdDate", value="2024-09-01T00:00:00Z")
    ),
    Deviation("channels-of-one-account", "list", put("followedChannels", 1, "accountId", value=ID)),
    Deviation("channel-echoed", "follow", put("followedChannel", "channel", value="TIKTOK")),
    Deviation(
        "channel-dates-are-instants", "follow", put("followedChannel", "createdDate", value="2024-02-30T00:00:00Z")
    ),
    Deviation("channel-dates-are-instants", "list", put("followedChannels", 0, "createdDate", value="")),
)


def _echo_of_secret(right: Exchanged) -> Exchanged:
    body = {"error": "invalid_client", "error_description": f"The secret {SECRET} is wrong."}
    return replace(right, request_body={"client_secret": SECRET}, response_body=body)


def _longer(right: Exchanged) -> Any:
    body = right.response_body
    more = consent(id=ID.replace("aa", "cc"), details={"type": "EMAIL", "email": "eve@example.com"})
    return {**body, C: [*body[C], more]}
