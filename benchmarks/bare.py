"""The peer: aiohttp's Application with fixed bytes for each route that a JSON file lists."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from aiohttp import web


def _application(routes: list[dict[str, Any]]) -> web.Application:
    app = web.Application()
    for route in routes:
        app.router.add_route(route["method"], route["path"], _answering(route["body"].encode()))
    return app


def _answering(body: bytes) -> Any:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type="application/json")

    return answer


async def _main(routes: list[dict[str, Any]]) -> None:
    runner = web.AppRunner(_application(routes), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"ready on http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(_main(json.loads(Path(sys.argv[1]).read_text())))
    else:
        uvloop.run(_main(json.loads(Path(sys.argv[1]).read_text())))
