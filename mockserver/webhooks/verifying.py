"""One webhook token, judged layer by layer: what it says, what is wrong with it, and why. Pure.

Nothing is fetched and no file is opened, whatever a token asks for: `kid` is only compared, `jku`, `x5u` and their
like are only named. A layer that is wrong does not end the reading: what can still be read is judged as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from jwt.algorithms import RSAAlgorithm

from wixture.contracts.validation import Validation, own_contract
from wixture.contracts.violations import shown
from wixture.mockserver.base64url import decode
from wixture.mockserver.webhooks import contents
from wixture.mockserver.webhooks.public_keys import PublicKey
from wixture.mockserver.webhooks.signing import ALGORITHM
from wixture.mockserver.webhooks.verdicts import LAYERS, Layer, Verdict, found, unread, with_value

MOST_BYTES = 256 * 1024
"""A longer token is not looked into: no cryptography is done for it."""

EARLY_SECONDS = 300
"""How far ahead the signer's clock may be before a token counts as signed in the future."""

_MILLISECONDS = 100_000_000_000
"""From here on a date is in milliseconds: as seconds it would be in the year 5138."""
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60))
_NAMES = ("header", "payload", "signature")
# What a header may not say, and why.
_FORBIDDEN = {
    "crit": "names extensions that a receiver must understand, and there are none; the SDK refuses it",
    "b64": "changes how the payload is read; webhooks never do",
    "jku": "names an address to fetch keys from; it is never fetched: keys come from you, not from the token",
    "x5u": "names an address to fetch a certificate from; it is never fetched: keys come from you",
    "jwk": "carries the key that it wants to be verified with; it is never used: keys come from you",
    "x5c": "carries a certificate that it wants to be verified with; it is never used: keys come from you",
}


@dataclass(frozen=True, slots=True)
class _Parts:
    """A token taken apart; a part that is no base64url is None. `signed` is what the signature is about."""

    header: bytes | None
    payload: bytes | None
    signature: bytes | None
    signed: bytes


def judge(
    token: bytes,
    keys: Sequence[PublicKey],
    *,
    now: int,
    instance_id: str | None = None,
    contract: Validation | None = None,
) -> Verdict:
    """What each layer of a compact token holds, and whether it is right.

    `now` is in seconds since 1970. With `instance_id` a token of another site is wrong. `contract` is the one that
    the event must keep: the corrected one when absent.
    """
    whole, parts = _token(token)
    if parts is None:
        return Verdict((whole, *(unread(name, "the token cannot be taken apart") for name in LAYERS[1:])))
    header = _header(parts, keys)
    claims = _claims(parts, now)
    data = contents.data(claims.value)
    envelope = contents.envelope(data.value, instance_id)
    identity = contents.identity(envelope.value)
    event = contents.event(envelope.value, contract or own_contract("openapi"))
    return Verdict((whole, header, _signature(parts, header, keys), claims, data, envelope, identity, event))


# ---- the token as a whole ------------------------------------------------------------------------


def _token(token: bytes) -> tuple[Layer, _Parts | None]:
    # The SDK takes a line break at the end, which many a tool adds.
    token = token.rstrip(b"\r\n")
    size = f"{len(token)} bytes"
    if len(token) > MOST_BYTES:
        return found("token", size, f"is longer than {MOST_BYTES} bytes; it was not looked into"), None
    texts = token.decode("ascii", "replace").split(".")
    if len(texts) != 3 or token[:1] in (b'"', b"'", b"{", b"["):
        return found("token", size, _no_token(token, len(texts))), None
    head, payload, signature = (decode(text) for text in texts)
    read = zip(_NAMES, (head, payload, signature), strict=True)
    bad = [name for name, part in read if part is None]
    wanted = "is not written as base64url in its one form (A-Z a-z 0-9 - _, no padding, no stray bits)"
    layer = found("token", f"{size}, three parts", *(f"the {name} {wanted}" for name in bad))
    return layer, _Parts(head, payload, signature, token.rpartition(b".")[0])


def _no_token(token: bytes, parts: int) -> str:
    if not token.strip():
        return "is empty; the whole body of a webhook is the token"
    if token[:1] in b"\"'":
        return "stands in quotes; the body of a webhook is the bare token"
    if token[:1] in b"{[":
        return "is JSON; the body of a webhook is the bare token, without anything around it"
    if parts == 5:
        return "has five parts: an encrypted token (JWE); webhooks are signed, not encrypted"
    return f"has {parts} part(s) between dots; a signed token has three: header.payload.signature"


# ---- header and signature ------------------------------------------------------------------------


