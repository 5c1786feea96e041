"""Reference contours against published points, against each other, and against the limits of today."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.synthetic.dark_photon import load_spectrum
from na64.outputs.analysis.limits import project
from na64.outputs.limits.searches.card import SEARCHES, load_card
from na64.outputs.limits.searches.contour import ExcludedCouplings
from na64.outputs.limits.searches.expected import Category, CouplingCategories
from na64.outputs.limits.searches.fates import Stretch
from na64.outputs.limits.searches.heavy_states import HeavyBeyond
from na64.outputs.limits.searches.kept import Efficiency
from na64.outputs.limits.searches.products import contour_table, facts_of, write_reference
from na64.outputs.limits.searches.reference import (
    Reference,
    expectation_of,
    nearness_of,
    outermost,
    reference_of,
)
from na64.outputs.limits.searches.sources import Radiated
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.cross_sections import total
from na64.outputs.signal.decays import HBAR_C
from na64.outputs.signal.inelastic import Inelastic, heavy_width
from na64.outputs.signal.kinematics import Radiation
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")


def _lower(name: str, masses: list[float], variant: str = "") -> list[float]:
    found = reference_of(load_card(name), variant, masses=masses)
    assert [row.mass for row in found.rows] == masses
    return [row.lower for row in found.rows if row.lower is not None]


def _ratios(found: Reference, curve: str) -> dict[float, float]:
    (nearness,) = (one for one in found.nearness if one.published.curve == curve)
    return dict(zip(nearness.mass.tolist(), nearness.ratio.tolist(), strict=True))


def test_invisible_is_what_a_projection_of_the_same_numbers_is() -> None:
    (projection,) = project(eot=2.84e11, background="0.53+-0.17", efficiency=0.5, points=5)
    masses = [point.mass for point in projection.points]
    by_zero = [point.eps(2.318) for point in projection.points]
    assert _lower("invisible", masses) == pytest.approx(by_zero, rel=2e-4)


@pytest.mark.parametrize(
    ("mass", "eps"), [(0.00105, 9.22e-6), (0.01, 3.80e-5), (0.1, 3.35e-4), (0.4, 1.91e-3)]
)
def test_invisible_is_the_independent_limit(mass: float, eps: float) -> None:
    """That is for 2.303 events, without an error of the signal."""
    assert _lower("invisible", [mass]) == pytest.approx([eps * math.sqrt(2.318 / 2.303)], rel=0.01)


@pytest.mark.parametrize(("mass", "by_total"), [(0.01, 1.67), (1.0, 1.52)])
def test_other_bosons_go_with_the_root_of_what_is_made_above_the_threshold(
    mass: float, by_total: float
) -> None:
    """The root of total cross-sections is 7 % more at 10 MeV: scalars take more of the energy."""
    (photons,) = _lower("invisible", [mass])
    for variant, boson in (("scalar", Boson.SCALAR), ("pseudoscalar", Boson.PSEUDOSCALAR)):
        hard = [total(Radiation(mass, 100.0, boson=one), above=50.0) for one in (Boson.VECTOR, boson)]
        (ours,) = _lower("generic", [mass], variant)
        assert ours / photons == pytest.approx(math.sqrt(hard[0] / hard[1]), rel=0.05)
        every = [total(Radiation(mass, 100.0, boson=one)) for one in (Boson.VECTOR, boson)]
        assert math.sqrt(every[0] / every[1]) == pytest.approx(by_total, rel=5e-3)
        assert ours / photons < by_total
    assert _lower("generic", [mass], "axial")[0] / photons == pytest.approx(1.0, rel=0.01)
    assert _lower("generic", [mass], "vector") == [photons]


def test_positrons_are_near_the_published_curve() -> None:
    found = _ratios(reference_of(load_card("positron")), "na64_positrons_2022")
    assert found[0.24] == pytest.approx(1.0, abs=0.03)
    assert all(abs(ratio - 1) < 0.14 for ratio in found.values())


def test_scalar_dark_matter_misses_the_tail_of_the_resonance() -> None:
    dirac, scalar = (_lower("positron", [0.205], v)[0] for v in ("", "positrons_100_scalar_matter"))
    assert scalar / dirac > 1.6


def test_the_contour_of_axion_like_particles() -> None:
    found = reference_of(load_card("alp"), masses=[0.05, 0.06])
    for nearness in found.nearness:
        assert np.all(np.abs(nearness.ratio - 1) < 0.15), nearness.published.curve
    assert 0.053 < found.rows[-1].mass < 0.055
    tip = found.rows[-1]
    assert tip.lower is not None
    assert tip.upper == pytest.approx(tip.lower, rel=0.05)


def test_millicharged_particles_of_muons() -> None:
    assert _lower("milliq", [0.01, 0.15]) == pytest.approx([1.1e-4, 6.0e-4], rel=0.03)
    (row,) = reference_of(load_card("milliq"), masses=[0.01]).rows
    assert row.upper == pytest.approx(0.365, rel=1e-3)


def test_semivisible_is_invisible_where_the_heavier_state_is_stable() -> None:
    assert _lower("semivisible", [0.005]) == pytest.approx(_lower("invisible", [0.005]), rel=1e-6)
    (row,) = reference_of(load_card("semivisible"), masses=[0.25]).rows
    assert row.lower is not None
    assert row.upper is not None
    assert row.lower > _lower("invisible", [0.25])[0]
    assert row.upper < 0.05


def test_a_small_splitting_gives_the_invisible_limit() -> None:
    source = Radiated(Boson.VECTOR, Beam(), 50.0)
    invisible = Category("all", 2.84e11, Efficiency((0.5,)), 0.53, 0.17, 0, (source,))
    couplings = np.array([1e-4, 1e-2])
    for splitting, close in ((0.02, True), (0.4, False)):
        split = replace(invisible, fate=HeavyBeyond(Stretch(6500.0), 3.0, splitting, 0.1))
        ratio = split.events(0.25, couplings) / invisible.events(0.25, couplings)
        assert (np.abs(ratio - 1) < 1e-3).all() == close


def test_the_heavier_state_flies_by_its_own_mass_and_energy() -> None:
    model, eps = Inelastic(0.25), 5e-3
    at_rest, boost = math.hypot(model.heavy, model.momentum), 50.0 / 0.25
    energies = boost * np.linspace(at_rest - model.momentum, at_rest + model.momentum, 20_001)
    mean_decay = HBAR_C / (eps**2 * heavy_width(model))
    lengths = np.sqrt((energies / model.heavy) ** 2 - 1) * mean_decay
    found = HeavyBeyond(Stretch(6500.0), 3.0, 0.4, 0.1).probability(
        0.25, np.array([eps]), np.array([50.0]), np.zeros(1)
    )
    assert found[0, 0] == pytest.approx(float(np.mean(np.exp(-6500 / lengths))), rel=1e-3)


def test_the_edge_of_several_ranges_is_the_outermost() -> None:
    rows = [ExcludedCouplings(0.01, 1e-4, 1e-3), ExcludedCouplings(0.01, 1e-2, 1e-1)]
    assert outermost(rows, "lower") == 1e-4
    assert outermost(rows, "upper") == 1e-1
    assert math.isnan(outermost([ExcludedCouplings(0.01, None, None)], "lower"))


def test_a_curve_of_another_coupling_is_no_comparison() -> None:
    card = load_card("alp")
    (lower, *_) = card.variant().published
    other = replace(card.variant(), published=(replace(lower, curve="na64_2018"),))
    with pytest.raises(ValueError, match="search alp: na64_2018 is a curve of another coupling"):
        nearness_of(card, other)


def test_beams_add_their_events() -> None:
    both = expectation_of(load_card("combined").variant())
    alone = [replace(both, categories=(one,)) for one in both.categories]
    ones = np.ones(1)
    for mass in (0.01, 0.24):
        of_each = [float(one.excess(mass, ones)[0]) for one in alone]
        assert float(both.excess(mass, ones)[0]) == pytest.approx(math.fsum(of_each), rel=1e-6)


def test_events_that_are_seen_weaken_the_limit() -> None:
    quiet = expectation_of(load_card("alp").variant())
    loud = replace(quiet, categories=(quiet.categories[0], replace(quiet.categories[1], observed=3)))
    couplings = np.array([3e-4])
    assert loud.excess(0.05, couplings)[0] < 0.8 * quiet.excess(0.05, couplings)[0]
    expected = CouplingCategories(tuple(replace(one, observed=None) for one in quiet.categories))
    assert 0 < expected.excess(0.05, couplings)[0] <= quiet.excess(0.05, couplings)[0] * 1.01
    with pytest.raises(ValueError, match="all observed, or all expected"):
        replace(quiet, categories=(replace(quiet.categories[0], observed=None), *quiet.categories[1:]))


def test_a_spectrum_that_is_not_known_is_refused() -> None:
    fate = HeavyBeyond(Stretch(6500.0), 3.0, 0.4, 0.1)
    refused = {Boson.SCALAR: "S Pb 60 GeV: not in the table", Boson.VECTOR: "dark photons of e- of 60 GeV"}
    for boson, words in refused.items():
        source = Radiated(boson, Beam("e-", 60.0), 30.0)
        category = Category("all", 1.0, Efficiency((0.5,)), 0.0, 0.0, 0, (source,), fate)
        with pytest.raises(ValueError, match=words):
            category.events(0.1, np.ones(1))


def test_the_spectrum_has_all_that_are_counted() -> None:
    for beam, threshold in ((Beam(), 52.0), (Beam("e+", 70.0), 43.0)):
        source = Radiated(Boson.VECTOR, beam, threshold)
        found = source.spectrum(0.1)
        assert found.number.sum() == pytest.approx(source.number(0.1), rel=1e-9, abs=0)
        assert threshold < found.energy.min() < found.energy.max() < beam.energy
        table = load_spectrum(beam.energy)
        half = float(found.number[found.energy > 0.8 * beam.energy].sum() / found.number.sum())
        expected = table.above(0.1, 0.8) / table.above(0.1, threshold / beam.energy)
        assert half == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize("name", SEARCHES)
def test_the_tables_of_a_reference(name: str) -> None:
    card = load_card(name)
    masses = card.variant().masses
    found = reference_of(card, masses=masses[:: len(masses) // 3])
    header, *rows = contour_table(found).to_csv().decode().splitlines()
    assert header == "level,mass,coupling_lower,coupling_upper"
    assert len(rows) == len(found.rows) > 2
    is_missing_energy = name in ("invisible", "generic", "positron", "combined", "muon", "hadron")
    assert all(row.endswith(",") for row in rows) == is_missing_energy
    facts: dict[str, Any] = facts_of(found)
    assert len(facts["configuration"]) == len(found.variant.facts) > 5
    assert all(fact["source"] for fact in facts["configuration"])
    assert all(one["text"] and one["tag"] for one in facts["assumptions"])
    if name != "combined":  # it names two other cards
        assert any(one["tag"].startswith("[D") for one in facts["assumptions"])
    assert any(fact["unverified"] for fact in facts["configuration"]) == (name != "milliq")


def test_the_files_of_a_reference(tmp_path: Path) -> None:
    write_reference(tmp_path, reference_of(load_card("alp"), masses=[0.03, 0.05]))
    written = {path.name for path in tmp_path.iterdir()}
    archives = {"contour_hepdata", "contour_workspace.json", "contour_patchset.json"}
    assert written == {"contour.csv", "contour.png", "contour.pdf", "reference.json"} | archives
    facts = json.loads((tmp_path / "reference.json").read_text())
    assert facts["search"] == "alp"
    assert {one["edge"] for one in facts["published"]} == {"lower", "upper"}


def test_the_command_writes_the_contour_of_a_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["project", "--search", "generic", "--reference", "--variant", "axial", "--to", str(tmp_path)]
    assert main(line) == 0
    assert "other variants: scalar, pseudoscalar, vector" in capsys.readouterr().out
    assert json.loads((tmp_path / "reference.json").read_text())["variant"] == "axial"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--search", "alp"], "--search NAME and --reference go together"),
        (["--reference"], "--search NAME and --reference go together"),
        (["--search", "alp", "--reference", "--eot", "1e12"], "--eot 1e+12: not for --reference"),
        (["--search", "alp", "--reference", "--signal-error", "0"], "--signal-error 0: not for --reference"),
        (["--search", "alp", "--reference", "--variant", "x"], 'unknown variant "x"'),
        (["--search", "alp", "--reference", "--level", "2"], "confidence level 2"),
        (["--search", "axion", "--reference"], 'unknown search "axion"'),
        (["--eot", "1e11", "--efficiency", "0.5"], "--background is needed, or --search NAME --reference"),
    ],
)
def test_bad_usage_is_one_line(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["project", *options]) == 2
    assert words in capsys.readouterr().err


def test_the_command_lists_the_searches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["searches"]) == 0
    text = capsys.readouterr().out
    assert text.count(", of fitted numbers") == 5
    assert all(f"{name}: " in text for name in SEARCHES)
    assert main(["searches", "--markdown"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 + len(SEARCHES)
    assert len({row.count("|") for row in rows}) == 1
