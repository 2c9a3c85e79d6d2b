"""`GET /_mock/health`, as load balancers ask it. Disks that fail are in tests/store/test_disk_full.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from conftest import Api

from wixture.mockserver.app import Application
from wixture.mockserver.control_calls import ControlCall
from wixture.mockserver.control_health import get_health
from wixture.mockserver.messages import Request, Response
from wixture.mockserver.store.sqlite import SqliteStore


class Silent(SqliteStore):
    """A store behind a network that swallows what is asked."""

    async def check(self) -> str | None:
        return await asyncio.get_running_loop().create_future()


def test_a_store_that_does_not_answer_is_degraded_and_not_waited_for() -> None:
    async def asked() -> Response:
        app = Application(store=Silent())
        call = ControlCall(app.tenants.get(app.settings.instance_id), False, {}, None, {})
        answer = await get_health(app, call)
        await app.store.close()
        assert isinstance(answer, Response)
        return answer

    answer = asyncio.run(asked())
    assert answer.status == 503
    assert b"the store does not answer" in answer.body


def test_health_needs_no_token_anywhere(make_api: Callable[..., Api]) -> None:
    api = make_api(host="0.0.0.0", admin_token="sesame", public_url="http://mock.example")  # noqa: S104
    assert api.send(Request("GET", "/_mock/health", "", {"host": "mock.example"}, b"")).status == 200
