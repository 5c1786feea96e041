"""What limits are compared with: published curves, freeze-out, anomalous moments, resonant annihilation."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate
from scipy.special import kve

from na64.outputs.signal.annihilation import Matter, Resonance, cross_section, resonant_yield
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.curves import CURVES, Curve, ParameterPlane, load_curve, load_curves
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS, MUON_MASS, PICOBARN
from na64.outputs.signal.moments import (
    ELECTRON_BERKELEY,
    ELECTRON_LKB,
    MUON_2021,
    Deviation,
    band,
    one_loop,
)
from na64.outputs.signal.quadrature import composite
from na64.outputs.signal.relic import (
    DarkMatter,
    Species,
    annihilation_cross_section,
    relic_density,
    thermal_average,
    thermal_target,
    to_y,
)
from na64.outputs.signal.yields import yield_per_eot


def test_every_curve_is_short_and_cites_its_paper() -> None:
    assert len(CURVES) == 8
    for name in CURVES:
        curve = load_curve(name)
        assert len(curve.mass) == 20
        assert "arXiv:" in curve.paper or "[R-" in curve.paper
        assert curve.source
    assert len(load_curves(ParameterPlane.MIXING)) == 5
    assert {curve.name for curve in load_curves(ParameterPlane.RELIC)} == {
        "thermal_scalar",
        "thermal_majorana",
        "thermal_pseudo_dirac",
    }


@pytest.mark.parametrize(
    ("name", "mass", "value"),
    [
        ("na64_2016", 0.01, 2.824e-4),
        ("na64_2016_full", 0.001, 1.750e-5),
        ("na64_2018", 0.001, 7.544e-6),
        ("na64_2018", 0.01, 3.80e-5 / 1.15),
        ("na64_2018", 0.1, 3.35e-4 / 0.97),
        ("na64_2022", 0.01, 2.20e-5),
        ("babar_2017", 0.01, 9.476e-4),
    ],
)
def test_curves_pass_where_they_were_published(name: str, mass: float, value: float) -> None:
    assert load_curve(name).at(mass) == pytest.approx(value, rel=0.015)


def test_curves_end_where_they_end() -> None:
    assert np.isnan(load_curve("na64_2016").at([0.0005, 0.5])).all()


def test_an_unknown_curve_is_refused() -> None:
    with pytest.raises(KeyError, match="no published curve na64_2030"):
        load_curve("na64_2030")


def test_a_curve_that_turns_back_is_refused() -> None:
    with pytest.raises(ValueError, match="the masses do not rise"):
        Curve("a", "", "", "", "", ParameterPlane.MIXING, np.array([2.0, 1.0]), np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="values are missing"):
        Curve("a", "", "", "", "", ParameterPlane.MIXING, np.array([1.0, 2.0]), np.array([1.0, 0.0]))


RELIC = [
    (0.002, (5.65e-13, 2.82e-13, 2.71e-14), (4.77e-13, 2.25e-13, 2.13e-14)),
    (0.01, (1.37e-11, 6.85e-12, 5.71e-13), (1.15e-11, 5.51e-12, 4.90e-13)),
    (0.03, (1.45e-10, 7.26e-11, 5.37e-12), (1.29e-10, 6.23e-11, 4.69e-12)),
    (0.06, (6.41e-10, 3.21e-10, 2.24e-11), (5.99e-10, 2.95e-10, 2.20e-11)),
]
"""m_chi (GeV); y of an independent script; y of the digitised tables: scalar, Majorana, pseudo-Dirac."""


@pytest.mark.parametrize(("mass", "independent", "published"), RELIC)
def test_freeze_out_gives_the_thermal_targets(
    mass: float, independent: tuple[float, ...], published: tuple[float, ...]
) -> None:
    found = [thermal_target(DarkMatter(species, mass)) for species in Species]
    assert found == pytest.approx(independent, rel=0.055, abs=0)
    assert found == pytest.approx(published, rel=0.25, abs=0)
    names = ("thermal_scalar", "thermal_majorana", "thermal_pseudo_dirac")
    assert found == pytest.approx([float(load_curve(name).at(mass)) for name in names], rel=0.3, abs=0)


@pytest.mark.parametrize("species", Species)
@pytest.mark.parametrize("x", [9.0, 14.3, 16.0, 25.0])
def test_the_average_goes_over_the_pole_of_the_dark_photon(species: Species, x: float) -> None:
    """Gondolo and Gelmini's integral over s as it stands; without a width it has no value."""
    matter, m = DarkMatter(species, 0.01), 0.01

    def integrand(s: float) -> float:
        flux = float(annihilation_cross_section(matter, np.array([s]))[0]) * (s - 4 * m**2)
        return (
            flux * math.sqrt(s) * float(kve(1, math.sqrt(s) * x / m)) * math.exp(2 * x - math.sqrt(s) * x / m)
        )

    ends = [4.0, 5.0, 7.0, 8.5, 8.9, 9.0, 9.1, 9.5, 11.0, 20.0, 60.0]
    parts = (integrate.quad(integrand, a * m**2, b * m**2, epsrel=1e-9)[0] for a, b in pairwise(ends))
    expected = sum(parts) * x / (8 * m**5 * float(kve(2, x)) ** 2)
    assert thermal_average(matter, np.array([x]))[0] == pytest.approx(expected, rel=2e-3)


