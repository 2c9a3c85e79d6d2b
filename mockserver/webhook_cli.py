"""The commands `wixture webhook`: verify, listen, and the ones that send, which have files of their own."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from wixture.mockserver.mock_client import Unanswered, call, url_option
from wixture.mockserver.options import NumberRange
from wixture.mockserver.webhook_grade_cli import grade
from wixture.mockserver.webhook_keys import (
    contract_of,
    dialect_option,
    instance_option,
    key_option,
    last_known,
    mock_keys,
    of_tenant,
    public_keys,
    show_option,
)
from wixture.mockserver.webhook_trigger_cli import trigger

if TYPE_CHECKING:
    from wixture.mockserver.webhooks.receiver import Received, Receiver

SUBSCRIPTIONS = "/_mock/webhooks/subscriptions"


@click.group(short_help="Send, receive, verify and grade webhooks.")
def webhook() -> None:
    """Send, receive, verify and grade webhooks, with a mock or without."""


webhook.add_command(trigger)
webhook.add_command(grade)


# ---- verify --------------------------------------------------------------------------------------


@webhook.command(short_help="Check one token, layer by layer.")
@click.argument("file", type=click.File("rb"), default="-")
@key_option
@url_option
@instance_option
@dialect_option
@click.option("--at", metavar="ISO-8601", help="Judge dates as of that instant; now when absent.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="How to print.")
@show_option
def verify(
    file: BinaryIO,
    key: str | None,
    url: str,
    instance: str | None,
    dialect: str,
    at: str | None,
    form: str,
    show: bool,
) -> None:
    """Check one webhook token, from FILE or standard input, and say what each layer of it holds.

    Exits 1 when a layer is wrong or cannot be checked.
    """
    from wixture.mockserver.webhooks.verdicts import as_dict, as_text, printable
    from wixture.mockserver.webhooks.verifying import MOST_BYTES, judge

    now = _instant(at)
    keys = public_keys(key, url)
    token = file.read(MOST_BYTES + 16)
    verdict = judge(token, keys, now=now, instance_id=instance, contract=contract_of(dialect))
    if form == "json":
        told = json.dumps(as_dict(verdict, show=show), indent=2, ensure_ascii=False)
    else:
        told = "\n".join(as_text(verdict, show=show))
    click.echo(printable(told))
    sys.exit(0 if verdict.ok else 1)


def _instant(at: str | None) -> int:
    from wixture.mockserver.clock import wall_seconds
    from wixture.mockserver.instants import from_text

    try:
        return wall_seconds() if at is None else from_text(at) // 1_000_000
    except ValueError as error:
        raise click.UsageError(f"--at {at!r} is no instant like 2024-01-31T08:00:00Z: {error}.") from error


# ---- listen --------------------------------------------------------------------------------------


@webhook.command(short_help="Receive webhooks, verify and print them.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9000, show_default=True, help="Port; 0 picks a free one."
)
@url_option
@key_option
@instance_option
@dialect_option
@click.option(
    "--event",
    default="*",
    show_default=True,
    metavar="EVENT",
    help="Which event to subscribe to, short or in full.",
)
@click.option(
    "--subscribe/--no-subscribe",
    default=None,
    help="Subscribe at the mock, and unsubscribe at the end.  [default: when the mock is there]",
)
@click.option("--fail-first", type=click.IntRange(0), default=0, metavar="N", help="Answer the first N with 503.")
@click.option("--status", type=click.IntRange(200, 599), default=200, show_default=True, help="What to answer.")
@click.option("--delay", type=NumberRange(0, 600), default=0.0, metavar="SECONDS", help="How late to answer.")
@click.option("--count", type=click.IntRange(1), metavar="N", help="End after N tokens; go on when absent.")
@click.option("--format", "form", type=click.Choice(["text", "ndjson"]), default="text", help="How to print.")
@show_option
def listen(**options: Any) -> None:
    """Receive webhooks, verify each and print its layers, until Ctrl-C.

    A token that is wrong is answered with 401. Exits 1 when one was.
    """
    from wixture.mockserver.server import ListenError
    from wixture.mockserver.webhooks.receiver import Receiver

    done = threading.Event()
    printed = _Printed(options, done)
    receiver = Receiver(
        _keys(options),
        port=options["port"],
        instance_id=options["instance"] or _site(options),
        contract=contract_of(options["dialect"]),
        on_received=printed,
        most_kept=0,
    )
    receiver.reply_with(options["status"], options["delay"])
    receiver.fail_first(options["fail_first"])
    try:
        with _signals(done), receiver, _subscribed(receiver, options):
            done.wait()
    except ListenError as error:
        click.echo(error.strerror or str(error), err=True)
        sys.exit(3)
    sys.exit(1 if printed.wrong else 0)


def _keys(options: Mapping[str, Any]) -> Callable[[], Any]:
    if options["key"] is not None:
        keys = public_keys(options["key"], options["url"])
        return lambda: keys
    public_keys(None, options["url"])  # says how to give one
    return last_known(lambda: mock_keys(options["url"]))


def _site(options: Mapping[str, Any]) -> str | None:
    """The site that the mock will tell of; None when nothing is subscribed to."""
    if options["subscribe"] is False:
        return None
    try:
        return str(call(options["url"], "GET", "/_mock/tenant")["instanceId"])
    except Unanswered:
        return None


class _Printed:
    """Prints what comes, in turn; counts what was wrong."""

    def __init__(self, options: Mapping[str, Any], done: threading.Event) -> None:
        self._form, self._show = options["form"], options["show"]
        self._left = options["count"]
        self._done = done
        self.wrong = 0

    def __call__(self, received: Received) -> None:
        from wixture.mockserver.webhooks.verdicts import printable

        self.wrong += not received.verdict.ok
        try:
            click.echo(printable("\n".join(self._lines(received))))
        except OSError:  # nobody reads any more
            self._done.set()
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self._done.set()

    def _lines(self, received: Received) -> Iterator[str]:
        from wixture.mockserver.webhooks.verdicts import as_dict, as_text

        if self._form == "ndjson":
            shown = {"number": received.number, "status": received.status}
            yield json.dumps({**shown, **as_dict(received.verdict, show=self._show)}, ensure_ascii=False)
            return
        yield f"#{received.number} {received.name or 'no event'}, answered {received.status}"
        yield from (f"  {line}" for line in as_text(received.verdict, show=self._show))


@contextmanager
def _signals(done: threading.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C end the waiting, not the process."""
    before = {number: signal.signal(number, lambda *_: done.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _subscribed(receiver: Receiver, options: Mapping[str, Any]) -> Iterator[None]:
    """Told by the mock of what happens, for as long as it lasts."""
    subscription = None if options["subscribe"] is False else _subscription(receiver, options)
    where = f"subscribed at {options['url']}" if subscription else "not subscribed"
    click.echo(f"wixture listening on {receiver.url} ({where}); Ctrl-C ends", err=options["form"] == "ndjson")
    try:
        yield
    finally:
        if subscription:
            with suppress(click.ClickException):  # the mock has gone before
                path = of_tenant(f"{SUBSCRIPTIONS}/{subscription}", options["instance"])
                call(options["url"], "DELETE", path)


def _subscription(receiver: Receiver, options: Mapping[str, Any]) -> str | None:
    """The ID of a new subscription; None when there is no mock and none was asked for."""
    try:
        body = {"eventType": options["event"], "url": receiver.url}
        _say_when_frozen(options)
        made = call(options["url"], "POST", of_tenant(SUBSCRIPTIONS, options["instance"]), body)
        return str(made["id"])
    except Unanswered:
        if options["subscribe"]:
            raise
        return None


def _say_when_frozen(options: Mapping[str, Any]) -> None:
    """Nothing arrives while the mock's clock stands still: say so, and how to go on."""
    if call(options["url"], "GET", of_tenant("/_mock/clock", options["instance"]))["frozen"]:
        flush = f"{options['url'].rstrip('/')}{of_tenant('/_mock/webhooks/flush', options['instance'])}"
        click.echo(
            f"The mock's clock is frozen, so events wait there. Send them with: curl -X POST {flush}", err=True
        )
