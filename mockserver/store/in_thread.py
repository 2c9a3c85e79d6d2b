"""Runs a coroutine to its end for whoever cannot wait for one, with a loop running or without."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_Result = TypeVar("_Result")


def run_apart(work: Coroutine[Any, Any, _Result]) -> _Result:
    """What a coroutine returns, or raises, in a loop of its own on a thread of its own."""
    with ThreadPoolExecutor(1, thread_name_prefix="wixture-opening") as thread:
        return thread.submit(asyncio.run, work).result()
