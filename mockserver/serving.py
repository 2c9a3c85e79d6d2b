"""Serves a mock that is made and checked: in this process, or in several of which this one is the parent."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    import ssl

    from wixture.mockserver.http.doors import Doors
    from wixture.mockserver.http.listening import ListenError
    from wixture.mockserver.mock import Mock
    from wixture.mockserver.server import HttpServer, Inherited
    from wixture.mockserver.workers import Post


def serve_alone(mock: Mock, options: Mapping[str, Any], context: ssl.SSLContext | None) -> None:
    """Serve until told to stop; then the process may end. Exits with 3 where the port is taken."""
    from wixture.mockserver.announcement import announce, tell_undelivered
    from wixture.mockserver.refusals import Refusal
    from wixture.mockserver.server import ListenError
    from wixture.mockserver.store.store import StorageUnavailable

    try:
        _run(mock, options, context, on_ready=lambda url: announce(mock, url))
    except ListenError as error:
        _port_taken(error)
    except (Refusal, StorageUnavailable) as error:
        _not_loaded(mock, options, error)
    tell_undelivered(mock.undelivered)


def _run(
    mock: Mock,
    options: Mapping[str, Any],
    context: ssl.SSLContext | None,
    *,
    on_ready: Callable[[str], None],
    inherited: Inherited | None = None,
) -> None:
    """Serve in this process until told to stop; `on_ready` is told the URL."""
    from wixture.mockserver.access_log import with_access_log
    from wixture.mockserver.server import run

    def ready(server: HttpServer) -> None:
        mock.app.public_url = options["public_url"] or server.url
        on_ready(server.url)
        # No daemon: a thread that imports while the interpreter ends can abort the process.
        threading.Thread(target=_settle, args=(mock,), name="wixture-warm-up").start()

    run(
        with_access_log(mock),
        options["host"],
        options["port"],
        ssl_context=context,
        on_ready=ready,
        new_request_id=mock.new_request_id,
        lifespan=mock.lifespan,
        on_stop=mock.retire,
        inherited=inherited,
    )


def _settle(mock: Mock) -> None:
    """Load what is needed later, then spare the collector what stays: a full collection of it takes 0.1 s.

    A request leaves no cycles behind, so that collecting seldom costs no memory. This process is our own.
    """
    mock.warm_up()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def serve_by_workers(mock: Mock, options: Mapping[str, Any], context: ssl.SSLContext | None) -> NoReturn:
    """Serve by processes that share the state which this one has opened, then end; 3 for a taken port."""
    from wixture.mockserver.announcement import announce
    from wixture.mockserver.http.doors import close_doors, open_doors
    from wixture.mockserver.opening import hand_over
    from wixture.mockserver.server import HttpServer, ListenError
    from wixture.mockserver.workers import Workers

    _fill(mock, options)
    held = hand_over(mock.app.store)
    doors: Doors = []
    try:
        doors = open_doors(options["host"], options["port"], options["workers"])
        url = HttpServer.url_of(options["host"], doors[0][0].getsockname()[1], tls=context is not None)
        gc.freeze()  # what is here already stays, shared by all
        workers = Workers(options["workers"], lambda post: _work(post, mock, options, context, doors))
        code = workers.run(lambda: announce(mock, url), lambda: close_doors(doors))
    except ListenError as error:
        _port_taken(error)
    finally:
        close_doors(doors)
        if held is not None:
            held.close()
    sys.exit(code)


def _fill(mock: Mock, options: Mapping[str, Any]) -> None:
    """Put the seed into the state, before others have it."""
    from wixture.mockserver.refusals import Refusal
    from wixture.mockserver.store.store import StorageUnavailable

    async def fill() -> None:
        try:
            await mock.fill()
        finally:
            if mock.app.store.shared:
                await mock.app.store.close()

    try:
        asyncio.run(fill())
    except (Refusal, StorageUnavailable) as error:
        _not_loaded(mock, options, error)


def _work(
    post: Post, parent: Mock, options: Mapping[str, Any], context: ssl.SSLContext | None, doors: Doors
) -> int:
    """Serve in a worker, with a store of its own on the state that its parent has made; the exit code."""
    from wixture.mockserver.server import Inherited

    inherited = Inherited(doors[post.number], post.lifeline)
    _run(_joined(parent), options, context, on_ready=lambda _: post.report(), inherited=inherited)
    return 0


def _joined(parent: Mock) -> Mock:
    from wixture.mockserver.mock import Mock
    from wixture.mockserver.opening import join_state
    from wixture.mockserver.store.store import BadState, StateAway

    settings = parent.app.settings
    try:
        return Mock(settings, seed=dict(parent.app.launch_seed), opened=join_state(settings))
    except BadState as error:
        click.echo(str(error), err=True)
        sys.exit(3 if isinstance(error, StateAway) else 2)


def _port_taken(error: ListenError) -> NoReturn:
    click.echo(error.strerror or str(error), err=True)
    sys.exit(3)


def _not_loaded(mock: Mock, options: Mapping[str, Any], error: Exception) -> NoReturn:
    """End with 2; with 3 where a database went away meanwhile, which may pass by itself."""
    from wixture.mockserver.settings import POSTGRES
    from wixture.mockserver.store.store import StorageUnavailable

    text = f"{options['seed'] or 'The state'} cannot be loaded: {error}"
    if isinstance(error, StorageUnavailable) and mock.app.settings.store.startswith(POSTGRES):
        click.echo(f"{text}. {error.how}.", err=True)
        sys.exit(3)
    raise click.UsageError(text) from error
