"""A core is fitted whatever its tails are, and its errors cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.outputs.control.beam.core import LEAST_EVENTS, find_core, quantile, quantile_with_errors

EDGES = np.linspace(0.0, 200.0, 4001)


def counted(values: np.ndarray) -> np.ndarray:
    return np.histogram(np.clip(values, 0.0, 199.99), EDGES)[0]


@pytest.mark.parametrize(("mean", "width"), [(100.0, 1.1), (70.0, 0.4), (100.0, 12.0), (99.98, 3.0)])
def test_the_core_of_a_gaussian_is_found(mean: float, width: float) -> None:
    values = np.random.default_rng(1).normal(mean, width, 40_000)
    core = find_core(EDGES, counted(values))
    assert core is not None
    fit = core.gaussian
    assert abs(fit.mean - mean) < 4 * fit.mean_error < 0.05 * width
    assert abs(fit.width - width) < 4 * fit.width_error < 0.05 * width
    assert fit.p_value > 1e-3


def test_errors_are_those_of_repeated_samples() -> None:
    random = np.random.default_rng(2)
    fits = [find_core(EDGES, counted(random.normal(100, 1.1, 1500))) for _ in range(120)]
    for name in ("mean", "width"):
        pulls = [
            (getattr(f.gaussian, name) - true) / getattr(f.gaussian, f"{name}_error")
            for f in fits
            if f is not None
            for true in [{"mean": 100, "width": 1.1}[name]]
        ]
        assert len(pulls) == 120
        assert 0.8 < np.std(pulls) < 1.25
        assert abs(np.mean(pulls)) < 0.4


def test_tails_do_not_move_the_core_and_are_counted() -> None:
    random = np.random.default_rng(3)
    core_part, tail = random.normal(100, 1.0, 20_000), random.uniform(10, 90, 1_000)
    core = find_core(EDGES, counted(np.concatenate([core_part, tail, np.full(30, 1e6)])))
    assert core is not None
    assert abs(core.gaussian.mean - 100) < 0.05
    assert abs(core.gaussian.width - 1.0) < 0.05
    assert core.n_events == 21_030
    assert core.n_below == pytest.approx(1_000 + 27, abs=20)
    assert core.n_above == pytest.approx(30 + 27, abs=20)


def test_too_few_events_have_no_core() -> None:
    values = np.random.default_rng(4).normal(100, 1, LEAST_EVENTS - 1)
    assert find_core(EDGES, counted(values)) is None
    assert find_core(EDGES, counted(np.full(5000, 100.02))) is None  # all in one bin: no width


@given(st.lists(st.floats(0, 199), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_a_quantile_divides_the_entries(values: list[float], share: float) -> None:
    counts = counted(np.array(values))
    found = quantile(EDGES, counts, share)
    width = EDGES[1]
    below = np.sum(np.array(values) < found - width)
    above = np.sum(np.array(values) > found + width)
    assert below <= share * len(values) + 1e-9
    assert above <= (1 - share) * len(values) + 1e-9


def test_the_error_of_a_quantile_is_that_of_repeated_samples() -> None:
    random = np.random.default_rng(5)
    found = [quantile_with_errors(EDGES, counted(random.normal(100, 5, 800)), 0.5) for _ in range(150)]
    spread = float(np.std([value for value, _, _ in found]))
    assert np.mean([(low + high) / 2 for _, low, high in found]) == pytest.approx(spread, rel=0.25)
