"""What holds for who is calling, and for the tokens by which they are known."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wixture.contracts.judging.forms import SUCCESS
from wixture.contracts.judging.judged import Judged, Said, exchange_check, success_of
from wixture.contracts.violations import shown

_SCHEMES = {"APP": "app", "WIX_USER": "wixUser", "MEMBER": "member", "VISITOR": "visitor"}
_ANSWER = "/components/schemas/TokenResponse"
_INFO = "/components/schemas/TokenInfoResponse"
_SECONDS = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def _is_known_caller(judged: Judged) -> bool:
    return judged.identity in _SCHEMES and bool(judged.operation.security) and judged.status == SUCCESS


@exchange_check(
    "identity-may-call",
    "Only those who may call an operation get its answer",
    rule="consents-for-apps-and-users",
    when=_is_known_caller,
)
def identity_may_call(judged: Judged) -> Iterator[Said]:
    """The operation's own list of identities."""
    allowed = {name for alternative in judged.operation.security for name in alternative}
    if _SCHEMES[judged.identity or ""] not in allowed:
        said = f"{judged.identity} got an answer, and may not call this; 403 was expected."
        yield Said(said, None, f"{judged.operation.pointer}/security")


@exchange_check(
    "tokens-not-kept",
    "Nobody on the way keeps a token",
    spec=_ANSWER,
    severity="warning",
    evidence="documented",
    when=lambda judged: "headers" not in judged.lacks and success_of("issueToken", "issueLegacyToken")(judged),
)
def tokens_not_kept(judged: Judged) -> Iterator[Said]:
    """`Cache-Control: no-store`, by RFC 6749 section 5.1."""
    if "no-store" not in (judged.header("cache-control") or "").lower():
        yield Said("Cache-Control does not say no-store; an answer with tokens has to, by RFC 6749.")


@exchange_check(
    "unknown-token-says-no-more",
    "Of a token that is not good nothing more is said",
    spec=_INFO,
    when=success_of("getTokenInfo"),
)
def unknown_token_says_no_more(judged: Judged) -> Iterator[Said]:
    """`active` false stands alone."""
    more = [name for name in judged.answer if name != "active"]
    if judged.answer.get("active") is False and more:
        yield Said(f"active is false, and there is {', '.join(map(shown, more[:5]))} beside it.", "")


@exchange_check(
    "token-expires-after-it-was-issued",
    "A token expires after it was issued",
    spec=f"{_INFO}/properties/exp",
    when=success_of("getTokenInfo"),
)
def token_expires_after_it_was_issued(judged: Judged) -> Iterator[Said]:
    """exp > iat."""
    times = [judged.answer.get(name) for name in ("iat", "exp")]
    if all(isinstance(time, str) and _SECONDS.fullmatch(time) for time in times):
        issued, expires = (int(str(time)) for time in times)
        if expires <= issued:
            yield Said(f"exp {expires} is not after iat {issued}.", "/exp")


CHECKS = (identity_may_call, tokens_not_kept, unknown_token_says_no_more, token_expires_after_it_was_issued)
