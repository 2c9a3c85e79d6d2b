"""The command `wixture webhook grade`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wixture.mockserver.mock_client import checked_url, fetched, opener
from wixture.mockserver.options import NumberRange
from wixture.mockserver.options import clock as read_clock
from wixture.mockserver.webhook_sending import (
    PEM_PATH,
    allow_net_option,
    checked_consumer,
    instance_option,
    minting,
    poster,
    public_key_out_option,
    signing_key,
    signing_key_option,
    signing_mock_option,
    tell_public_key,
)

if TYPE_CHECKING:
    from wixture.mockserver.clock import Chance
    from wixture.mockserver.webhooks.cards import Card
    from wixture.mockserver.webhooks.grade_run import Show
    from wixture.mockserver.webhooks.grading import Evidence, Outcome
    from wixture.mockserver.webhooks.series import Mint, Sending

_FORMS = ("text", "json", "junit", "html")


def _reports(_: click.Context, __: click.Parameter, values: Sequence[str]) -> list[tuple[str, Path]]:
    """The options --report, to files that can be written. Raises BadParameter."""
    parted = [value.partition("=") for value in values]
    for value, (kind, _equals, path) in zip(values, parted, strict=True):
        if kind not in _FORMS or not path:
            raise click.BadParameter(f"{value!r} is no KIND=PATH with a KIND of {', '.join(_FORMS)}.")
        _check_writable(Path(path))
    return [(kind, Path(path)) for kind, _equals, path in parted]


def _check_writable(path: Path) -> None:
    """Before a minute of grading, not after it. Leaves no file where none was. Raises BadParameter."""
    was_there = path.exists()
    if path.is_fifo():  # opened and closed, it would tell its reader that there is nothing to come
        return
    try:
        path.open("a").close()
        if not was_there:
            path.unlink()
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be written: {error.strerror}.") from error


@click.command(short_help="Grade a consumer with a whole series.")
@click.argument("url", required=False, metavar="[CONSUMER]")
@click.option("--state-url", metavar="URL", help="Where the consumer shows what it has applied, as JSON.")
@click.option(
    "--callback",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Open this port, where the consumer posts the ID of each event that it applies.",
)
@click.option("--random-seed", type=int, metavar="N", help="Repeats a series; a new one when absent.")
@click.option(
    "--clock",
    default="real",
    callback=read_clock,
    metavar="real|ISO-8601",
    help="The instant that dates events and tokens.",
)
@signing_mock_option(help="Where a mock runs that is to sign, with its key; WIXTURE_URL is not read.")
@signing_key_option
@public_key_out_option
@instance_option
@allow_net_option
@click.option(
    "--settle",
    type=NumberRange(0, 600),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for what is applied after the answer.",
)
@click.option("--format", "form", type=click.Choice(_FORMS), default="text", help="How to print the card.")
@click.option(
    "--report", "reports", multiple=True, callback=_reports, metavar="KIND=PATH", help="Write the card there, too."
)
def grade(**options: Any) -> None:
    """Send a series of good, repeated, late and forged webhooks to the URL of a CONSUMER, and grade it.

    Without one it only writes the public key. Exits 1 when a point failed.
    """
    if options["url"] is None:
        _only_the_key(options)
        return
    checked = {**options, "url": checked_consumer(options["url"], "CONSUMER")}
    seed, now, chance = _beginning(options)
    with _mint(checked, chance, now) as mint, _show(checked) as show:
        from wixture.mockserver.webhooks.series import series

        evidence = _evidence(series(mint, chance, now=now), show, checked)
    card = _card(checked["url"], seed, evidence)
    _write(card, options)
    sys.exit(1 if card.failed else 0)


def _beginning(options: Mapping[str, Any]) -> tuple[int, int, Chance]:
    """The random seed, the instant in microseconds since 1970, and the chance that follows from the seed."""
    from wixture.mockserver.clock import Chance, new_random_seed, wall_seconds
    from wixture.mockserver.instants import from_text

    seed = new_random_seed() if options["random_seed"] is None else options["random_seed"]
    now = wall_seconds() * 1_000_000 if options["clock"] == "real" else from_text(options["clock"])
    return seed, now, Chance(seed, "grade")


def _only_the_key(options: Mapping[str, Any]) -> None:
    if options["public_key_out"] is None:
        raise click.UsageError(
            "Give the consumer's URL (--url is the mock's), or --public-key-out FILE for the key that it needs."
        )
    _key(options)


def _key(options: Mapping[str, Any]) -> Any:
    if options["mock_url"]:
        pem = fetched(options["mock_url"], PEM_PATH).decode("ascii", "replace")
        tell_public_key(pem, options["public_key_out"], kept=False)
        return None
    key = signing_key(options["signing_key"])
    tell_public_key(key.public_pem(), options["public_key_out"], kept=options["signing_key"] is None)
    return key


@contextmanager
def _mint(options: Mapping[str, Any], chance: Chance, now: int) -> Iterator[Mint]:
    """Who signs: a running mock, or a key of one's own."""
    from wixture.mockserver.settings import Settings
    from wixture.mockserver.webhooks.series import OwnMint

    if options["mock_url"] and (options["signing_key"] or options["clock"] != "real"):
        raise click.UsageError("With --url the mock signs and dates: leave --signing-key and --clock away.")
    key = _key(options)
    if key is None:
        with minting(options["mock_url"], options["instance"]) as mint:
            yield mint
    else:
        yield OwnMint(key, chance, instance_id=options["instance"], app_id=Settings().app_id, now=now)