def test_slow_dark_matter_annihilates_as_in_closed_form() -> None:
    """P-wave 6 a / x with a v^2 = sigma v, s-wave a constant; relativistic corrections of order 1 / x."""
    m, x = 0.05, np.array([2000.0])
    propagator = (4 * m**2 - 9 * m**2) ** 2
    p_wave = 8 * math.pi / 3 * ALPHA * 0.1 * m**2 / propagator
    s_wave = 16 * math.pi * ALPHA * 0.1 * m**2 / propagator
    assert thermal_average(DarkMatter(Species.SCALAR, m), x) == pytest.approx(6 * p_wave / x, rel=5e-3)
    assert thermal_average(DarkMatter(Species.PSEUDO_DIRAC, m), x) == pytest.approx(s_wave, rel=5e-3)


def test_the_dirac_cross_section_is_that_of_muon_pairs_backwards() -> None:
    """sigma(ee -> mu mu) = 4 pi alpha^2 / 3 s beta (3 - beta^2) / 2, far above a light propagator."""
    m, s = 0.01, np.array([100.0])
    found = annihilation_cross_section(DarkMatter(Species.PSEUDO_DIRAC, m, alpha_d=ALPHA), s)
    assert found == pytest.approx(
        2 * 4 * math.pi * ALPHA**2 / (3 * s), rel=1e-4
    )  # muons as well as electrons


@pytest.mark.parametrize(("species", "y"), [(Species.SCALAR, 1.635e-9), (Species.PSEUDO_DIRAC, 5.91e-11)])
def test_near_the_muon_threshold_muons_count(species: Species, y: float) -> None:
    """Independent values; with electrons only 1.76e-9 and 6.0e-11 would come out."""
    assert thermal_target(DarkMatter(species, 0.1)) == pytest.approx(y, rel=0.02)


def test_fast_pairs_make_muons_that_pairs_at_rest_could_not() -> None:
    matter = DarkMatter(Species.SCALAR, 0.1)
    below, above = (2 * MUON_MASS) ** 2 * 0.999, (2 * MUON_MASS) ** 2 * 1.2
    found = annihilation_cross_section(matter, np.array([below, above]))
    beta = np.sqrt(1 - 4 * matter.mass**2 / np.array([below, above]))
    propagator = (np.array([below, above]) - 0.09) ** 2 + (0.3 * matter.width) ** 2
    electrons = 4 * math.pi * ALPHA * 0.1 / 3 * np.array([below, above]) * beta / propagator
    assert found[0] == pytest.approx(electrons[0], rel=1e-4)
    assert found[1] > 1.3 * electrons[1]


def test_more_mixing_leaves_less() -> None:
    matter = DarkMatter(Species.PSEUDO_DIRAC, 0.01)
    one, two = relic_density(matter, 1e-5), relic_density(matter, 2e-5)
    assert one / two == pytest.approx(4, rel=0.15)


def test_y_is_what_it_is() -> None:
    assert to_y(1e-3) == pytest.approx(1e-6 * 0.1 / 81, rel=1e-6, abs=0)


