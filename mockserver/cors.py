"""What lets a page in a browser call the APIs from another origin."""

from __future__ import annotations

from collections.abc import Mapping

from wixture.mockserver.messages import Request, Response

_ALLOWED = "authorization, content-type, x-wix-bi-gateway, x-wix-consistent, wix-site-id, wix-account-id, "
_ALLOWED += "x-wixture-dialect, x-wixture-input"
_NOTHING: Mapping[str, str] = {}
_EXPOSED = "X-Wix-Request-Id, X-Wixture-Fault, Retry-After"
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}


def is_preflight(request: Request) -> bool:
    """Whether a browser asks if it may send a request."""
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def preflight() -> Response:
    """It may."""
    headers = {
        "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
        "Access-Control-Allow-Headers": _ALLOWED,
        "Access-Control-Max-Age": "600",
    }
    return Response(204, b"", headers)


def headers(request: Request) -> Mapping[str, str]:
    """What an answer to another origin carries."""
    return _ANY_ORIGIN if "origin" in request.headers else _NOTHING
