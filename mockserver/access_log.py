"""A line of the log for each request, where that was asked for; else nothing stands in a request's way."""

from __future__ import annotations

import logging
import time

from wixture.mockserver.http.service import Handler
from wixture.mockserver.messages import REQUEST_ID, Request, Response

log = logging.getLogger("wixture.access")

_LONGEST = 200


def with_access_log(app: Handler) -> Handler:
    """The application, or where requests are logged the same behind a log of them."""
    return AccessLog(app) if log.isEnabledFor(logging.DEBUG) else app


class AccessLog:
    """An application whose every answer is a line: without query, headers and bodies, for they tell of people."""

    def __init__(self, app: Handler) -> None:
        self._app = app

    async def handle(self, request: Request) -> Response:
        """The application's answer."""
        started = time.perf_counter_ns()
        response = await self._app.handle(request)
        fields = {
            "requestId": response.headers.get(REQUEST_ID),
            "method": request.method[:20],
            "path": request.path[:_LONGEST],
            "status": response.status,
            "durationMs": (time.perf_counter_ns() - started) // 1000 / 1000,
            "bytes": len(response.body),
        }
        log.debug("request answered", extra={"fields": fields})
        return response

    def body_limit(self, method: str, path: str) -> int:
        """The application's."""
        return self._app.body_limit(method, path)
