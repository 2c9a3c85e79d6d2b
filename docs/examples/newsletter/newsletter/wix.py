"""Calls Wix as an app, with an access token that is fetched once, kept, and renewed when it has expired."""

from typing import Any, Protocol


class Refused(Exception):
    """Wix said no; `status` says how: 404 is not there, 409 a conflict, 428 not allowed by the site …"""

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        super().__init__(f"{status}: {answer.get('message') or answer.get('error_description')}")
        self.status = status


class Client(Protocol):
    """All that an HTTP library is needed for: there is one for requests, for httpx and for aiohttp."""

    async def send(self, method: str, url: str, **content: Any) -> tuple[int, Any]:
        """The status and the JSON of an answer. `content` is headers, params and json."""


class Wix:
    """One site, seen by one app."""

    def __init__(self, client: Client, url: str, *, app_id: str, app_secret: str, instance_id: str) -> None:
        self._client = client
        self._url = url
        self._grant = {
            "grant_type": "client_credentials",
            "client_id": app_id,
            "client_secret": app_secret,
            "instance_id": instance_id,
        }
        self._token: str | None = None

    async def call(self, method: str, path: str, *, token: str | None = None, **content: Any) -> Any:
        """What Wix answers to the app, or to whom `token` belongs. `content` is params or json. Raises Refused."""
        status, answer = await self._send(method, path, token or await self._app_token(), content)
        if status == 401 and token is None:  # our token has expired: once more, with a new one
            self._token = None
            status, answer = await self._send(method, path, await self._app_token(), content)
        if status != 200:
            raise Refused(status, answer)
        return answer

    async def _send(self, method: str, path: str, token: str, content: dict[str, Any]) -> tuple[int, Any]:
        return await self._client.send(method, self._url + path, headers={"Authorization": token}, **content)

    async def _app_token(self) -> str:
        if self._token is None:
            status, answer = await self._client.send("POST", f"{self._url}/oauth2/token", json=self._grant)
            if status != 200:
                raise Refused(status, answer)
            self._token = answer["access_token"]
        return self._token
