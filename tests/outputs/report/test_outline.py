from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.outputs.report.outline import outline
from na64.outputs.result.summary_facts import CutFacts, IntervalFacts

LIMITS = (0.0, 150.0, 0.0, 150.0)


def region(**bounds: tuple[float | None, float | None]) -> CutFacts:
    intervals = tuple(IntervalFacts(name, "GeV", "", low, high) for name, (low, high) in bounds.items())
    return CutFacts("region_I", intervals)


def area(corners: np.ndarray) -> float:
    x, y = corners.T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def test_band_of_the_beam_energy() -> None:
    corners = outline(region(visible_energy=(75, 110), hcal=(1, None)), LIMITS, (0, 1))
    assert {tuple(corner) for corner in corners.round(9)} == {(0, 75), (74, 1), (109, 1), (0, 110)}


def test_windows_of_modules_add_up_over_the_modules_of_the_period() -> None:
    dimuons = region(ecal=(None, 80), hcal_0=(4, 8), hcal_1=(4, 8))
    assert area(outline(dimuons, LIMITS, (0, 1))) == pytest.approx(80 * 8)
    # Of three modules the third is free: no upper bound.
    assert area(outline(dimuons, LIMITS, (0, 1, 2))) == pytest.approx(80 * (150 - 8))


def test_a_bound_on_the_sum_of_the_modules_is_taken_as_it_is() -> None:
    assert area(outline(region(hcal_01=(8, 16)), LIMITS, (0, 1))) == pytest.approx(150 * 8)


def test_a_region_beyond_the_axes_has_no_corners() -> None:
    assert outline(region(ecal=(200, None)), LIMITS, (0, 1)).shape == (0, 2)


def test_no_bound_is_the_whole_plane() -> None:
    assert area(outline(region(), LIMITS, (0, 1))) == pytest.approx(150 * 150)


numbers = st.floats(0, 150)


@given(numbers, numbers, numbers, numbers, st.integers(0, 2**32 - 1))
def test_area_is_that_of_the_points_inside(a: float, b: float, c: float, d: float, seed: int) -> None:
    shape = region(ecal=(min(a, b), max(a, b)), visible_energy=(min(c, d), max(c, d)))
    x, y = np.random.default_rng(seed).uniform(0, 150, (2, 20_000))
    inside = (x >= min(a, b)) & (x <= max(a, b)) & (x + y >= min(c, d)) & (x + y <= max(c, d))
    corners = outline(shape, LIMITS, (0, 1))
    found = area(corners) if len(corners) else 0.0
    # Five standard deviations of the count, and a little where there are none.
    assert found / 150**2 == pytest.approx(inside.mean(), abs=5 * 0.5 / np.sqrt(20_000) + 1e-9)
