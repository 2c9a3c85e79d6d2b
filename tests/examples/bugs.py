"""Mistakes that apps make, each as a replacement in the sample app, and what its tests say of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """`old` becomes `new` in one module of the app: then `main` fails, and `others`, but no other test.

    The report on `main` has all of `says`.
    """

    name: str
    module: str
    old: str
    new: str
    main: str
    says: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def tests(self) -> set[str]:
        """Every test that fails."""
        return {self.main, *self.others}


BUGS = (
    Bug(
        "wrong field name",
        "service",
        old='"lastRevokeActivity"',
        new='"lastRevokedActivity"',
        main="test_who_unsubscribes_is_left_alone",
        others=("test_an_older_event_that_comes_late_does_not_count",),
        says=(
            "POST /marketing-consent/v1/marketing-consent/remove (removeMarketingConsent) answered 400",
            "lastRevokedActivity is no field here. Closest: lastRevokeActivity.",
        ),
    ),
    Bug(
        "GET with a body",
        "service",
        old='get-by", params=_of(email))\n        except',
        new='get-by", json=_of(email))\n        except',
        main="test_readers_are_written_to",
        others=("test_strangers_are_not_written_to",),
        says=(
            "GET /marketing-consent/v1/marketing-consent/get-by",
            "type must not be empty. The body of this operation is not read; its parameters belong in the query "
            "string.",
        ),
    ),
    Bug(
        "flat upsert",
        "service",
        old='upsert", json={"marketingConsent": consent})',
        new='upsert", json=consent)',
        main="test_a_sign_up_waits_for_the_confirmation",
        others=(
            "test_a_click_in_the_mail_confirms",
            "test_a_click_in_the_mail_is_told",
            "test_an_older_event_that_comes_late_does_not_count",
        ),
        says=(
            "details is no field here. Closest: marketingConsent.details.",
            "The consent stands under marketingConsent.",
        ),
    ),
    Bug(
        "ignored paging",
        "service",
        old="            if cursor is None:\n                return emails",
        new="            return emails",
        main="test_all_readers_are_found",
        says=(
            "Extra items in the right set:",
            "answered with a next page, and the app did not ask for that",
        ),
    ),
    Bug(
        "no idempotency",
        "webhooks",
        old='        if event["id"] in self._seen:\n            return\n',
        new="",
        main="test_an_event_that_comes_twice_counts_once",
        says=(
            "assert [20] == [10]",
            "The same followed_channel_created reached the app 2 times. Let it remember the id of each event",
        ),
    ),
    Bug(
        "unverified signature",
        "webhooks",
        old='options={"require": ["exp"]}',
        new='options={"verify_signature": False}',
        main="test_a_forged_event_is_refused",
        says=("The app answered 200 to a forged marketing_consent_created", "Let it verify signature"),
    ),
    Bug(
        "order of events assumed",
        "webhooks",
        old="if sequence < self._latest.get(consent_id, 0):",
        new="if False:",
        main="test_an_older_event_that_comes_late_does_not_count",
        says=("assert 'PENDING' == 'REVOKED'", "reached the app late", "Let it go by entityEventSequence"),
    ),
    Bug(
        "expired token reused",
        "wix",
        old="if status == 401 and token is None:",
        new="if False:",
        main="test_a_token_that_has_expired_is_renewed",
        says=("The access token has expired.", "After a 401, get a new one at POST /oauth2/token"),
    ),
    Bug(
        "revision ignored",
        "service",
        old='consent = {**form, "extendedFields"',
        new='consent = {**form, "revision": None, "extendedFields"',
        main="test_an_old_form_brings_nobody_back",
        says=(
            "assert 'CONFIRMED' == 'REVOKED'",
            "updateMarketingConsent was sent without marketingConsent.revision",
        ),
    ),
    Bug(
        "spelt as in the pages' answers",
        "service",
        old='["granted"]',
        new='["grated"]',
        main="test_readers_are_written_to",
        says=("KeyError: 'grated'", "'grated' is a misprint of the vendor's pages: Wix answers 'granted'"),
    ),
    Bug(
        "spelt as in the pages' requests",
        "service",
        old='"cursorPaging"',
        new='"cursor_paging"',
        main="test_all_readers_are_found",
        others=("test_who_has_not_confirmed_is_no_reader", "test_a_token_that_has_expired_is_renewed"),
        says=("query.cursor_paging is no field here. Closest: cursorPaging.",),
    ),
)
