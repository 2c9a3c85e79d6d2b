"""What can become of an attempt to post a webhook; for whoever records or shows one, without the HTTP client."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT_MS = 1250
KEPT_BYTES = 64 * 1024

REASONS = {
    "received": "The receiver answered 200, in time and in full.",
    "status": "The receiver answered with a status other than 200.",
    "redirect": "The receiver answered with a redirect; redirects are never followed.",
    "timeout": "The receiver did not answer in full in time.",
    "refused": "Nothing listens at the receiver's address.",
    "reset": "The connection ended before the answer was complete.",
    "unreachable": "The network has no way to the receiver.",
    "name_unknown": "The receiver's host name has no address.",
    "bad_address": "The subscription's address is not one that webhooks are sent to.",
    "denied": "The receiver's network address may not be dialled.",
    "tls": "TLS with the receiver failed.",
    "too_long": "The receiver's answer is longer than 64 KiB.",
    "bad_answer": "What the receiver answered is not HTTP, or its headers are too large.",
    "stopped": "The server stopped during the attempt.",
    "failed": "The attempt failed on this machine.",
}
"""The outcomes of an attempt: each word, and the sentence that says what it means."""


@dataclass(frozen=True)
class Posted:
    """What became of one attempt. `reason` is a word of REASONS.

    `status` and `answer` are what had come when the attempt ended, at most 64 KiB; `text` is the reason as a
    sentence, without the address and without anything that the receiver sent.
    """

    status: int | None
    reason: str
    duration_ms: int
    answer: bytes
    text: str

    @property
    def received(self) -> bool:
        return self.reason == "received"
