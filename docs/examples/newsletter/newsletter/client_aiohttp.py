"""Sends with aiohttp."""

from typing import Any

import aiohttp


class AiohttpClient:
    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))

    async def send(self, method: str, url: str, **content: Any) -> tuple[int, Any]:
        async with self._session.request(method, url, **content) as answer:
            return answer.status, await answer.json()

    async def close(self) -> None:
        await self._session.close()
