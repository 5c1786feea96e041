"""The shower parametrisation against quadrature and against Geant4."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import dblquad

from na64.datasets.synthetic.electromagnetic import Grid, corner_integrals, fluctuate, mean_cells
from na64.datasets.synthetic.library import Floats, read_arrays

GRID = Grid(6, 6, (3, 3))


def showers(energy: float, n: int, stochastic: float) -> Floats:
    rng = np.random.default_rng(20)
    x, y = rng.uniform(-19.1, 19.1, (2, n))
    return fluctuate(mean_cells(np.full(n, energy), x, y, GRID, rng), stochastic, rng)


@pytest.mark.parametrize(
    "cell", [(-5.0, 5.0, -5.0, 5.0), (10.0, 48.0, -19.0, 19.0), (30.0, 68.0, 30.0, 68.0)]
)
@pytest.mark.parametrize("radius", [2.0, 30.0])
def test_a_cell_holds_the_integral_of_the_radial_profile(
    cell: tuple[float, float, float, float], radius: float
) -> None:
    x0, x1, y0, y1 = cell
    expected, _ = dblquad(lambda y, x: radius**2 / np.pi / (x * x + y * y + radius**2) ** 2, x0, x1, y0, y1)
    corners = corner_integrals(np.array([[x0, x1]]), np.array([[y0, y1]]), np.array([radius]))
    assert np.diff(np.diff(corners[0], axis=0), axis=1)[0, 0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("name", "energy"), [("em_10GeV", 10.0), ("em_50GeV", 50.0), ("em_100GeV", 100.0)])
def test_showers_look_like_those_of_geant4(name: str, energy: float) -> None:
    library = read_arrays(name)["ecal_GeV"].astype(np.float64)
    made = showers(energy, 8_000, 0.08)
    for cells, reference in ((made, library),):
        share, expected = _shares(cells), _shares(reference)
        error = expected.std(axis=1) / np.sqrt(len(reference))
        assert share.mean(axis=1) == pytest.approx(expected.mean(axis=1), abs=0.006 + 3 * error.max())
    assert _sum(made).mean() == pytest.approx(energy, rel=0.01)


def test_the_preshower_is_that_of_geant4() -> None:
    """Share of the energy, and how much of it is in the 3x3 cells and in the central one."""
    library = read_arrays("em_100GeV")["ecal_GeV"].astype(np.float64)
    made = showers(100.0, 20_000, 0.08)
    (share, central, near), expected = (_preshower(cells).mean(axis=1) for cells in (made, library))
    assert share == pytest.approx(expected[0], rel=0.02)
    assert central == pytest.approx(expected[1], abs=0.006)
    assert near == pytest.approx(expected[2], abs=0.003)
    assert expected == pytest.approx([0.0559, 0.835, 0.978], abs=0.0005)
    widths = [_preshower(cells)[0].std() for cells in (made, library)]
    assert widths[0] == pytest.approx(widths[1], rel=0.06)


def _preshower(cells: Floats) -> Floats:
    """Share of the energy in the preshower; of that the shares of central and 3x3 cells: (3, n)."""
    plane = cells[:, 0]
    total = plane.sum(axis=(1, 2))
    return np.stack(
        [total / _sum(cells), plane[:, 3, 3] / total, plane[:, 2:5, 2:5].sum(axis=(1, 2)) / total]
    )


def _sum(cells: Floats) -> Floats:
    total: Floats = cells.sum(axis=(1, 2, 3))
    return total


def _shares(cells: Floats) -> Floats:
    """Preshower, central cell, 3x3 cells: (3, n)."""
    near = cells[:, :, 2:5, 2:5].sum(axis=(1, 2, 3))
    return np.stack([cells[:, 0].sum(axis=(1, 2)), cells[:, :, 3, 3].sum(axis=1), near]) / _sum(cells)


@pytest.mark.parametrize("energy", [20.0, 100.0])
def test_the_resolution_is_nine_percent(energy: float) -> None:
    total = _sum(showers(energy, 20_000, 0.09))
    core = np.diff(np.percentile(total, [16, 84]))[0] / 2
    assert core / np.sqrt(energy) == pytest.approx(0.09, abs=0.004)


def test_nothing_is_made_of_nothing() -> None:
    cells = mean_cells(np.zeros(3), np.zeros(3), np.zeros(3), GRID, np.random.default_rng(1))
    assert (cells == 0).all()


def test_the_shower_follows_the_impact_point() -> None:
    rng = np.random.default_rng(2)
    at_edge = (
        mean_cells(np.full(500, 100.0), np.full(500, 19.1), np.zeros(500), GRID, rng).mean(axis=0).sum(axis=0)
    )
    assert at_edge[3, 3] == pytest.approx(at_edge[4, 3], rel=1e-9)
    assert at_edge[4, 3] > 5 * at_edge[2, 3]
