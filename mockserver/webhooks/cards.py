"""A consumer's card as text, JSON, JUnit and HTML. Pure; the reports need no network and no script."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from wixture.mockserver.webhooks.grading import Evidence, Judged, Outcome

_WORDS = {"passed": "passed", "failed": "FAILED", "blocked": "blocked", "not shown": "not shown"}


@dataclass(frozen=True, slots=True)
class Card:
    """What was found about a consumer at a URL, with the random seed that repeats the series."""

    url: str
    random_seed: int
    points: Sequence[Judged]
    evidence: Evidence

    @property
    def earned(self) -> int:
        """The marks of the points that passed."""
        return sum(one.point.weight for one in self.points if one.mark.status == "passed")

    @property
    def shown(self) -> int:
        """The marks of all points that could be told."""
        return sum(one.point.weight for one in self.points if one.mark.status != "not shown")

    @property
    def total(self) -> int:
        """The marks of all points."""
        return sum(one.point.weight for one in self.points)

    @property
    def failed(self) -> list[str]:
        """The IDs of the points that failed."""
        return [one.point.id for one in self.points if one.mark.status == "failed"]

    @property
    def where(self) -> str:
        """The consumer's address without what may be a secret: its query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}{'?***' if parts.query else ''}"

    @property
    def summary(self) -> str:
        """The marks in one sentence."""
        hidden = self.total - self.shown
        rest = f"; {hidden} more are not shown" if hidden else ""
        return f"{self.earned} of {self.shown} marks{rest}"


def as_text(card: Card) -> str:
    """For a terminal."""
    lines = [f"{card.where}: {card.summary}", ""]
    for one in card.points:
        lines.append(f"{_WORDS[one.mark.status]:9}  {_marks(one):>8}  {one.point.title} [{one.point.id}]")
        lines.append(f"{'':21}{one.mark.reason}")
        if one.todo:
            lines.append(f"{'':21}next: {one.todo}")
    repeat = f"The same series again: --random-seed {card.random_seed}"
    return "\n".join([*lines, "", f"{len(card.evidence.outcomes)} requests. {repeat}", ""])


def _marks(one: Judged) -> str:
    earned = {"passed": str(one.point.weight), "not shown": "-"}.get(one.mark.status, "0")
    return f"{earned} of {one.point.weight}"


def as_json(card: Card) -> str:
    """For programs."""
    shown: dict[str, Any] = {
        "consumer": card.where,
        "randomSeed": card.random_seed,
        "marks": {"earned": card.earned, "shown": card.shown, "total": card.total},
        "points": [
            {
                "id": one.point.id,
                "title": one.point.title,
                "weight": one.point.weight,
                "status": one.mark.status,
                "reason": one.mark.reason,
                "next": one.todo,
            }
            for one in card.points
        ],
        "requests": [_request(one) for one in card.evidence.outcomes.values()],
    }
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def _request(outcome: Outcome) -> dict[str, Any]:
    sending, posted = outcome.sending, outcome.posted
    return {
        "name": sending.name,
        "title": sending.title,
        "eventId": sending.minted.event_id if sending.minted else None,
        "expected": "200" if sending.is_good else "refusal",
        "status": posted.status,
        "reason": posted.reason,
        "durationMs": posted.duration_ms,
    }


# ---- JUnit ---------------------------------------------------------------------------------------


def as_junit(card: Card) -> str:
    """For a build server: a test case for each point; what is not shown or blocked is skipped."""
    statuses = [one.mark.status for one in card.points]
    failures = statuses.count("failed")
    skipped = len(statuses) - failures - statuses.count("passed")
    counts = f'tests="{len(statuses)}" failures="{failures}" errors="0" skipped="{skipped}"'
    cases = "\n".join(line for one in card.points for line in _case(one))
    name = quoteattr(_printable(f"webhook consumer {card.where}"))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites {counts}>\n<testsuite name={name} {counts}>\n{cases}\n</testsuite>\n</testsuites>\n"
    )


def _case(one: Judged) -> Iterator[str]:
    opened = f'<testcase classname="webhook" name={quoteattr(f"{one.point.id}: {one.point.title}")}'
    text = _printable(f"{one.mark.reason}\nnext: {one.todo}")
    message = quoteattr(_printable(one.mark.reason))
    if one.mark.status == "passed":
        yield f"{opened}/>"
    elif one.mark.status == "failed":
        yield f'{opened}><failure type="{one.point.id}" message={message}>{escape(text)}</failure></testcase>'
    else:
        yield f"{opened}><skipped message={message}/></testcase>"


def _printable(text: str) -> str:
    """The text without characters that XML has no place for."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)


# ---- HTML ----------------------------------------------------------------------------------------

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a;
  background: #fff; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #767676; }
.failed { color: #a30000; font-weight: bold; } .passed { color: #0a5c1f; }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #111; } .failed { color: #ff9c9c; }
  .passed { color: #8fdc9f; } }
"""


def as_html(card: Card) -> str:
    """A page of its own: one file, no script, nothing fetched."""
    points = _table("Points", "Point|Result|Marks|Why, and what to do next", map(_point_row, card.points))
    outcomes = card.evidence.outcomes.values()
    requests = _table("Requests, in order", "Request|Expected|Outcome|Time", map(_request_row, outcomes))
    summary = escape(card.summary)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Webhook consumer: {summary}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Webhook consumer</h1>
<p>{escape(card.where)}: <strong>{summary}</strong>.
The same series again: <code>--random-seed {card.random_seed}</code></p>
{points}
{requests}
</main>
</body>
</html>
"""


def _table(caption: str, columns: str, rows: Iterable[str]) -> str:
    heads = "".join(f'<th scope="col">{column}</th>' for column in columns.split("|"))
    body = "\n".join(rows)
    head = f"<caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>"
    return f"<table>\n{head}\n<tbody>\n{body}\n</tbody>\n</table>"


def _point_row(one: Judged) -> str:
    todo = f"<br>Next: {escape(one.todo)}" if one.todo else ""
    return (
        f'<tr><th scope="row">{escape(one.point.title)} <code>{one.point.id}</code></th>'
        f'<td class="{one.mark.status.replace(" ", "-")}">{one.mark.status}</td><td>{_marks(one)}</td>'
        f"<td>{escape(one.mark.reason)}{todo}</td></tr>"
    )


def _request_row(one: Outcome) -> str:
    expected = "200" if one.sending.is_good else "a refusal"
    return (
        f'<tr><th scope="row">{escape(one.sending.title)} <code>{escape(one.sending.name)}</code></th>'
        f"<td>{expected}</td><td>{escape(one.answered)}</td><td>{one.posted.duration_ms} ms</td></tr>"
    )


FORMS: Mapping[str, Callable[[Card], str]] = {
    "text": as_text,
    "json": as_json,
    "junit": as_junit,
    "html": as_html,
}
