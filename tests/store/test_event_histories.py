"""In any history of all operations the events are the changes: exactly one each, in order, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from wixture.mockserver.app import Application
from wixture.mockserver.erasure import erase
from wixture.mockserver.settings import Settings

from .test_histories import DETAILS, MEMBERS, START, Histories


class ToldHistories(Histories):
    """A tenant's life as its events tell it: replayed, they give what is stored, without a gap or a repetition."""

    @initialize()
    def begin(self) -> None:
        super().begin()
        self.read = 0
        self.ids: set[str] = set()
        self.told: dict[str, dict[str, Any]] = {}
        self.told_follows: list[dict[str, Any]] = []
        self.sequences: dict[str, int] = {}

    @rule(details=DETAILS)
    def erase_by_identifier(self, details: dict[str, str]) -> None:
        person = {key: value for key, value in details.items() if key != "type"}
        known = self.by_key(details)
        counts = self.runner.run(erase(self.app, self.tenant, person))
        assert counts == {"marketingConsents": int(known is not None), "followedChannels": 0}
        if known is not None:
            del self.consents[known.id]
            self.gone.append(known.id)

    @rule(member=st.sampled_from(MEMBERS))
    def erase_member(self, member: str) -> None:
        counts = self.runner.run(erase(self.app, self.tenant, {"memberId": member}))
        assert counts == {"marketingConsents": 0, "followedChannels": len(self.follows[member])}
        self.follows[member] = []

    @invariant()
    def the_events_are_the_changes(self) -> None:
        events = self.runner.run(self.app.store.outbox.events(self.instance_id))
        for event in events[self.read :]:
            assert event.id not in self.ids
            self.ids.add(event.id)
            self.replay(event.name, event.entity_id, orjson.loads(event.body))
        self.read = len(events)
        snapshot = self.runner.run(self.app.store.snapshot(self.instance_id))
        assert snapshot["marketingConsents"] == [self.told[id_] for id_ in sorted(self.told)]
        stored = {entity["id"]: entity for entity in snapshot["followedChannels"]}
        told = {entity["id"]: entity for entity in self.told_follows}
        assert stored.items() <= told.items(), "that a channel is forgotten raises no event"

    def replay(self, name: str, entity_id: str, body: dict[str, Any]) -> None:
        sequence = int(body["entityEventSequence"])
        assert sequence == self.sequences.get(entity_id, 0) + 1, "every change of the entity, and each once"
        self.sequences[entity_id] = sequence
        if name == "followed_channel_created":
            self.told_follows.append(body["createdEvent"]["entity"])
        elif name == "marketing_consent_created":
            assert entity_id not in self.told
            self.told[entity_id] = body["createdEvent"]["entity"]
        elif name == "marketing_consent_updated":
            assert body["updatedEvent"]["currentEntity"] != self.told[entity_id]
            self.told[entity_id] = body["updatedEvent"]["currentEntity"]
        else:
            assert body["deletedEvent"] == {}
            del self.told[entity_id]


@pytest.mark.rule("event-per-change", "event-sequence-grows")
def test_in_any_history_the_events_replayed_are_what_is_stored() -> None:
    with asyncio.Runner() as runner:
        app = Application(Settings(random_seed=3, clock=START))
        machine = type("ToldHistoriesOfOneApp", (ToldHistories,), {"app": app, "runner": runner})
        steps = settings(
            derandomize=True,
            deadline=None,
            print_blob=True,
            report_multiple_bugs=False,
            max_examples=60,
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow],
        )
        run_state_machine_as_test(machine, settings=steps)
        runner.run(app.store.close())