@pytest.mark.parametrize(("mass", "ratio"), [(0.2, 3.0), (1e-4, 3.0), (0.01, 1.9)])
def test_freeze_out_refuses_what_it_cannot_do(mass: float, ratio: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        DarkMatter(Species.SCALAR, mass, ratio=ratio)


_HEAVY: dict[Boson, Callable[[float], float]] = {
    Boson.SCALAR: lambda ratio: math.log(ratio) - 7 / 12,
    Boson.PSEUDOSCALAR: lambda ratio: -math.log(ratio) + 11 / 12,
    Boson.VECTOR: lambda _: 1 / 3,
    Boson.AXIAL: lambda _: -5 / 3,
}


def heavy_limit(boson: Boson, mass: float, lepton_mass: float) -> float:
    """Delta a at g = 1 for m_X much above m_l, as in the seed: wrong by 8 % and less above 10 m_l."""
    lambda2 = (lepton_mass / mass) ** 2
    return lambda2 / (4 * math.pi**2) * _HEAVY[boson](mass / lepton_mass)


@pytest.mark.parametrize(
    ("boson", "at_10"),
    [(Boson.SCALAR, 1.032), (Boson.PSEUDOSCALAR, 1.059), (Boson.VECTOR, 0.919), (Boson.AXIAL, 0.981)],
)
def test_loops_over_their_heavy_limits(boson: Boson, at_10: float) -> None:
    def ratio(mass: float) -> float:
        found = one_loop(boson, mass * ELECTRON_MASS, ELECTRON_MASS)
        return found / heavy_limit(boson, mass * ELECTRON_MASS, ELECTRON_MASS)

    assert ratio(10) == pytest.approx(at_10, abs=6e-4)
    assert ratio(100) == pytest.approx(1, abs=2.5e-3)
    assert ratio(1000) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("mass", [0.001, 0.02, 0.1, 1.0])
def test_the_vector_loop_in_its_other_form(mass: float) -> None:
    near = np.geomspace(1e-8, 0.5, 30)
    z, weights = composite(np.concatenate([[0.0], near, (1 - near[:-1])[::-1], [1.0]]), 16)
    integrand = 2 * MUON_MASS**2 * z * (1 - z) ** 2 / (MUON_MASS**2 * (1 - z) ** 2 + mass**2 * z)
    expected = ALPHA / (2 * math.pi) * float(np.sum(weights * integrand))
    assert one_loop(Boson.VECTOR, mass, MUON_MASS) * 4 * math.pi * ALPHA == pytest.approx(expected, rel=1e-6)


def test_a_light_vector_gives_schwinger() -> None:
    found = one_loop(Boson.VECTOR, 1e-4 * MUON_MASS, MUON_MASS) * 4 * math.pi * ALPHA
    assert found == pytest.approx(ALPHA / (2 * math.pi), rel=1e-3)


@pytest.mark.parametrize(
    ("mass", "eps"), [(1e-3, 1.49e-3), (1e-2, 1.66e-3), (17e-3, 1.79e-3), (0.1, 3.13e-3), (0.2, 4.71e-3)]
)
def test_mixing_that_explains_the_muon(mass: float, eps: float) -> None:
    exactly = band(Boson.VECTOR, mass, MUON_2021, n_sigma=0.0)
    assert exactly is not None
    assert exactly.low == exactly.high == pytest.approx(eps, rel=5e-3)


@pytest.mark.parametrize(
    ("mass", "low", "high"), [(0.001, 1.0607e-3, 1.9541e-3), (0.0031993, 1.092e-3, 2.0118e-3)]
)
def test_the_published_muon_band(mass: float, low: float, high: float) -> None:
    """Edges of DarkCast's band (1801.04847, from 2102.07781): (279 +- 76)e-11 at two sigma."""
    found = band(Boson.VECTOR, mass, Deviation("muon", MUON_MASS, 279e-11, 76e-11, "2102.07781"))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), rel=2e-3)


EDGES = {
    0.001: (5.8e-5, 8.6e-5, 2.4e-5, 1.00e-4, 4.3e-5, 1.2e-5),
    0.01: (2.7e-4, 3.6e-4, 9.7e-5, 7.4e-4, 4.0e-4, 1.1e-4),
    0.0167: (4.1e-4, 5.3e-4, 1.5e-4, 1.23e-3, 6.7e-4, 1.8e-4),
    0.1: (2.0e-3, 2.5e-3, 6.7e-4, 7.3e-3, 4.0e-3, 1.1e-3),
}
"""Upper edges of g / e by mass: S (LKB), P (Berkeley, LKB), V (LKB), A (Berkeley, LKB)."""


