"""Where the visitors' pages are. Loaded with the server; everything else here waits for the first visit."""

from __future__ import annotations

from urllib.parse import urlsplit

from wixture.mockserver.links import PAGES

FOLDER = "/_manage-consent/"
FILES = {"page.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
BODY_LIMIT = 4096
"""Bytes of a form: it has no field."""

_NAMES = frozenset((*PAGES.values(), *FILES))


def page_of(path: str, public_url: str) -> str | None:
    """The name of the page or file at a path, also below the path of the public address; None for other paths."""
    if FOLDER not in path:
        return None
    site, _, name = path.partition(FOLDER)
    return name if name in _NAMES and site in ("", urlsplit(public_url).path) else None
