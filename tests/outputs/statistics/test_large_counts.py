"""Limits and intervals however many events there are: nothing fails, and nothing moves the wrong way."""

from __future__ import annotations

import logging
import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from na64.outputs.limits import analysis
from na64.outputs.limits.analysis import analyse
from na64.outputs.limits.exposure import LimitInput
from na64.outputs.limits.inputs import ConstantEfficiency
from na64.outputs.limits.messages import of_analysis
from na64.outputs.limits.search import PeriodChannel, Search
from na64.outputs.statistics.cls import cls, upper_limit, upper_limits
from na64.outputs.statistics.expected import expected_limits, expected_median
from na64.outputs.statistics.intervals import unified_interval
from na64.outputs.statistics.many_events import ends_of_many
from na64.outputs.statistics.model import Channel, Model, counting, merged

OBSERVED = st.sampled_from([0, 1, 3, 20, 60, 576, 3000, 20_000, 100_000])
BACKGROUND = st.sampled_from([0.0, 1e-3, 0.5, 5.0, 60.0])
LEVEL = st.sampled_from([0.5, 0.68, 0.9, 0.95, 0.99, 0.9999])


COUNTS = st.tuples(
    OBSERVED, BACKGROUND, st.sampled_from([0.0, 0.1, 1.0]), st.sampled_from([0.0, 0.1, 0.5]), LEVEL
)


def has_a_limit_at_the_level(
    observed: int, background: float, relative: float, signal_error: float, level: float
) -> None:
    model = counting(background, background * relative, signal_error=signal_error)
    limit = upper_limit(model, [observed], level=level)
    assert math.isfinite(limit)
    assert limit > 0
    assert cls(model, limit, [observed]) == pytest.approx(1 - level, rel=1e-3)
    interval = unified_interval(model, [observed], level=level)
    assert 0 <= interval.low <= interval.high < math.inf


@settings(derandomize=True, max_examples=8)  # some take a minute
@given(COUNTS)
@example((576, 0.5, 0.4, 0.1, 0.9))
@example((100_000, 60.0, 1.0, 0.1, 0.95))
@example((100_000, 0.0, 0.0, 0.0, 0.9999))
def test_these_counts_have_a_limit_at_the_level(of: tuple[int, float, float, float, float]) -> None:
    has_a_limit_at_the_level(*of)


@pytest.mark.soak
@settings(max_examples=30)
@given(COUNTS)
def test_every_count_has_a_limit_at_the_level(of: tuple[int, float, float, float, float]) -> None:
    has_a_limit_at_the_level(*of)


@pytest.mark.parametrize("observed", [100, 576, 3000, 100_000])
@pytest.mark.parametrize("background", [0.0, 60.0])
def test_without_errors_the_limit_is_that_of_helene(observed: int, background: float) -> None:
    tail = 0.1 * special.gammaincc(observed + 1, background)
    exact = special.gammainccinv(observed + 1, tail) - background
    assert upper_limit(counting(background), [observed]) == pytest.approx(exact, rel=2e-5)


@pytest.mark.parametrize("error", [0.1, 0.5])
def test_an_error_of_the_signal_is_integrated_however_many_events(error: float) -> None:
    """With very many events the limit is a quantile of the log-normal distribution."""
    found = upper_limit(counting(0.0, signal_error=error), [100_000])
    assert found == pytest.approx(100_000 * np.exp(1.2816 * error), rel=2e-3)


@pytest.mark.parametrize(
    ("observed", "background", "error"), [(25, 0.5, 0.1), (28, 20.0, 0.0), (4, 3.0, 0.2)]
)
def test_grouped_outcomes_give_the_interval_of_single_ones(
    observed: int, background: float, error: float
) -> None:
    model = counting(background, 0.3 * background, signal_error=error)
    single = unified_interval(model, [observed])
    assert ends_of_many(merged(model), observed, 0.9) == pytest.approx((single.low, single.high), abs=0.05)


def test_with_many_events_the_interval_is_the_central_one() -> None:
    found = unified_interval(counting(0.0), [100_000])
    assert found.low == pytest.approx(100_000 - 1.645 * np.sqrt(1e5), rel=3e-4)
    assert found.high == pytest.approx(100_000 + 1.645 * np.sqrt(1e5), rel=3e-4)