@contextmanager
def _show(options: Mapping[str, Any]) -> Iterator[Show | None]:
    """How the consumer shows what it has applied, if it does. Raises UsageError."""
    from wixture.mockserver.server import BackgroundServer, ListenError
    from wixture.mockserver.webhooks.grade_run import Callbacks, state_at

    if options["state_url"] and options["callback"]:
        raise click.UsageError("Give --state-url or --callback, not both.")
    if options["state_url"]:
        checked_url(options["state_url"], "state", option="--state-url")
        yield state_at(options["state_url"], opener())
    elif options["callback"]:
        callbacks = Callbacks()
        try:
            with BackgroundServer(callbacks, port=options["callback"]) as server:
                click.echo(f"The consumer posts the IDs of applied events to {server.url}/", err=True)
                yield callbacks.show
        except ListenError as error:
            click.echo(error.strerror or str(error), err=True)
            sys.exit(3)
    else:
        yield None


def _evidence(sendings: Sequence[Sending], show: Show | None, options: Mapping[str, Any]) -> Evidence:
    from wixture.mockserver.webhooks.applied import BadState
    from wixture.mockserver.webhooks.grade_run import SeenBefore, Unreachable

    try:
        with _progress(len(sendings)) as on_sent:
            return asyncio.run(_graded(sendings, show, options, on_sent))
    except BadState as error:
        raise click.UsageError(str(error)) from error
    except Unreachable as error:
        raise click.UsageError(f"The consumer cannot be reached. {error} Start it, or correct the URL.") from error
    except SeenBefore:
        text = "The consumer has seen this series before: empty it, or choose another --random-seed."
        raise click.UsageError(text) from None


async def _graded(
    sendings: Sequence[Sending],
    show: Show | None,
    options: Mapping[str, Any],
    on_sent: Callable[[Outcome], None],
) -> Evidence:
    from wixture.mockserver.webhooks.grade_run import PATIENCE_MS, graded

    posts = poster(options, limit_ms=PATIENCE_MS)
    try:
        return await graded(sendings, options["url"], posts, show, settle=options["settle"], on_sent=on_sent)
    finally:
        await posts.close()


@contextmanager
def _progress(count: int) -> Iterator[Callable[[Outcome], None]]:
    """A bar on a terminal, a line elsewhere."""
    if not sys.stderr.isatty():
        click.echo(f"Sending {count} requests.", err=True)
        yield lambda _: None
        return
    with click.progressbar(length=count, label="Sending", file=sys.stderr) as bar:
        yield lambda _: _advance(bar)


def _advance(bar: Any) -> None:
    bar.update(1)


def _card(url: str, seed: int, evidence: Evidence) -> Card:
    from wixture.mockserver.webhooks.cards import Card
    from wixture.mockserver.webhooks.grading import POINTS, judged

    return Card(url, seed, judged(POINTS, evidence), evidence)


def _write(card: Card, options: Mapping[str, Any]) -> None:
    from wixture.mockserver.webhooks.cards import FORMS

    for kind, path in options["reports"]:
        try:
            path.write_text(FORMS[kind](card), encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"{path} cannot be written: {error.strerror}.") from error
    click.echo(FORMS[options["form"]](card), nl=False)
