"""The floor: aiohttp's Application on uvloop, with fixed bytes for each route that a JSON file lists."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web


def application(routes: list[dict[str, Any]]) -> web.Application:
    """An application that reads each request whole and answers its route's bytes."""
    app = web.Application()
    for route in routes:
        app.router.add_route(route["method"], route["path"], _answering(route["body"].encode()))
    return app


def _answering(body: bytes) -> Any:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type="application/json")

    return answer


def serve(app: web.Application) -> None:
    """Serve on a free port of loopback, without an access log, and print the URL once it listens."""
    uvloop.run(_serve(app))


async def _serve(app: web.Application) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"ready on http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    serve(application(json.loads(Path(sys.argv[1]).read_text())))
