"""What a server can be told, with the defaults that users are promised."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

DIALECTS = ("corrected", "documented")
INPUTS = ("strict", "lenient")
RATE_LIMITS = ("off", "wix")
SQLITE = "sqlite:"
POSTGRES = ("postgresql://", "postgres://")
CHANNELS = ("FACEBOOK", "INSTAGRAM", "LINKEDIN", "X", "TIKTOK")

ACCESS_TOKEN_SECONDS = 14_400
LEGACY_ACCESS_TOKEN_SECONDS = 300
REFRESH_TOKEN_SECONDS = 30 * 86_400
LINK_SECONDS = 30 * 86_400
CODE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Settings:
    """The launch options of one server. A reset goes back to them."""

    app_id: str = "a0000000-0000-4000-8000-000000000001"
    app_secret: str = "wixture-app-secret"  # noqa: S105  # the documented default of a mock
    instance_id: str = "b0000000-0000-4000-8000-000000000001"
    client_id: str = "c0000000-0000-4000-8000-000000000001"
    api_key: str = "IST.wixture-api-key"
    public_url: str = "http://127.0.0.1:8787"
    host: str = "127.0.0.1"
    store: str = field(default="memory", repr=False)
    """Where state is kept: `memory`, `sqlite:` and the path of a file, or the URL of a PostgreSQL database."""
    clock: str = "real"
    channels: tuple[str, ...] = CHANNELS
    account_id: str | None = None
    consistency_ms: int = 0
    random_seed: int | None = None
    admin_token: str | None = None
    clock_speed: float = 1.0
    token_clock: str = "wall"  # noqa: S105  # a name of a clock
    webhooks: tuple[tuple[str, str], ...] = ()
    """Receivers from the start: the short name of an event or `*`, and a URL."""
    signing_key: Path | None = None
    allow_net: tuple[str, ...] = ()
    rate_limit: str = "off"
    journal_size: int = 10_000
    dialect: str = "corrected"
    input: str = "strict"
    recheck: bool = field(default_factory=lambda: os.environ.get("WIXTURE_RECHECK") == "1")
    """Check stored entities again in every answer: for tests of the mock itself, whose every server has it."""