def test_limits_of_many_counts_are_those_of_each() -> None:
    model = counting(60.0, 20.0, signal_error=0.1)
    counts = np.array([0, 7, 33, 60, 61, 97, 151, 240])
    every = upper_limits(model, np.arange(300)[:, None])
    assert every[counts] == pytest.approx([upper_limit(model, [int(n)]) for n in counts], rel=1e-5)
    assert (np.diff(every) > 0).all()


@pytest.mark.parametrize(("background", "error"), [(0.3, 0.1), (2.2, 0.5), (60.0, 12.0)])
def test_the_median_alone_is_that_of_the_bands(background: float, error: float) -> None:
    model = counting(background, error, signal_error=0.1)
    assert expected_median(model) == pytest.approx(expected_limits(model).median, rel=1e-5)


def test_bands_of_a_large_background_surround_its_median() -> None:
    bands = expected_limits(counting(60.0, 12.0, signal_error=0.1)).bands
    assert list(bands) == sorted(set(bands))
    assert bands[2] == pytest.approx(upper_limit(counting(60.0, 12.0, signal_error=0.1), [60]), rel=0.03)


def test_channels_with_too_many_outcomes_are_counted_together() -> None:
    channels = (Channel("a", 30.0, signal_fraction=0.5), Channel("b", 0.5, signal_fraction=0.5))
    model = Model(channels, 0.1)
    together = upper_limit(merged(model), [1100])
    assert upper_limit(model, [600, 500]) == pytest.approx(together)
    many = Model(tuple(Channel(c, 12.0, signal_fraction=0.2) for c in "abcde"), 0.1)
    assert expected_limits(many).median == pytest.approx(expected_limits(merged(many)).median)


@pytest.mark.parametrize(
    ("observed", "background"),
    [
        (576, 0.5),
        (576, 0.0),
        (0, 0.0),
        *(pytest.param(*case, marks=pytest.mark.soak) for case in [(100_000, 60.0), (0, 60.0), (3, 1e-6)]),
    ],
)
def test_a_comparison_that_fails_does_not_take_the_limit_with_it(observed: int, background: float) -> None:
    errors = (("stated", 0.4 * background),) if background else ()
    search = Search((PeriodChannel("2023A", 1e11, background, errors, ConstantEfficiency(0.5), observed),))
    exposure = LimitInput(Path("x"), "a test", "s", "c", (), (), "UNBLINDED", "0" * 64)
    found = analyse(search, [exposure], [], masses=(0.01,), levels=(0.9,), assumptions=())
    ((_, point),) = found.points
    assert point.observed == pytest.approx(upper_limit(search.model(0.01), [observed]))
    for comparison in found.comparisons:
        numbers = [n for n in (comparison.observed, comparison.expected) if n is not None]
        assert all(map(math.isfinite, numbers))
        assert numbers or comparison.note.startswith("not made for this case: ")
    if (observed, background) == (576, 0.5):
        assert found.comparisons[1].observed == pytest.approx(point.observed, rel=0.05)


def test_a_method_that_raises_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> tuple[float, float]:
        raise IndexError("no bounds of the signal\nmore")

    monkeypatch.setattr(analysis, "pyhf_limit", fail)
    search = Search((PeriodChannel("2023A", 1e11, 0.5, (), ConstantEfficiency(0.5), 576),))
    found = analysis.compare(search, search.point(0.01, 0.9), 0.9)
    assert found[1].note == "not made for this case: no bounds of the signal"
    assert found[0].observed is not None


def test_a_fit_that_fails_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The optimiser's own account of a fit, a block of ten lines, is not for the terminal."""
    slsqp = optimize.OptimizeResult(success=False, message="Inequality constraints incompatible", nit=3)
    optimiser = import_module("pyhf.optimize.opt_scipy").scipy_optimizer
    monkeypatch.setattr(optimiser, "_minimize", lambda *_, **__: slsqp)
    search = Search((PeriodChannel("2023A", 1e11, 0.5, (), ConstantEfficiency(0.5), None),))
    exposure = LimitInput(Path("x"), "a test", "s", "c", (), (), "BLIND", "0" * 64)
    found = analyse(search, [exposure], [], masses=(0.01,), levels=(0.9,), assumptions=())
    lines = [line for line in of_analysis(found) if "comparison" in line]
    note = "not made for this case: Inequality constraints incompatible"
    assert lines == [f"  for comparison, large-sample formula, pyhf: {note}"]
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
    assert logging.getLogger("pyhf.optimize.mixins").isEnabledFor(logging.ERROR)
