"""A promise is kept at its bound and on its good side, and is judged by the right servers."""

from __future__ import annotations

import pytest
from benchmarks.load import Load
from benchmarks.peers import BARE, PRISM, PRISM_EQUAL, WIXTURE
from benchmarks.rounds import Measured
from benchmarks.soak import judge, slope
from benchmarks.verdicts import Verdict, verdicts


def _load(per_second: float = 1000, *, cpu_us: float = 100, median_us: float = 50, p99_us: float = 100) -> Load:
    return Load(int(per_second), 1.0, cpu_us, median_us, p99_us, 1.0, 0.5)


def _measured(kind: str, server: str, *rates: float, **times: float) -> Measured:
    loads = [_load(rate, **times) for rate in rates]
    return Measured(kind, server, loads, loads)


@pytest.mark.parametrize(
    ("measured", "at_least", "ok"),
    [
        pytest.param(0.70, True, True, id="at its lower bound"),
        pytest.param(0.699, True, False, id="below its lower bound"),
        pytest.param(0.71, True, True, id="above its lower bound"),
        pytest.param(0.70, False, True, id="at its upper bound"),
        pytest.param(0.701, False, False, id="above its upper bound"),
        pytest.param(0.69, False, True, id="below its upper bound"),
    ],
)
def test_a_bound_is_kept_by_itself_and_its_good_side(measured: float, at_least: bool, ok: bool) -> None:
    verdict = Verdict("a promise", measured, 0.70, at_least)
    assert verdict.ok is ok
    assert verdict.line().startswith("ok  " if ok else "short  ")


def test_a_line_says_promise_measurement_bound_and_note() -> None:
    line = Verdict("get of bare", 0.5, 0.7, at_least=True, note="by CPU 0.6").line()
    assert line == "short  get of bare: 0.50, promised ≥ 0.70  (by CPU 0.6)"
    assert "≤ 4.00" in Verdict("tail", 2.0, 4.0, at_least=False).line()


def test_the_rate_is_the_ratio_of_the_medians_over_the_rounds() -> None:
    found = verdicts([_measured("get", WIXTURE, 10, 700, 9000), _measured("get", BARE, 5, 1000, 8000)])
    verdict = next(one for one in found if BARE in one.promise)
    assert (verdict.measured, verdict.bound, verdict.ok) == (0.7, 0.70, True)


def test_the_cpu_ratio_stands_beside_the_rate_and_does_not_decide() -> None:
    found = verdicts([_measured("get", WIXTURE, 600, cpu_us=100), _measured("get", BARE, 1000, cpu_us=90)])
    verdict = next(one for one in found if BARE in one.promise)
    assert not verdict.ok
    assert verdict.note == "by CPU per request 0.90"


def test_a_query_is_held_against_the_prism_that_answers_as_many_entities() -> None:
    kind = "query of 100"
    servers = [(WIXTURE, 6000), (PRISM, 3000), (PRISM_EQUAL, 1000)]
    verdict = verdicts([_measured(kind, name, rate) for name, rate in servers])[0]
    assert PRISM_EQUAL in verdict.promise
    assert verdict.measured == 6.0
    assert verdict.ok


@pytest.mark.parametrize(
    ("kind", "server", "bound"),
    [
        ("get", BARE, 0.70),
        ("create", BARE, 0.30),
        ("query of 100", BARE, 0.40),
        ("get", PRISM, 6.0),
        ("create", PRISM, 3.0),
        ("query of 100", PRISM, 6.0),
    ],
)
def test_each_kind_is_judged_by_its_promise(kind: str, server: str, bound: float) -> None:
    found = verdicts([_measured(kind, WIXTURE, 1), _measured(kind, server, 1)])
    assert [one.bound for one in found if server in one.promise] == [bound]


def test_tails_are_judged_for_every_kind_of_ours_alone_and_under_load() -> None:
    found = verdicts(
        [_measured("bulk of 100", WIXTURE, 1, p99_us=201), _measured("bulk of 100", BARE, 1, p99_us=900)]
    )
    assert [(one.measured, one.bound, one.ok) for one in found] == [(4.02, 4.0, False)] * 2
    assert {one.promise.rpartition(", ")[2] for one in found} == {"one connection", "under load"}


def test_a_peer_that_is_missing_is_not_judged() -> None:
    assert not any("multiple" in one.promise for one in verdicts([_measured("get", WIXTURE, 1)]))


def test_memory_in_the_last_quarter_is_held_against_the_second() -> None:
    def judged(*sizes: float) -> Verdict:
        return judge([(50_000 * number, size) for number, size in enumerate(sizes)])

    filling = (50.0, 90.0, 99.0)
    assert judged(*filling, 100.0, 100.0, 100.0, 100.0, 130.0, 101.0, 102.0, 102.0, 102.0).ok
    grown = judged(*filling, 100.0, 100.0, 100.0, 101.0, 102.0, 103.0, 103.0, 103.0, 104.0)
    assert (grown.measured, grown.ok) == (1.03, False)
    with pytest.raises(ValueError, match="3 samples are too few"):
        judged(1.0, 1.0, 1.0)


def test_the_slope_is_mib_in_a_hundred_thousand_requests() -> None:
    assert slope([(50_000, 100.0), (100_000, 101.0), (150_000, 102.0)]) == pytest.approx(2.0)
    assert slope([(50_000, 100.0), (100_000, 100.0)]) == 0.0
    assert slope([(50_000, 100.0)]) == 0.0
