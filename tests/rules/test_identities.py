"""Who may call what, through the application: identities, scopes, API keys and accounts."""

from __future__ import annotations

import pytest

ACCOUNT = "acc00000-0000-4000-8000-000000000001"
API_KEY = "IST.wixture-api-key"
READ, MANAGE = "SCOPE.DC-MARKETING.CONSENT-READ", "SCOPE.DC-MARKETING.CONSENT-MANAGE"
READ_LOYALTY, MANAGE_LOYALTY = "SCOPE.DC-LOYALTY.READ-LOYALTY", "SCOPE.DC-LOYALTY.MANAGE-LOYALTY"
LIST, FOLLOW, GET = "listFollowedChannels", "createFollowedChannel", "getMarketingConsent"
CHANNEL_OPERATIONS = (LIST, FOLLOW)
READS = ("getMarketingConsent", "getMarketingConsentByIdentifier", "queryMarketingConsent")
WRITES = (
    "createMarketingConsent",
    "updateMarketingConsent",
    "removeMarketingConsent",
    "deleteMarketingConsent",
    "upsertMarketingConsent",
    "bulkUpsertMarketingConsent",
)
IDENTITIES = ("APP", "WIX_USER", "MEMBER", "VISITOR")


@pytest.fixture
def good_call(sent, details):
    """The answer to a request of an operation in which all is well but, perhaps, the caller."""

    def ask(site, operation, **options):
        entity = site.upsert(sent("PENDING"))["id"]
        bodies = {
            "createMarketingConsent": {"marketingConsent": sent(details=details("PHONE"))},
            "updateMarketingConsent": {"marketingConsent": sent("REVOKED")},
            "upsertMarketingConsent": {"marketingConsent": sent("REVOKED")},
            "bulkUpsertMarketingConsent": {"info": [sent("REVOKED")]},
            "removeMarketingConsent": {"details": details(), "lastRevokeActivity": {}},
            "queryMarketingConsent": {"query": {}},
            FOLLOW: {"followedChannel": {"channel": "X"}},
        }
        query = "type=EMAIL&email=ada%40example.com" if operation.endswith("ByIdentifier") else ""
        return site.call(operation, bodies.get(operation), entity=entity, query=query, **options)

    return ask


# ---- identities ----------------------------------------------------------------------------------


@pytest.mark.rule("consents-for-apps-and-users", "success-is-200-json")
@pytest.mark.parametrize("operation", [*READS, *WRITES])
@pytest.mark.parametrize("identity", ["APP", "WIX_USER"])
def test_apps_and_wix_users_may_call_every_operation_of_consents(site, good_call, operation, identity):
    answer = good_call(site, operation, token=site.token(identity))
    assert (answer.status, type(answer.body)) == (200, dict), answer.body


@pytest.mark.rule("consents-for-apps-and-users")
@pytest.mark.parametrize("operation", [*READS, *WRITES])
@pytest.mark.parametrize(("identity", "name"), [("MEMBER", "A member"), ("VISITOR", "A visitor")])
def test_members_and_visitors_may_call_no_operation_of_consents(site, good_call, operation, identity, name):
    answer = good_call(site, operation, token=site.token(identity))
    assert (answer.status, answer.error["code"]) == (403, "PERMISSION_DENIED")
    assert answer.body["message"] == f"{name} may not call {operation}; it takes: app, wixUser."
    assert answer.error["data"]["rule"] == "consents-for-apps-and-users"


@pytest.mark.rule("channels-for-members-and-visitors", "success-is-200-json")
@pytest.mark.parametrize("operation", CHANNEL_OPERATIONS)
@pytest.mark.parametrize("identity", ["MEMBER", "VISITOR"])
def test_members_and_visitors_may_call_both_operations_of_channels(site, good_call, operation, identity):
    assert good_call(site, operation, token=site.token(identity)).status == 200


