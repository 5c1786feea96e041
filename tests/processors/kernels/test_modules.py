from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from na64.datasets.instrument.features import made_of
from na64.datasets.instrument.roles import MODULES
from na64.processors.kernels.modules import N_FEATURES, WORK, sum_modules
from na64.processors.kernels.window import ABSENT, LANES, NONFINITE, USABLE
from na64.tests.processors.kernels.lanes import side_by_side, states

Array = NDArray[Any]
CENTRE, N_MODULE = 4, 9
FEATURES = made_of(MODULES)


def _run(
    out: Array,
    in_time: Array,
    *,
    chosen: tuple[int, ...] = (0, 1, 2),
    subtracted: tuple[int, ...] = (0, 1),
    peripheral_only: bool = False,
    state: Array | None = None,
) -> tuple[dict[str, Array], Array]:
    n_events = len(out)
    values = np.full((N_FEATURES + 1, n_events), 5.0, np.float32)
    visible = np.full(n_events, 0.5)
    rows = np.arange(1, len(FEATURES) + 1)[::-1].copy()
    work = np.full(WORK + 3 * LANES * max(out.shape[1] // N_MODULE - 4, 0), 7.0)
    cells = (side_by_side(out, in_time), states(state, n_events), work)
    modules = (np.array(chosen, np.int64), np.array(subtracted, np.int64))
    limits = (0.5, peripheral_only, 2.0, 1.5, 1.3)
    sum_modules(*cells, N_MODULE, CENTRE, *modules, *limits, rows, values, visible, 0, n_events)
    assert (values[0] == 5.0).all()
    return {name: values[row] for name, row in zip(FEATURES, rows, strict=True)}, visible


def _modules(cells: Array) -> Array:
    by_module = cells.reshape(len(cells), cells.shape[1] // N_MODULE, N_MODULE)
    start = np.zeros((*by_module.shape[:2], 1))
    sums = np.cumsum(np.concatenate([start, by_module], axis=2), axis=2)[:, :, -1]
    return np.pad(sums, ((0, 0), (0, max(4 - sums.shape[1], 0))), constant_values=np.nan)


def _add(modules: Array, chosen: tuple[int, ...]) -> Array:
    return sum((modules[:, module] for module in chosen), np.zeros(len(modules)))


def _twin(out: Array, in_time: Array, chosen: tuple[int, ...], peripheral_only: bool) -> dict[str, Array]:
    prompt = _modules(in_time)
    late = _modules(out) + prompt
    middle = in_time[:, CENTRE::N_MODULE]
    middle = np.pad(middle, ((0, 0), (0, max(4 - middle.shape[1], 0))), constant_values=np.nan)
    axis, axis_total = _add(prompt, (0, 1, 2)), _add(late, (0, 1, 2))
    counted = [cell for cell in range(N_MODULE) if cell != CENTRE or not peripheral_only]
    struck = (in_time[:, counted] > 0.5).sum(axis=1) >= 1
    through = (middle[:, 0] > 1.5) & (middle[:, 1] > 1.5) & (prompt[:, 2] > 1.3)
    with np.errstate(all="ignore"):
        outside = np.where(axis > 0, (axis - _add(middle, (0, 1, 2))) / axis, np.nan)
    return {
        "hcal": _add(prompt, chosen),
        "hcal_total": _add(late, chosen),
        **{f"hcal_{module}": prompt[:, module] for module in range(4)},
        "hcal_3_total": late[:, 3],
        "hcal_01": _add(prompt, (0, 1)),
        "hcal_012": axis,
        "hcal_012_total": axis_total,
        "hcal_out_of_time": axis_total - _add(prompt, (0, 1)),
        **{f"hcal_{module}_centre": middle[:, module] for module in range(3)},
        "hcal_r": outside,
        "hcal_topology_bad": struck & ~(prompt[:, 0] < 2 * middle[:, 0]),
        "hcal_muon": (prompt[:, 2] > 2.0) | through,
    }


@st.composite
def cells(draw: st.DrawFn) -> tuple[Array, Array]:
    seed, n_events = draw(st.integers(0, 2**32 - 1)), draw(st.integers(0, 3))
    palette = draw(
        st.lists(st.one_of(st.floats(-0.5, 4), st.sampled_from([0.0, -0.0, 0.5])), min_size=1, max_size=8)
    )
    generator = np.random.default_rng(seed)
    energy = generator.choice(palette, (n_events, draw(st.integers(2, 6)) * N_MODULE))
    is_in_time = generator.random(energy.shape) < draw(st.floats(0, 1))
    return np.where(is_in_time, 0.0, energy), np.where(is_in_time, energy, 0.0)


@given(cells(), st.permutations(range(6)), st.integers(0, 6), st.booleans())
def test_features_are_those_of_the_plain_sums(
    energies: tuple[Array, Array], order: list[int], n_chosen: int, peripheral_only: bool
) -> None:
    n_modules = energies[0].shape[1] // N_MODULE
    chosen = tuple(module for module in order if module < n_modules)[:n_chosen]
    made, visible = _run(*energies, chosen=chosen, peripheral_only=peripheral_only)
    twin = _twin(*energies, chosen, peripheral_only)
    for name, expected in twin.items():
        np.testing.assert_array_equal(
            made[name], np.asarray(expected, np.float64).astype(np.float32), err_msg=name
        )
    np.testing.assert_array_equal(visible, 0.5 + twin["hcal_012"])


def _event(**energy: float) -> Array:
    in_time = np.zeros((1, 36))
    for key, value in energy.items():
        in_time[0, int(key[1:])] = value
    return in_time


@pytest.mark.parametrize(
    ("cells_", "peripheral_only", "bad"),
    [
        ({}, False, 0),
        ({"c4": 0.6}, False, 0),
        ({"c4": 0.6, "c0": 0.6}, False, 1),
        ({"c4": 0.6, "c0": 0.59}, False, 0),
        ({"c0": 0.5}, False, 0),
        ({"c0": 0.51}, False, 1),
        ({"c4": 0.6, "c0": 0.4, "c1": 0.4}, False, 1),
        ({"c4": 0.6, "c0": 0.4, "c1": 0.4}, True, 0),
        ({"c4": 0.4, "c0": 0.6}, True, 1),
        ({"c13": 9.0, "c9": 9.0}, False, 0),
    ],
)
def test_topology(cells_: dict[str, float], peripheral_only: bool, bad: int) -> None:
    in_time = _event(**cells_)
    assert _run(in_time, in_time, peripheral_only=peripheral_only)[0]["hcal_topology_bad"] == bad


@pytest.mark.parametrize(
    ("cells_", "muon"),
    [
        ({"c18": 2.0}, 0),
        ({"c18": 2.01}, 1),
        ({"c4": 1.6, "c13": 1.6, "c18": 1.31}, 1),
        ({"c4": 1.6, "c13": 1.6, "c18": 1.3}, 0),
        ({"c4": 1.5, "c13": 1.6, "c18": 1.31}, 0),
        ({"c4": 1.6, "c13": 1.5, "c18": 1.31}, 0),
        ({"c5": 1.6, "c13": 1.6, "c18": 1.31}, 0),
    ],
)
def test_muon(cells_: dict[str, float], muon: int) -> None:
    in_time = _event(**cells_)
    assert _run(in_time, in_time)[0]["hcal_muon"] == muon


def test_in_time_energy_of_a_module_that_is_not_subtracted_counts_as_out_of_time() -> None:
    in_time = _event(c0=1.0, c9=2.0, c18=4.0, c27=8.0)
    out = _event(c0=16.0)
    assert _run(out, in_time)[0]["hcal_out_of_time"] == 20.0
    assert _run(out, in_time, subtracted=(0, 1, 2))[0]["hcal_out_of_time"] == 16.0


def test_r_is_the_fraction_outside_the_centre_cells() -> None:
    in_time = _event(c4=3.0, c13=2.0, c22=1.0, c0=2.0, c27=50.0)
    assert _run(in_time, in_time)[0]["hcal_r"] == 0.25
    assert np.isnan(_run(_event(), _event())[0]["hcal_r"])


@pytest.mark.parametrize("state", [ABSENT, NONFINITE])
def test_an_unusable_detector_has_no_features(state: int) -> None:
    ones = np.ones((2, 36))
    made, visible = _run(ones, ones, state=np.array([state, USABLE], np.uint8))
    assert all(np.isnan(row[0]) and np.isfinite(row[1]) for row in made.values())
    assert np.isnan(visible[0])
    assert np.isfinite(visible[1])
