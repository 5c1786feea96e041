"""Contours of functions whose edges are known: two edges, open ends, the tip, islands, narrow peaks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from na64.outputs.limits.searches.contour import contour, grid_of, ranges, ranges_of_power

Floats = NDArray[np.float64]

GRID = grid_of(1e-6, 1.0, per_decade=8)


def _disc(mass: float, couplings: Floats, *, centre: float = -3.0, radius: float = 1.0) -> Floats:
    """Excluded within a circle about 10 MeV and 10^centre, in decades."""
    distance = (math.log10(mass) + 2) ** 2 + (np.log10(couplings) - centre) ** 2
    return np.asarray(np.exp(radius**2 - distance), dtype=np.float64)


def _islands(mass: float, couplings: Floats) -> Floats:
    both = [_disc(mass, couplings, centre=centre, radius=0.6) for centre in (-4.5, -2.0)]
    return np.asarray(np.maximum(*both), dtype=np.float64)


@pytest.mark.parametrize("mass", [1.01e-3, 4e-3, 1e-2, 7e-2])
def test_two_edges_at_every_mass(mass: float) -> None:
    half = math.sqrt(1 - (math.log10(mass) + 2) ** 2)
    (row,) = ranges(_disc, mass, GRID)
    assert row.lower == pytest.approx(10 ** (-3 - half), rel=1e-6)
    assert row.upper == pytest.approx(10 ** (-3 + half), rel=1e-6)


def test_nothing_is_excluded_beyond_the_contour() -> None:
    assert ranges(_disc, 9e-4, GRID) == []
    assert contour(_disc, [2e-4, 5e-4], GRID) == []


def test_the_masses_where_the_contour_closes_are_found() -> None:
    rows = contour(_disc, [5e-4, 1e-2, 0.5], GRID)
    assert [round(row.mass, 5) for row in rows] == [0.001, 0.01, 0.1]
    assert rows[0].lower == pytest.approx(1e-3, rel=0.03)
    assert rows[-1].upper == pytest.approx(1e-3, rel=0.03)


def test_every_island_has_its_row() -> None:
    rows = contour(_islands, [1e-2], GRID)
    middles = [math.log10(row.lower * row.upper) / 2 for row in rows if row.lower and row.upper]
    assert middles == pytest.approx([-4.5, -2.0], abs=1e-6)


def test_a_peak_between_two_couplings_is_found() -> None:
    def narrow(mass: float, couplings: Floats) -> Floats:
        return np.asarray(1.2 * np.exp(-(((np.log10(couplings) + 3.06) / 0.05) ** 2)), dtype=np.float64)

    assert np.all(narrow(0.01, GRID) < 1)
    (row,) = ranges(narrow, 0.01, GRID)
    assert row.lower is not None
    assert row.upper is not None
    assert math.log10(row.lower) < -3.06 < math.log10(row.upper)


def test_a_gap_between_two_couplings_is_found() -> None:
    def gap(mass: float, couplings: Floats) -> Floats:
        return np.asarray(2 - 1.2 * np.exp(-(((np.log10(couplings) + 3.06) / 0.05) ** 2)), dtype=np.float64)

    assert np.all(gap(0.01, GRID) > 1)
    low, high = ranges(gap, 0.01, GRID)
    assert low.lower is None
    assert high.upper is None
    assert low.upper is not None
    assert high.lower is not None
    assert low.upper < 10**-3.06 < high.lower


def test_what_goes_on_beyond_the_scan_has_no_edge() -> None:
    (row,) = ranges(lambda mass, couplings: 1e6 * couplings**2, 0.01, GRID)
    assert row.lower == pytest.approx(1e-3, rel=1e-6)
    assert row.upper is None


def test_a_power_needs_no_scan() -> None:
    (row,) = ranges_of_power(lambda mass, couplings: 1e6 * couplings**2, 0.01)
    assert row.lower == pytest.approx(1e-3)
    assert row.upper is None
    assert ranges_of_power(lambda mass, couplings: 0 * couplings, 0.01) == []


def test_couplings_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="couplings from 1 to 0"):
        grid_of(1.0, 0.0)