def _header(parts: _Parts, keys: Sequence[PublicKey]) -> Layer:
    header, wrong = contents.object_in(parts.header, "the header")
    if header is None:
        return found("header", "cannot be read", *wrong)
    kid = header.get("kid")
    says = f"alg {shown(header.get('alg'))}, kid {'absent' if kid is None else shown(kid)}"
    return with_value(found("header", says, *_wrong_in_header(header, keys)), header)


def _wrong_in_header(header: Mapping[str, Any], keys: Sequence[PublicKey]) -> Iterator[str]:
    if header.get("alg") != ALGORITHM:
        yield _wrong_algorithm(header.get("alg"))
    kid, known = header.get("kid"), [key.kid for key in keys if key.kid is not None]
    if kid is not None and not isinstance(kid, str):
        yield "kid is no text; it names the key that signed"
    elif kid is not None and len(known) == len(keys) and kid not in known:
        yield f"kid names no key that you gave; known: {', '.join(known)}. It is only compared, never looked up."
    yield from (f"{name} {why}" for name, why in _FORBIDDEN.items() if name in header)


def _wrong_algorithm(alg: Any) -> str:
    if alg is None:
        return f"alg is absent; expected {ALGORITHM}"
    if not isinstance(alg, str):
        return f"alg is no text; expected {ALGORITHM}"
    if alg.lower() == "none":
        return f"alg is none: nobody signed it, so anybody can have written it; expected {ALGORITHM}"
    if alg.startswith("HS"):
        trap = "a verifier that lets the token choose takes your public key, known to all, for that secret"
        return f"alg is {alg[:5]}, which signs with a shared secret: {trap}; expected {ALGORITHM}"
    return f"alg is {shown(alg)}; webhooks are signed with {ALGORITHM} alone"


def _signature(parts: _Parts, header: Layer, keys: Sequence[PublicKey]) -> Layer:
    if header.value is None or parts.signature is None:
        return unread("signature", "the header or the signature cannot be read")
    if header.value.get("alg") != ALGORITHM:
        return unread("signature", f"only {ALGORITHM} is ever verified")
    if not keys:
        return unread("signature", "there is no key to verify it with")
    kid = header.value.get("kid")
    candidates = [key for key in keys if key.kid in (None, kid)] or list(keys)
    if any(_is_signed(parts, key) for key in candidates):
        return found("signature", f"{ALGORITHM}, made with the right key")
    why = "fits none of the keys you gave: the token was changed, or another key signed it"
    return found("signature", f"{len(parts.signature)} bytes", why)


def _is_signed(parts: _Parts, key: PublicKey) -> bool:
    algorithm = RSAAlgorithm(RSAAlgorithm.SHA256)
    return bool(algorithm.verify(parts.signed, key.rsa, parts.signature or b""))


# ---- claims --------------------------------------------------------------------------------------


def _claims(parts: _Parts, now: int) -> Layer:
    claims, wrong = contents.object_in(parts.payload, "the payload")
    if claims is None:
        return found("claims", "cannot be read", *wrong)
    expires, issued = claims.get("exp"), claims.get("iat")
    says = f"iat {shown(issued)}, exp {shown(expires)}"
    if _is_number(expires) and expires > now:
        says += f", good for {_duration(expires - now)} more"
    texts = [*_wrong_expiry(expires, now), *_wrong_issue(issued, now), *_wrong_start(claims.get("nbf"), now)]
    return with_value(found("claims", says, *texts), claims)


def _wrong_expiry(expires: Any, now: int) -> Iterator[str]:
    if expires is None:
        yield "exp is absent: the token would be good for ever; expected seconds since 1970"
    elif not _is_number(expires):
        yield f"exp is {shown(expires)}, no number; expected seconds since 1970"
    elif expires > _MILLISECONDS:
        yield "exp is in milliseconds; expected seconds since 1970"
    elif expires <= now:
        yield f"exp has passed, {_duration(now - expires)} ago; the SDK gives no leeway"


def _wrong_issue(issued: Any, now: int) -> Iterator[str]:
    if issued is None:
        return
    if not _is_number(issued):
        yield f"iat is {shown(issued)}, no number; expected seconds since 1970"
    elif issued > _MILLISECONDS:
        yield "iat is in milliseconds; expected seconds since 1970"
    elif issued > now + EARLY_SECONDS:
        yield f"iat is in the future by {_duration(issued - now)}"


def _wrong_start(start: Any, now: int) -> Iterator[str]:
    if start is not None and not (_is_number(start) and start <= now):
        yield f"nbf is {shown(start)}: the token is not good yet"


def _duration(seconds: float) -> str:
    """Some seconds in the largest unit that they fill."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds)} s"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
