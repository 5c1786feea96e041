from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import dblquad

from na64.processors.kernels.shower import LOG_WEIGHT, fit_shower, integrate_profile
from na64.processors.kernels.window import ABSENT, LANES

Array = NDArray[Any]
N_X, N_Y, PITCH = 5, 6, 38.2
N_PLANE = N_X * N_Y
TEMPLATE = np.array([4.0, 22.0, 0.1, 0.3, 0.73, 0.09, 0.05, 0.03])


def _fit(in_time: Array, largest: Array, ring: int = 2, state: Array | None = None) -> Array:
    values = np.stack([largest, np.full(len(in_time), 5.0)]).astype(np.float32)
    grid, lanes = np.full((in_time.shape[1], 2 * LANES), 7.0), np.zeros(LANES, np.uint8)
    grid[:, LANES : LANES + len(in_time)] = in_time.T
    lanes[: len(in_time)] = 0 if state is None else state
    fit_shower(
        grid, lanes, np.zeros(0), N_Y, PITCH, TEMPLATE, ring, np.array([0, 1]), values, 0, len(in_time)
    )
    return np.array(values[1])


def _density(y: float, x: float, core: float, tail: float, fraction: float) -> float:
    def one(radius: float) -> float:
        return radius**2 / (math.pi * (x * x + y * y + radius**2) ** 2)

    return fraction * one(core) + (1 - fraction) * one(tail)


@pytest.mark.parametrize(("x", "y"), [(3.0, 7.0), (-19.1, 40.0), (60.0, -2.0), (0.0, 5.0)])
def test_the_closed_form_is_the_integral_of_the_profile(x: float, y: float) -> None:
    integral, _ = dblquad(_density, 0, x, 0, y, args=(5.0, 25.0, 0.7), epsabs=1e-11, epsrel=1e-11)
    assert integrate_profile(x, y, 5.0, 25.0, 0.7) == pytest.approx(integral, abs=1e-9)


def test_the_profile_holds_the_whole_shower() -> None:
    assert 4 * integrate_profile(1e9, 1e9, 5.0, 25.0, 0.7) == pytest.approx(1.0, abs=1e-7)


def _share(ix: int, iy: int, impact: tuple[float, float], whole: float) -> float:
    core, tail = TEMPLATE[0] + TEMPLATE[2] * math.log(whole), TEMPLATE[1] + TEMPLATE[3] * math.log(whole)

    def corner(x: float, y: float) -> float:
        return integrate_profile(x * PITCH - impact[0], y * PITCH - impact[1], core, tail, TEMPLATE[4])

    return corner(ix + 1, iy + 1) - corner(ix, iy + 1) - corner(ix + 1, iy) + corner(ix, iy)


def _twin(in_time: Array, largest: int, ring: int) -> float:
    lateral = in_time[:N_PLANE] + in_time[N_PLANE:]
    whole = lateral.sum()
    if largest < 0 or not whole > 0:
        return math.nan
    cells = [divmod(c, N_Y) for c in range(N_PLANE)]
    near = [(x, y) for x, y in cells if max(abs(x - largest // N_Y), abs(y - largest % N_Y)) <= ring]
    energy = np.array([lateral[x * N_Y + y] for x, y in near])
    with np.errstate(all="ignore"):
        weight = np.where(energy > 0, np.maximum(LOG_WEIGHT + np.log(energy / whole), 0), 0)
    if not weight.sum() > 0:
        return math.nan
    impact = weight @ ((np.array(near) + 0.5) * PITCH) / weight.sum()
    expected = whole * np.array([_share(x, y, (impact[0], impact[1]), whole) for x, y in near])
    variance = TEMPLATE[5] ** 2 * expected + (TEMPLATE[6] * expected) ** 2 + TEMPLATE[7] ** 2
    return float(np.mean((energy - expected) ** 2 / variance))


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, N_PLANE - 1), st.integers(1, 2), st.floats(-0.05, 2.0))
def test_chi2_is_that_of_the_plain_formula(seed: int, largest: int, ring: int, noise: float) -> None:
    generator = np.random.default_rng(seed)
    in_time = generator.normal(noise, 0.3, (1, 2 * N_PLANE))
    in_time[0, N_PLANE + largest] += generator.exponential(40.0)
    twin = _twin(in_time[0], largest, ring)
    np.testing.assert_allclose(_fit(in_time, np.array([largest]), ring)[0], twin, rtol=2e-6)


@pytest.mark.parametrize("whole", [5.0, 100.0])
@pytest.mark.parametrize("impact", [(2.5, 2.5), (2.7, 2.4), (2.1, 3.8)])
def test_a_shower_like_the_template_fits_and_a_wide_one_does_not(
    whole: float, impact: tuple[float, float]
) -> None:
    point = (impact[0] * PITCH, impact[1] * PITCH)
    shares = np.array([_share(*divmod(cell, N_Y), point, whole) for cell in range(N_PLANE)])
    in_time = np.zeros((2, 2 * N_PLANE))
    in_time[0, N_PLANE:] = whole * shares
    in_time[1, N_PLANE:] = whole / N_PLANE
    largest = int(np.argmax(shares))
    narrow, wide = _fit(in_time, np.array([largest, largest]))
    assert narrow < 1.0
    assert wide > 20.0


def test_without_energy_a_centre_or_a_detector_there_is_no_chi2() -> None:
    in_time = np.zeros((3, 2 * N_PLANE))
    in_time[1, N_PLANE], in_time[1, 0] = 1.0, -2.0
    in_time[2, N_PLANE] = 1.0
    state = np.array([0, 0, ABSENT], np.uint8)
    assert np.isnan(_fit(in_time, np.array([-1, 0, 0]), state=state)).all()
