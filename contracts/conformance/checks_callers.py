"""Who may call, and what the token endpoints answer."""

from __future__ import annotations

from collections.abc import Iterator

from wixture.contracts.conformance.flow import Flow, Problem, StepLost
from wixture.contracts.conformance.promise import promise


@promise("caller-needed", "A call without a token is refused with 401", rule="token-required")
def caller_needed(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("bare", 401)
    yield from flow.answered("bare channels", 401)


@promise("refresh-token-opens-nothing", "A refresh token is no access token", rule="token-required")
def refresh_token_opens_nothing(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("refresh token", 401)


@promise("forged-token-refused", "A token that nobody issued is refused with 401", rule="token-required")
def forged_token_refused(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("forged", 401)


@promise("expired-token-refused", "A token that has expired is refused with 401", rule="token-required")
def expired_token_refused(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("expired", 401)


@promise("api-key-needs-site", "An API key without a site is refused with 401", rule="api-key-needs-site")
def api_key_needs_site(flow: Flow) -> Iterator[Problem]:
    if "wix-site-id" not in flow["query"].exchange.request_headers:
        raise StepLost("the Wix user called with a token of the mock: set WIXTURE_API_KEY and WIXTURE_SITE_ID")
    yield from flow.answered("no site", 401)


@promise("unknown-client-refused", "The token endpoint refuses an unknown client", rule="grant-refused")
def unknown_client_refused(flow: Flow) -> Iterator[Problem]:
    yield from _grant_refused(flow, "no such client", "invalid_client")


@promise("unknown-grant-refused", "The token endpoint refuses an unknown grant", rule="grant-refused")
def unknown_grant_refused(flow: Flow) -> Iterator[Problem]:
    yield from _grant_refused(flow, "no such grant", "unsupported_grant_type")


@promise(
    "unknown-refresh-token-refused", "The token endpoint refuses an unknown refresh token", rule="grant-refused"
)
def unknown_refresh_token_refused(flow: Flow) -> Iterator[Problem]:
    yield from _grant_refused(flow, "no such refresh", "invalid_grant", "invalid_client")


def _grant_refused(flow: Flow, name: str, *errors: str) -> Iterator[Problem]:
    step = flow[name]
    if step.status not in (400, 401):
        yield step.problem(f"Expected status 400 or 401, got {step.status}.")
    elif step.at("/error") not in errors:
        yield step.problem(f"Expected the error {' or '.join(errors)}.", "/error")


@promise("token-info-tells", "The token endpoint tells whose token it is", rule="token-required")
def token_info_tells(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("info")
    yield from flow.holds("info", "/active", True)
    yield from flow.holds("info", "/subjectType", "APP")


@promise(
    "unknown-token-inactive",
    "Of a token that nobody issued it is said that it is not active",
    rule="token-required",
)
def unknown_token_inactive(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("info of none")
    yield from flow.holds("info of none", "/active", False)


@promise(
    "refresh-answers-a-token",
    "A refresh answers a token that is good, and leaves the old one good",
    rule="refresh-keeps-the-old-token",
)
def refresh_answers_a_token(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("refreshed", "refreshed again", "used")


@promise("bearer-accepted", "A token is taken after Bearer as well", rule="token-required")
def bearer_accepted(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("as bearer")


@promise("members-read-no-consents", "A member may not read consents", rule="consents-for-apps-and-users")
def members_read_no_consents(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("member query", 403)


@promise(
    "members-write-no-consents",
    "A member, and a caller without a token, store no consents",
    rule="consents-for-apps-and-users",
)
def members_write_no_consents(flow: Flow) -> Iterator[Problem]:
    yield from flow.answered("forbidden", 403)
    yield from flow.answered("bare caller", 401)


@promise(
    "wix-user-reads-consents",
    "A Wix user reads consents with an API key and a site",
    rule="consents-for-apps-and-users",
)
def wix_user_reads_consents(flow: Flow) -> Iterator[Problem]:
    yield from flow.ok("query")
