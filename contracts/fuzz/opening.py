"""The target of a fuzzing run: as of every command, or one of somebody else's, who has no credentials of ours."""

from __future__ import annotations

import click

from wixture.contracts.fuzz.choosing import refuse_the_vendors
from wixture.contracts.fuzz.session import Options
from wixture.contracts.targets.address import BadTarget, parse_address
from wixture.contracts.targets.opening import Asked, opened
from wixture.contracts.targets.pace import CALLS_A_MINUTE, MOST_FAILURES, Pace, new_run_id
from wixture.contracts.targets.run_journal import RunJournal
from wixture.contracts.targets.safety import Permits
from wixture.contracts.targets.target import Target
from wixture.contracts.validation import own_contract


def opened_with(asked: Asked, options: Options) -> Target:
    """The target that was asked for. Raises UsageError, and CannotFuzz for a host that may not be fuzzed."""
    try:
        address = parse_address(asked.url, asked.connect_to)
    except BadTarget as error:
        raise click.UsageError(str(error)) from error
    refuse_the_vendors(address, my_own_site=options.my_own_site)
    contract = own_contract("openapi").contract
    if options.spec is None:
        return opened(asked, contract)
    free = address.is_loopback
    speed = asked.calls_a_minute or (None if free else CALLS_A_MINUTE)
    return Target(
        address,
        contract,
        RunJournal(asked.runs, new_run_id(), address),
        permits=Permits(asked.allow_writes),
        pace=Pace(speed, most_calls=asked.max_calls, most_failures=None if free else MOST_FAILURES),
        certificate=asked.cacert,
    )
