"""The app under test: pointed at the mock, and fed with its webhooks."""

from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from newsletter.client_aiohttp import AiohttpClient
from newsletter.client_httpx import HttpxClient
from newsletter.client_requests import RequestsClient
from newsletter.service import Newsletter
from newsletter.webhooks import Audience, endpoint
from newsletter.wix import Wix

from wixture.fixtures.handle import WixMock

CLIENTS = {"requests": RequestsClient, "httpx": HttpxClient, "aiohttp": AiohttpClient}


@pytest.fixture(params=CLIENTS)
async def newsletter(request: pytest.FixtureRequest, wix_mock: WixMock) -> AsyncIterator[Newsletter]:
    """The shop's side, once with each HTTP client."""
    client = CLIENTS[request.param]()
    identity = {"app_id": wix_mock.app_id, "app_secret": wix_mock.app_secret, "instance_id": wix_mock.instance_id}
    yield Newsletter(Wix(client, wix_mock.url, **identity))
    await client.close()


@pytest.fixture
async def audience(wix_mock: WixMock) -> AsyncIterator[Audience]:
    """What the shop learns from webhooks. It takes them in the test's own event loop."""
    audience = Audience(wix_mock.webhooks.public_key, wix_mock.instance_id)
    async with TestServer(endpoint(audience)) as server:
        wix_mock.webhooks.subscribe(str(server.make_url("/webhooks")))
        yield audience
