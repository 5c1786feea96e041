from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.datasets.instrument.features import made_of
from na64.datasets.instrument.roles import CALORIMETER
from na64.processors.kernels.calorimeter import N_FEATURES, WORK, sum_calorimeter
from na64.processors.kernels.window import ABSENT, NONFINITE, USABLE
from na64.tests.processors.kernels.lanes import side_by_side, states

Array = NDArray[Any]
FEATURES = made_of(CALORIMETER)[:N_FEATURES]
N_X, N_Y, PITCH = 5, 6, 38.0
N_PLANE = N_X * N_Y
X = np.repeat((np.arange(N_X) - 2.0) * PITCH, N_Y)
Y = np.tile((np.arange(N_Y) - 2.5) * PITCH, N_X)
BEAM = (2, 2)
BEAM_CELL = BEAM[0] * N_Y + BEAM[1]


def _near(reach: int) -> Array:
    ix, iy = np.divmod(np.arange(N_PLANE), N_Y)
    return np.flatnonzero((abs(ix - BEAM[0]) <= reach) & (abs(iy - BEAM[1]) <= reach))


def _run(out: Array, in_time: Array, state: Array | None = None) -> tuple[dict[str, Array], Array]:
    n_events = len(out)
    values = np.full((len(FEATURES) + 1, n_events), 5.0, np.float32)
    visible = np.full(n_events, 0.5)
    rows = np.arange(1, len(FEATURES) + 1)[::-1].copy()
    cells = (side_by_side(out, in_time), states(state, n_events), np.full(WORK, 7.0))
    sum_calorimeter(*cells, X, Y, _near(1), _near(2), BEAM_CELL, rows, values, visible, 0, n_events)
    assert (values[0] == 5.0).all()
    return {name: values[row] for name, row in zip(FEATURES, rows, strict=True)}, visible


def _add(cells: Array) -> Array:
    return np.cumsum(np.concatenate([np.zeros((len(cells), 1)), cells], axis=1), axis=1)[:, -1]


def _planes(cells: Array, chosen: Array) -> Array:
    return _add(cells[:, chosen]) + _add(cells[:, N_PLANE + chosen])


def _twin(out: Array, in_time: Array) -> dict[str, Array]:
    every = np.arange(N_PLANE)
    ecal, inner = _planes(in_time, every), _planes(in_time, _near(1))
    preshower_total = _add(out[:, :N_PLANE]) + _add(in_time[:, :N_PLANE])
    ecal_total = preshower_total + (_add(out[:, N_PLANE:]) + _add(in_time[:, N_PLANE:]))
    main, lateral = in_time[:, N_PLANE:], in_time[:, :N_PLANE] + in_time[:, N_PLANE:]
    largest = np.where((main > 0).any(axis=1), np.argmax(main, axis=1), -1)
    with np.errstate(all="ignore"):
        mean_x, mean_y, xx, yy = (
            np.where(ecal > 0, _add(lateral * weight) / ecal, np.nan) for weight in (X, Y, X * X, Y * Y)
        )
        return {
            "ecal": ecal,
            "ecal_total": ecal_total,
            "ecal_out_of_time": ecal_total - ecal,
            "preshower": _add(in_time[:, :N_PLANE]),
            "preshower_total": preshower_total,
            "ecal_max_cell": largest,
            "ecal_max_in_beam_cell": largest == BEAM_CELL,
            "ecal_3x3": inner,
            "ecal_5x5": _planes(in_time, _near(2)),
            "ecal_ratio": np.where(ecal > 0, (ecal - inner) / ecal, np.inf),
            "ecal_x": mean_x,
            "ecal_y": mean_y,
            "ecal_width_x": np.sqrt(np.maximum(xx - mean_x * mean_x, 0)),
            "ecal_width_y": np.sqrt(np.maximum(yy - mean_y * mean_y, 0)),
        }


@st.composite
def cells(draw: st.DrawFn) -> tuple[Array, Array]:
    """Few distinct energies, so that cells tie and sums vanish; negative ones and -0.0 too."""
    seed, n_events = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 3))
    palette = draw(
        st.lists(st.one_of(st.floats(-2, 90), st.sampled_from([0.0, -0.0, -1.0])), min_size=1, max_size=8)
    )
    generator = np.random.default_rng(seed)
    energy = generator.choice(palette, (n_events, 2 * N_PLANE))
    is_in_time = generator.random(energy.shape) < draw(st.floats(0, 1))
    return np.where(is_in_time, 0.0, energy), np.where(is_in_time, energy, 0.0)


@given(cells())
def test_features_are_those_of_the_plain_sums(energies: tuple[Array, Array]) -> None:
    made, visible = _run(*energies)
    for name, twin in _twin(*energies).items():
        np.testing.assert_array_equal(
            made[name], np.asarray(twin, np.float64).astype(np.float32), err_msg=name
        )
    np.testing.assert_array_equal(visible, 0.5 + _twin(*energies)["ecal"])


def _shower(**energy: float) -> dict[str, Array]:
    in_time = np.zeros((1, 2 * N_PLANE))
    for key, value in energy.items():
        in_time[0, int(key[1:])] = value
    return _run(in_time, in_time)[0]


def test_both_planes_enter_the_ratio_and_only_the_main_plane_the_largest_cell() -> None:
    made = _shower(c14=1.0, c44=8.0, c0=90.0, c30=1.0)
    assert made["ecal"] == 100.0
    assert made["preshower"] == 91.0
    assert made["ecal_3x3"] == 9.0
    assert made["ecal_ratio"] == np.float32(0.91)
    assert made["ecal_max_cell"] == 14
    assert made["ecal_max_in_beam_cell"] == 1


def test_of_equal_cells_the_first_is_the_largest() -> None:
    made = _shower(c44=8.0, c45=8.0)
    assert made["ecal_max_cell"] == 14
    assert made["ecal_max_in_beam_cell"] == 1
    made = _shower(c43=8.0, c44=8.0)
    assert made["ecal_max_cell"] == 13
    assert made["ecal_max_in_beam_cell"] == 0


def test_without_energy_there_is_no_centre_and_an_infinite_ratio() -> None:
    for made in (_shower(), _shower(c44=-1.0), _shower(c44=-0.0)):
        assert made["ecal_max_cell"] == -1
        assert made["ecal_max_in_beam_cell"] == 0
        assert made["ecal_ratio"] == np.inf
        assert np.isnan(made["ecal_x"])
        assert np.isnan(made["ecal_width_y"])


def test_two_equal_cells_side_by_side() -> None:
    made = _shower(c44=5.0, c45=5.0)
    names = ("ecal_x", "ecal_y", "ecal_width_x", "ecal_width_y")
    assert [float(made[name][0]) for name in names] == [0.0, 0.0, 0.0, PITCH / 2]


@pytest.mark.parametrize("state", [ABSENT, NONFINITE])
def test_an_unusable_detector_has_no_features(state: int) -> None:
    ones = np.ones((2, 2 * N_PLANE))
    made, visible = _run(ones, ones, np.array([state, USABLE], np.uint8))
    assert all(np.isnan(row[0]) and np.isfinite(row[1]) for row in made.values())
    assert np.isnan(visible[0])
    assert np.isfinite(visible[1])