@pytest.mark.rule("channel-app-needs-account")
@pytest.mark.parametrize("operation", CHANNEL_OPERATIONS)
@pytest.mark.parametrize(("identity", "name"), [("APP", "An app"), ("WIX_USER", "A Wix user")])
def test_apps_and_wix_users_without_an_account_may_not_call_them(site, good_call, operation, identity, name):
    answer = good_call(site, operation, token=site.token(identity))
    assert (answer.status, answer.error["data"]["rule"]) == (403, "channel-app-needs-account")
    assert answer.body["message"].startswith(f"{name} has no loyalty account to call {operation} for.")


@pytest.mark.rule("channel-app-needs-account")
@pytest.mark.parametrize("identity", ["APP", "WIX_USER"])
def test_with_a_configured_account_they_follow_and_list_for_it(make_site, good_call, identity):
    site = make_site(account_id=ACCOUNT)
    followed = good_call(site, FOLLOW, token=site.token(identity)).body["followedChannel"]
    assert followed["accountId"] == ACCOUNT
    assert site.call(LIST, token=site.token(identity)).body["followedChannels"] == [followed]


@pytest.mark.rule("channel-account-from-caller")
def test_every_member_and_visitor_has_an_account_of_their_own(site):
    tokens = [
        site.token("MEMBER"),
        site.token("MEMBER", "d0000000-0000-4000-8000-000000000009"),
        site.token("VISITOR"),
    ]
    body = {"followedChannel": {"channel": "X"}}
    accounts = [site.call(FOLLOW, body, token=token).body["followedChannel"]["accountId"] for token in tokens]
    listed = [site.call(LIST, token=token).body["followedChannels"][0]["accountId"] for token in tokens]
    assert (len(set(accounts)), listed) == (3, accounts)


@pytest.mark.rule("channel-account-from-caller")
def test_the_configured_account_is_not_a_members(make_site, good_call):
    site = make_site(account_id=ACCOUNT)
    assert good_call(site, FOLLOW, token=site.token("MEMBER")).body["followedChannel"]["accountId"] != ACCOUNT


# ---- scopes --------------------------------------------------------------------------------------


def _scoped(site, identity, *scopes):
    return site.token(identity, scopes=frozenset(scopes))


@pytest.mark.rule("scope-required")
@pytest.mark.parametrize("operation", [*READS, *WRITES])
@pytest.mark.parametrize("scope", [READ, MANAGE, MANAGE_LOYALTY, None])
def test_reads_of_consents_need_either_scope_and_writes_the_greater(site, good_call, operation, scope):
    answer = good_call(site, operation, token=_scoped(site, "APP", *([scope] if scope else [])))
    allowed = scope == MANAGE or (scope == READ and operation in READS)
    assert answer.status == (200 if allowed else 403)
    assert allowed or answer.error["data"]["rule"] == "scope-required"


@pytest.mark.rule("scope-required")
@pytest.mark.parametrize("identity", ["MEMBER", "VISITOR"])
@pytest.mark.parametrize(
    ("operation", "scope", "status"),
    [
        (LIST, READ_LOYALTY, 200),
        (LIST, MANAGE_LOYALTY, 200),
        (LIST, MANAGE, 403),
        (FOLLOW, MANAGE_LOYALTY, 200),
        (FOLLOW, READ_LOYALTY, 403),
    ],
)
def test_channels_need_a_loyalty_scope(site, good_call, identity, operation, scope, status):
    assert good_call(site, operation, token=_scoped(site, identity, scope)).status == status


@pytest.mark.rule("scope-required")
def test_a_refused_scope_is_told_which_would_do(site, good_call):
    answer = good_call(site, "deleteMarketingConsent", token=_scoped(site, "APP", READ))
    text = f"The token may not call deleteMarketingConsent; it needs one of: {MANAGE}."
    assert (answer.error["code"], answer.body["message"]) == ("PERMISSION_DENIED", text)


# ---- tokens and API keys -------------------------------------------------------------------------


