"""The check values: limits that were computed elsewhere, to the digits they were printed with."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from scipy import integrate, optimize, special

from na64.outputs.statistics.cls import Toys, cls, helene, upper_limit, upper_limits
from na64.outputs.statistics.expected import expected_limits
from na64.outputs.statistics.intervals import unified_interval
from na64.outputs.statistics.model import Channel, Model, counting, probabilities
from na64.outputs.statistics.workspace import pyhf_limit, workspace

THREE = Model(
    (
        Channel("2016", 0.12, signal_fraction=0.15, background_effects=(("tails", 1 / 3),)),
        Channel("2017", 0.08, 0.03, 0.35, 0.05),
        Channel(
            "2018",
            0.33,
            signal_fraction=0.5,
            signal_fraction_error=0.05,
            background_effects=(("tails", 1 / 3),),
        ),
    ),
    0.1,
)


@pytest.mark.parametrize(("background", "error"), [(0.0, 0.0), (0.53, 0.0), (0.53, 0.17)])
def test_with_nothing_seen_the_limit_does_not_know_the_background(background: float, error: float) -> None:
    assert upper_limit(counting(background, error), [0]) == pytest.approx(2.3026, abs=5e-5)


@pytest.mark.parametrize(
    ("error", "limit"), [(0.05, 2.306), (0.10, 2.318), (0.15, 2.336), (0.20, 2.363), (0.30, 2.439)]
)
def test_a_signal_error_lengthens_the_limit(error: float, limit: float) -> None:
    # The source prints 2.337 at 15 %; the integral is 2.33646.
    assert upper_limit(counting(0.53, 0.17, signal_error=error), [0]) == pytest.approx(limit, abs=5e-4)


@pytest.mark.parametrize(
    ("observed", "background", "limit"),
    [(1, 0.0, 3.890), (1, 0.53, 3.491), (2, 0.0, 5.322), (2, 0.53, 4.817), (3, 0.0, 6.681), (3, 0.53, 6.154)],
)
def test_limits_with_something_seen(observed: int, background: float, limit: float) -> None:
    assert upper_limit(counting(background), [observed]) == pytest.approx(limit, abs=5e-4)
    assert helene(observed, background) == pytest.approx(limit, abs=5e-4)


def test_a_limit_at_another_level() -> None:
    assert upper_limit(counting(0.53, 0.17), [0], level=0.95) == pytest.approx(2.9957, abs=5e-5)


@pytest.mark.parametrize(("observed", "background"), [(0, 0.53), (2, 0.53), (4, 3.0)])
def test_a_flat_prior_gives_the_same(observed: int, background: float) -> None:
    def posterior(signal: float) -> float:
        return math.exp(-signal) * (signal + background) ** observed

    whole = integrate.quad(posterior, 0, 60)[0]
    limit = optimize.brentq(lambda s: integrate.quad(posterior, s, 60)[0] / whole - 0.1, 0, 50)
    assert upper_limit(counting(background), [observed]) == pytest.approx(limit, rel=1e-6)


@pytest.mark.parametrize(
    ("background", "limit"), [(0.0, 2.43), (0.5, 1.93), (0.53, 1.90), (1.0, 1.61), (3.0, 0.95)]
)
def test_unified_limits_with_nothing_seen(background: float, limit: float) -> None:
    assert unified_interval(counting(background), [0]).high == pytest.approx(limit, abs=6e-3)


@pytest.mark.parametrize(
    ("observed", "background", "low", "high"),
    [(1, 0.0, 0.11, 4.36), (3, 1.0, 0.10, 6.42), (8, 3.0, 1.51, 10.99)],
)
def test_unified_intervals_of_the_original_table(
    observed: int, background: float, low: float, high: float
) -> None:
    found = unified_interval(counting(background), [observed])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.011)


def test_limits_expected_of_the_published_background() -> None:
    expected = expected_limits(counting(0.53))
    assert expected.probability_of_none == pytest.approx(0.589, abs=5e-4)
    assert expected.bands[1:] == pytest.approx((2.30, 2.30, 3.49, 4.82), abs=5e-3)
    assert expected.mean == pytest.approx(2.95, abs=5e-3)


_LEAST_SIGNAL = 1e-9
"""Events: nothing can be seen where none at all are expected."""

_LEAST_DISTANCE = 1e-24
"""Distance in the test statistic at which a signal that changes nothing is told from none."""


def asymptotic_limit(model: Model, observed: Sequence[int], *, level: float = 0.9) -> float:
    """Upper limit with the test statistic q-tilde and its large-sample form (Cowan et al 2011).

    The errors of the model are left out, and sources that are limits have their mean.

    Parameters
    ----------
    model : Model
    observed : sequence of int
        Events in every channel.
    level : float
    """
    excess = partial(_excess, model.channels, observed, math.log(1 - level))
    high = 4.0 + 2 * sum(observed)
    while excess(high) > 0:
        high *= 2
    return float(optimize.brentq(excess, 1e-6, high))


def _excess(channels: Sequence[Channel], observed: Sequence[float], tail: float, signal: float) -> float:
    """Logarithm of CLs over that of its level."""
    asimov = [channel.expected for channel in channels]
    found = _q_tilde(channels, observed, signal)
    expected = max(_q_tilde(channels, asimov, signal), _LEAST_DISTANCE)
    shift = math.sqrt(expected)
    pull = math.sqrt(found) - shift if found <= expected else (found - expected) / (2 * shift)
    return float(special.log_ndtr(-pull - shift) - special.log_ndtr(-pull)) - tail


def _q_tilde(channels: Sequence[Channel], counts: Sequence[float], signal: float) -> float:
    best = _best(channels, counts)
    if best >= signal:
        return 0.0
    return max(2 * (_distance(channels, counts, signal) - _distance(channels, counts, best)), 0.0)


def _best(channels: Sequence[Channel], counts: Sequence[float]) -> float:
    """Signal from 0 on with the largest likelihood."""
    slope = partial(_slope, channels, counts)
    if slope(_LEAST_SIGNAL) >= 0:
        return 0.0
    return float(optimize.brentq(slope, _LEAST_SIGNAL, sum(counts) + 1.0))


def _distance(channels: Sequence[Channel], counts: Sequence[float], signal: float) -> float:
    """Minus the logarithm of the likelihood, without its constant."""
    means = (signal * channel.signal_fraction + channel.expected for channel in channels)
    return math.fsum(mean - special.xlogy(n, mean) for n, mean in zip(counts, means, strict=True))


def _slope(channels: Sequence[Channel], counts: Sequence[float], signal: float) -> float:
    """Differentiate `_distance`."""
    terms = []
    for channel, n in zip(channels, counts, strict=True):
        mean = signal * channel.signal_fraction + channel.expected
        terms.append(channel.signal_fraction - (channel.signal_fraction * n / mean if n else 0.0))
    return math.fsum(terms)


@pytest.mark.parametrize(
    ("background", "limit"), [(0.01, 1.37), (0.05, 1.42), (0.12, 1.47), (0.53, 1.65), (1, 1.75), (3, 1.95)]
)
def test_the_large_sample_formula_is_too_strong(background: float, limit: float) -> None:
    assert asymptotic_limit(counting(background), [0]) == pytest.approx(limit, abs=5e-3)


def test_pyhf_agrees_with_the_large_sample_formula() -> None:
    archived = workspace(counting(0.53, 0.17, signal_error=0.1), [0])
    found, median = pyhf_limit(archived)
    assert found == pytest.approx(1.6540, abs=5e-4)
    assert median == pytest.approx(2.23, abs=5e-3)
    known = Model((Channel("a", 0.43, signal_fraction=0.6), Channel("b", 0.1, signal_fraction=0.4)))
    assert pyhf_limit(workspace(known, [0, 2]))[0] == pytest.approx(asymptotic_limit(known, [0, 2]), rel=1e-4)


def test_pyhf_by_a_scan_has_the_printed_digits() -> None:
    """The source prints 1.659: pyhf's own scan at steps of 0.2 events, in which it interpolates linearly.

    CLs bends between 1.6 and 1.8 events, so that the straight line crosses 0.1 beyond the root, 1.654.
    """
    import pyhf  # noqa: PLC0415 (a second to import)
    from pyhf.infer.intervals.upper_limits import linear_grid_scan  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "jsonschema.RefResolver is deprecated", DeprecationWarning)
        opened = pyhf.Workspace(workspace(counting(0.53, 0.17, signal_error=0.1), [0]))
        model = opened.model()
    steps = np.linspace(0.0, 10.0, 51)[5:16]  # of the 51, those about the limits
    found, medians = linear_grid_scan(opened.data(model), model, steps, level=0.1)
    assert float(found) == pytest.approx(1.659, abs=5e-4)
    assert float(medians[2]) == pytest.approx(2.23, abs=5e-3)


def test_pyhf_takes_the_level_that_is_asked_for() -> None:
    limits = [pyhf_limit(workspace(counting(3.0), [3]), level=level)[0] for level in (0.9, 0.95)]
    expected = [asymptotic_limit(counting(3.0), [3], level=level) for level in (0.9, 0.95)]
    assert limits == pytest.approx(expected, rel=1e-4)


def test_with_nothing_seen_neither_bins_nor_their_backgrounds_matter() -> None:
    assert cls(THREE, 2.30, [0, 0, 0]) == pytest.approx(0.102, abs=5e-4)
    alone = Model((Channel("all", 0.53, 0.17),), 0.1)
    without = Model(
        tuple(Channel(c.name, 0.0, signal_fraction=c.signal_fraction) for c in THREE.channels), 0.1
    )
    assert upper_limit(without, [0, 0, 0]) == pytest.approx(upper_limit(alone, [0]), abs=1e-6)


def test_toys_agree_with_sums() -> None:
    toys = Toys(50_000)
    assert cls(THREE, 2.30, [0, 0, 0], toys=toys) == pytest.approx(0.102, abs=5e-3)
    for observed in ([1, 0, 0], [0, 1, 1]):
        exact = upper_limit(THREE, observed)
        assert upper_limit(THREE, observed, toys=toys) == pytest.approx(exact, rel=0.02)


def test_toys_with_the_same_seed_are_the_same() -> None:
    limits = [upper_limit(THREE, [0, 1, 0], toys=Toys(2_000, seed)) for seed in (1, 1, 2)]
    assert limits[0] == limits[1] != limits[2]


@pytest.mark.parametrize(
    "model",
    [
        counting(0.0),
        counting(0.53, 0.17, signal_error=0.1),
        counting(1.0, 1.0, signal_error=0.3),
        Model((Channel("a", 0.4, 0.16, 0.6, 0.05), Channel("b", 0.13, 0.04, 0.4, 0.05)), 0.1),
        THREE,
    ],
)
def test_limits_of_many_outcomes_are_those_of_each(model: Model) -> None:
    counts = itertools.product(*(range(5 if len(model.channels) > 1 else 12) for _ in model.channels))
    outcomes = np.array(list(counts), np.int64)[::3]
    each = [upper_limit(model, outcome) for outcome in outcomes]
    assert upper_limits(model, outcomes) == pytest.approx(each, rel=1e-7)
    assert upper_limits(model, outcomes[:1]) == pytest.approx(each[:1], rel=1e-7)


def test_bins_of_equal_purity_are_one_bin() -> None:
    halves = Model((Channel("a", 0.265, signal_fraction=0.5), Channel("b", 0.265, signal_fraction=0.5)))
    for observed in ([2, 0], [1, 1], [0, 2]):
        assert upper_limit(halves, observed) == pytest.approx(upper_limit(counting(0.53), [2]), rel=1e-6)


def test_an_event_in_a_purer_bin_weakens_the_limit_more() -> None:
    model = Model((Channel("pure", 0.02, signal_fraction=0.5), Channel("dirty", 0.5, signal_fraction=0.5)))
    assert upper_limit(model, [0, 1]) < upper_limit(model, [1, 0])


def test_limits_expected_by_toys_and_by_sums_agree() -> None:
    model = Model((Channel("a", 0.4, signal_fraction=0.6), Channel("b", 0.13, signal_fraction=0.4)))
    summed = expected_limits(model)
    toy_counts = expected_limits(model, toys=Toys(4_000))
    assert toy_counts.median == pytest.approx(summed.median, rel=0.05)
    assert toy_counts.mean == pytest.approx(summed.mean, rel=0.05)


def test_errors_in_common_are_not_errors_apart() -> None:
    def tail(*names: str) -> float:
        channels = tuple(
            Channel(f"channel {i}", 2.0, signal_fraction=0.5, background_effects=((name, 0.5),))
            for i, name in enumerate(names)
        )
        outcomes = np.array([[a, b] for a in range(2) for b in range(2)], np.int64)
        return float(probabilities(Model(channels), 0.0, outcomes).sum())

    assert tail("tails", "tails") > 1.1 * tail("one", "other")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Channel("a", -0.1), "a: background is -0.1"),
        (lambda: Channel("a", 0.0, 0.2), "a: a background of 0 has no error of 0.2"),
        (lambda: Channel("a", 1.0, signal_fraction=0.0), "a: no signal is expected"),
        (lambda: Model(()), "no channel"),
        (lambda: Model((Channel("a", 1.0, signal_fraction=0.5),)), "add up to 0.5"),
        (lambda: Model((Channel("a", 1.0),), -0.1), "signal error -0.1"),
        (lambda: upper_limit(counting(1.0), [1, 2]), "expected a count for each of 1 channels"),
        (lambda: upper_limit(counting(1.0), [-1]), "expected a count"),
        (lambda: upper_limit(counting(1.0), [1], level=90), "confidence level 90"),
        (lambda: upper_limit(counting(900.0), [0]), "0.* observed where 900 are expected: no limit"),
        (lambda: upper_limit(counting(20.0), [0], toys=Toys(100)), "observed where 20 are expected"),
    ],
)
def test_what_makes_no_sense_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
