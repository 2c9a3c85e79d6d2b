"""Sends with requests, which blocks: so on a thread."""

import asyncio
from typing import Any

import requests


class RequestsClient:
    def __init__(self) -> None:
        self._session = requests.Session()

    async def send(self, method: str, url: str, **content: Any) -> tuple[int, Any]:
        answer = await asyncio.to_thread(self._session.request, method, url, timeout=10, **content)
        return answer.status_code, answer.json()

    async def close(self) -> None:
        self._session.close()