@pytest.mark.rule("token-required")
@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer  {} "])
def test_a_token_is_taken_raw_and_after_bearer(site, good_call, form):
    assert good_call(site, GET, token=form.format(site.token("APP"))).status == 200


@pytest.mark.rule("token-required")
@pytest.mark.parametrize(
    ("credential", "text"),
    [
        ("", "The request has no Authorization header."),
        ("Bearer ", "The request has no Authorization header."),
        ("nonsense", "The access token is none of this server's."),
        ("OauthNG.JWS.a.b.c", "The access token is none of this server's."),
        ("IST.another-key", "The access token is none of this server's."),
    ],
)
@pytest.mark.parametrize("operation", [*READS, *WRITES, *CHANNEL_OPERATIONS])
def test_a_call_without_a_token_of_ours_is_unauthenticated(site, operation, credential, text):
    answer = site.call(operation, entity="x", token=credential)
    assert (answer.status, answer.error["code"]) == (401, "UNAUTHENTICATED")
    assert answer.body["message"].startswith(text)
    assert answer.error["data"]["rule"] == "token-required"


@pytest.mark.rule("token-required")
def test_a_token_ends_after_4_hours_of_the_sites_clock(site):
    token = site.token("APP")
    site.advance(14_399)
    assert site.call(GET, entity="x", token=token).status == 404
    site.advance(1)
    answer = site.call(GET, entity="x", token=token)
    assert (answer.status, answer.body["message"][:29]) == (401, "The access token has expired.")


@pytest.mark.rule("token-required")
def test_a_refresh_token_is_no_access_token(site):
    caller = site.app.oauth.caller("APP", site.instance_id, "x")
    refresh = site.app.oauth.tokens_for(caller, 60)["refresh_token"]
    assert site.call(GET, entity="x", token=refresh).status == 401


@pytest.mark.rule("refresh-keeps-the-old-token")
def test_a_refresh_answers_a_new_refresh_token_and_the_old_one_stays_good(site):
    client = site.tenant.client_id
    first = site.ask("POST", "/oauth2/token", {"grantType": "anonymous", "clientId": client}).body
    grant = {"grantType": "refresh_token", "clientId": client, "refreshToken": first["refresh_token"]}
    again = [site.ask("POST", "/oauth2/token", grant) for _ in range(2)]
    assert [answer.status for answer in again] == [200, 200]
    assert len({first["refresh_token"], *(answer.body["refresh_token"] for answer in again)}) == 3


@pytest.mark.rule("api-key-needs-site")
@pytest.mark.parametrize("form", ["{}", "Bearer {}"])
def test_an_api_key_with_its_site_is_a_wix_user_there(site, good_call, form):
    answer = good_call(site, GET, token=form.format(API_KEY), wix_site_id=site.instance_id.upper())
    assert answer.status == 200


@pytest.mark.rule("api-key-needs-site")
@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "Send the header wix-site-id"),
        ({"wix_site_id": "my-site"}, "Send the header wix-site-id"),
        ({"wix_account_id": ACCOUNT}, "Send wix-site-id alone"),
        ({"wix_site_id": ACCOUNT, "wix_account_id": ACCOUNT}, "Send wix-site-id alone"),
    ],
    ids=["no site", "no GUID", "an account", "both"],
)
def test_an_api_key_without_just_its_site_is_unauthenticated(site, headers, text):
    answer = site.call(GET, entity="x", token=API_KEY, **headers)
    assert (answer.status, answer.error["data"]["rule"]) == (401, "api-key-needs-site")
    assert answer.body["message"].startswith(f"An API key names its site. {text}")


@pytest.mark.rule("channel-app-needs-account")
def test_an_api_key_follows_for_the_configured_account(make_site, good_call):
    site = make_site(account_id=ACCOUNT)
    answer = good_call(site, FOLLOW, token=API_KEY, wix_site_id=site.instance_id)
    assert answer.body["followedChannel"]["accountId"] == ACCOUNT
