"""Sends with httpx's blocking client, on a thread."""

import asyncio
from typing import Any

import httpx


class HttpxClient:
    def __init__(self) -> None:
        self._client = httpx.Client(timeout=10)

    async def send(self, method: str, url: str, **content: Any) -> tuple[int, Any]:
        answer = await asyncio.to_thread(self._client.request, method, url, **content)
        return answer.status_code, answer.json()

    async def close(self) -> None:
        self._client.close()
