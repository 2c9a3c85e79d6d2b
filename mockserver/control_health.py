"""What the control API's calls about how the server is do, one function each, named as in spec/control.yaml."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Mapping

import orjson

from wixture import __version__
from wixture.mockserver.app import API_TAGS, Application
from wixture.mockserver.control_calls import Answer, ControlCall
from wixture.mockserver.messages import Response
from wixture.mockserver.refusals import Refusal

HEALTH_SECONDS = 2.0
"""How long the store may take to say whether it can be written: whoever asks does not wait for long himself."""


async def get_health(app: Application, _: ControlCall) -> Answer:
    """That the server is up and can store, and how many operations it serves."""
    about = {"version": __version__, "operations": len(app.contract.tagged(*API_TAGS))}
    problem = await _problem(app)
    if problem is None:
        return {"status": "ok", **about}
    return Response(503, orjson.dumps({"status": "degraded", **about, "problem": problem}))


async def _problem(app: Application) -> str | None:
    """Why nothing can be stored now; None when it can."""
    try:
        return await asyncio.wait_for(app.store.check(), HEALTH_SECONDS)
    except TimeoutError:
        return "the store does not answer"


async def get_metrics(app: Application, _: ControlCall) -> Answer:
    """What the server did, as a Prometheus scrape reads it."""
    try:
        await asyncio.to_thread(importlib.import_module, "wixture.mockserver.metrics")  # 60 ms, the first time
        from wixture.mockserver import metrics
    except ImportError as error:
        text = "Metrics need prometheus-client, which is not installed here: pip install 'wixture[metrics]'."
        raise Refusal("NOT_FOUND", text) from error
    is_writable = await _problem(app) is None
    families = await metrics.families(app, is_writable=is_writable, seconds=HEALTH_SECONDS)
    return Response(200, await asyncio.to_thread(metrics.as_text, families), content_type=metrics.TYPE)


CALLS: Mapping[str, Callable[[Application, ControlCall], Awaitable[Answer]]] = {
    "getHealth": get_health,
    "getMetrics": get_metrics,
}