@pytest.mark.parametrize(("mass", "expected"), EDGES.items())
def test_edges_of_the_electron_bands(mass: float, expected: tuple[float, ...]) -> None:
    wanted = (
        (Boson.SCALAR, ELECTRON_LKB),
        (Boson.PSEUDOSCALAR, ELECTRON_BERKELEY),
        (Boson.PSEUDOSCALAR, ELECTRON_LKB),
        (Boson.VECTOR, ELECTRON_LKB),
        (Boson.AXIAL, ELECTRON_BERKELEY),
        (Boson.AXIAL, ELECTRON_LKB),
    )
    bands = [band(boson, mass, deviation) for boson, deviation in wanted]
    assert [entry.high if entry else 0.0 for entry in bands] == pytest.approx(expected, rel=0.04)
    assert [bool(entry and entry.low) for entry in bands] == [False, True, False, False, True, False]


def test_scalars_and_vectors_cannot_explain_berkeley() -> None:
    for boson in (Boson.SCALAR, Boson.VECTOR):
        assert band(boson, 0.01, ELECTRON_BERKELEY) is None


def test_the_windows_of_the_electron_are_kept_apart() -> None:
    assert ELECTRON_LKB.window() == pytest.approx((-1.2e-13, 10.8e-13), abs=1e-18)
    assert ELECTRON_BERKELEY.window() == pytest.approx((-16e-13, -1.6e-13), abs=1e-18)


@pytest.mark.parametrize("matter", Matter)
def test_a_narrow_resonance_has_its_area(matter: Matter) -> None:
    narrow = Resonance(0.25, alpha_d=1e-4, matter=matter)
    angle, weights = composite(np.linspace(-1.5, 1.5, 65), 8)
    scale = narrow.mass * narrow.width / (2 * ELECTRON_MASS)
    energy = narrow.energy + scale * np.tan(angle)
    area = float(np.sum(weights * scale / np.cos(angle) ** 2 * cross_section(narrow, energy)))
    expected = PICOBARN * 2 * math.pi**2 * ALPHA / ELECTRON_MASS
    assert area * math.pi / 3 == pytest.approx(expected, rel=0.01)


def test_the_resonance_is_at_its_positron_energy() -> None:
    resonance = Resonance(0.25, alpha_d=1e-3)
    energy = np.linspace(50, 75, 5001)
    peak = energy[np.argmax(cross_section(resonance, energy))]
    assert peak == pytest.approx(0.25**2 / (2 * ELECTRON_MASS), rel=1e-3)


def test_positrons_gain_a_factor_of_four_at_the_peak() -> None:
    gain = resonant_yield(Resonance(0.237)) / yield_per_eot(0.237)
    assert math.sqrt(1 + gain) == pytest.approx(4.2, rel=0.02)


def test_the_resonance_is_only_where_positrons_are() -> None:
    window = (math.sqrt(100 * ELECTRON_MASS), math.sqrt(200 * ELECTRON_MASS))
    assert window == pytest.approx((0.226, 0.320), abs=5e-4)
    narrow = [resonant_yield(Resonance(mass, alpha_d=1e-3)) for mass in (0.15, 0.25, 0.5)]
    assert narrow[1] > 100 * max(narrow[0], narrow[2])


@pytest.mark.parametrize("threshold", [9.0, 100.0])
def test_positrons_that_are_not_followed_are_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match=f"above {threshold:g} GeV: expected 10 to 100"):
        resonant_yield(Resonance(0.25), threshold=threshold)
    assert resonant_yield(Resonance(0.25), threshold=10.0) > resonant_yield(Resonance(0.25), threshold=50.0)


@pytest.mark.parametrize(("mass", "alpha_d", "ratio"), [(0.0, 0.1, 3.0), (0.2, 0.0, 3.0), (0.2, 0.1, 2.0)])
def test_resonances_that_are_none_are_refused(mass: float, alpha_d: float, ratio: float) -> None:
    with pytest.raises(ValueError, match=r"expected .*above 0|decays to dark matter above 2"):
        Resonance(mass, alpha_d, ratio)
