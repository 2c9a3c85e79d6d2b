"""Secrets of each kind, the ways to spell them, and a reader who tries to find them in what was printed."""

from __future__ import annotations

import base64
import html
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

CANARIES = {
    "plain": "canary0-wixture-app-secret",
    "token": "OauthNG.JWS." + "eyJraWQiOiJjYW5hcnkx" * 9 + ".c2lnbmF0dXJl-_x",
    "key": "IST.canary2-api.key/with+signs==",
    "guid": "ca9a4713-0000-4000-8000-5ec4e7000003",
    "odd": "canary4 & <p%41ss> \"word\" 'x' \\n;",
    "letters": "cänary5-Pässwörter-ñß",
    "pem": "-----BEGIN CANARY6-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END CANARY6-----",
    "short": "cnry7!",
}
"""Secrets of each kind that a run may know."""


def _mixed(text: str) -> str:
    """Each character in another escape."""
    ways = [str, lambda c: quote(c, safe=""), lambda c: f"\\u{ord(c):04x}", lambda c: f"&#{ord(c)};"]
    return "".join(ways[place % 4](character) for place, character in enumerate(text))


def _everything_percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "upper": str.upper,
    "lower": str.lower,
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 behind one": lambda s: base64.b64encode(b"x" + s.encode() + b":y").decode(),
    "base64 behind two": lambda s: base64.b64encode(b"id" + s.encode() + b"yz!").decode(),
    "base64 behind many": lambda s: base64.b64encode(b"client-id:" + s.encode()).decode(),
    "base64url": lambda s: base64.urlsafe_b64encode(b"~~?" + s.encode()).decode().rstrip("="),
    "base64 of MIME": lambda s: base64.encodebytes(b"--" * 20 + s.encode() * 2 + b"--" * 20).decode(),
    "base64 in a URL": lambda s: quote(base64.b64encode(b"a" + s.encode()).decode(), safe=""),
    "base64 indented": lambda s: textwrap.fill(
        base64.b64encode(s.encode()).decode(), 17, initial_indent="    ", subsequent_indent="    "
    ),
    "URL": lambda s: quote(s, safe=""),
    "URL twice": lambda s: quote(quote(s, safe=""), safe=""),
    "form": quote_plus,
    "every byte in a URL": _everything_percent,
    "JSON": lambda s: json.dumps(s)[1:-1],
    "JSON twice": lambda s: json.dumps(json.dumps(s)),
    "JSON, every character": lambda s: "".join(f"\\u{ord(c):04X}" for c in s),
    "HTML": lambda s: html.escape(s),
    "HTML decimal": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "HTML hex": lambda s: "".join(f"&#x{ord(c):x};" for c in s),
    "HTML hex, no semicolons": lambda s: "".join(f"&#X{ord(c):04X}" for c in s),
    "HTML named": lambda s: s.replace("&", "&amp;").replace("+", "&plus;").replace("=", "&equals;"),
    "HTML of JSON of a URL": lambda s: html.escape(json.dumps(quote(s))),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
    "hex with spaces": lambda s: s.encode().hex(" "),
    "split": lambda s: "\n    ".join(s[start : start + 4] for start in range(0, len(s), 4)),
    "split in JSON": lambda s: json.dumps("\r\n".join(s[start : start + 5] for start in range(0, len(s), 5))),
    "mixed": _mixed,
    "redirect": lambda s: f"https://shop.example.com/cb?code={quote(s, safe='')}&state=1#t={quote_plus(s)}",
}


@lru_cache(maxsize=1)
def _read(printed: str) -> list[str]:
    return list(_readings(printed))


def leaked(printed: str, canary: str) -> list[str]:
    """The readings of a text in which eight letters of a canary's own part still stand together."""
    letters = "".join(canary.lower().split())
    parts = {letters[start : start + 8] for start in range(0, max(1, len(letters) - 7), 4)}
    return [reading[:80] for reading in _read(printed) if any(part in reading for part in parts)]


def _readings(printed: str) -> Iterator[str]:
    """The text in small letters without spaces, after each reading of URLs, JSON, HTML, base64 and hex."""
    text = printed
    for _ in range(4):
        yield "".join(text.lower().split())
        tokens = [*re.findall(r"[\w+/=-]{8,}", text), *re.findall(r"[\w+/=-]{8,}", "".join(text.split()))]
        yield from (reading for token in dict.fromkeys(tokens) for reading in _binary(token))
        text = html.unescape(unquote(_unescaped(text)))


def _unescaped(text: str) -> str:
    text = re.sub(r"\\[rnt]", " ", text)
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text).replace("\\", "")


def _binary(token: str) -> Iterator[str]:
    plain = token.replace("-", "+").replace("_", "/").rstrip("=")
    for skipped in range(4):
        with suppress(ValueError):
            part = plain[skipped:]
            yield base64.b64decode(part + "A" * (-len(part) % 4)).decode("utf-8", "ignore").lower()
    with suppress(ValueError):
        yield bytes.fromhex(token).decode("utf-8", "ignore").lower()
