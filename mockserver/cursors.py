"""Cursors that carry their query: readable by this server alone, for the site they were made for."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import orjson

from wixture.mockserver import base64url

_TAG = 16


class SiteCursors:
    """The cursors of one tenant. They hold no state: filter, sort and position travel in the text."""

    def __init__(self, key: bytes, instance_id: str) -> None:
        self._key = key
        self._site = instance_id.encode() + b"/"

    def seal(self, content: Mapping[str, object]) -> str:
        """The cursor of some content, authenticated for this tenant."""
        body = orjson.dumps(content)
        return base64url.encode(self._tag(body) + body)

    def open(self, text: str) -> Mapping[str, Any] | None:
        """The content of a cursor; None for a forged one, another tenant's, or no cursor at all."""
        data = base64url.decode(text)
        if data is None or not hmac.compare_digest(self._tag(data[_TAG:]), data[:_TAG]):
            return None
        content: Mapping[str, Any] = orjson.loads(data[_TAG:])
        return content

    def _tag(self, body: bytes) -> bytes:
        return hmac.digest(self._key, self._site + body, "sha256")[:_TAG]
