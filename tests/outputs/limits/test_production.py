"""Yield, threshold and resonance belong to the beam of a period."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.outputs.limits.analysis import search_of
from na64.outputs.limits.dark_matter import Resonant
from na64.outputs.limits.exposure import LimitInput, PeriodExposure, beam_of, read_exposure
from na64.outputs.limits.inputs import ConstantEfficiency, background_of
from na64.outputs.limits.production import Production
from na64.outputs.limits.projection import ProjectionRow
from na64.outputs.limits.search import PeriodChannel, Search
from na64.outputs.limits.searches.card import load_card
from na64.outputs.limits.searches.reference import reference_of
from na64.outputs.limits.tables import LimitsRow
from na64.outputs.result.summary_facts import BoxFacts
from na64.outputs.result.table import read_csv
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.integration import shower
from na64.outputs.signal.yields import yield_per_eot
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn", "uncompared")

AT_70 = Production(Beam("e+", 70.0), 42.0, Resonant())
AT_100 = Production(Beam("e+", 100.0), 50.0, Resonant())


@pytest.mark.parametrize(
    ("production", "mass", "radiated", "resonant"),
    [
        (AT_100, 0.24, 1.66e-5, 2.29e-3),
        (AT_100, 0.26, 1.35e-5, 2.09e-3),
        (AT_100, 0.30, 9.3e-6, 2.21e-3),
        (AT_70, 0.23, 1.27e-5, 2.78e-3),
        (AT_70, 0.25, 1.02e-5, 3.09e-3),
    ],
)
def test_yields_of_positron_beams(
    production: Production, mass: float, radiated: float, resonant: float
) -> None:
    """Independent values; those of radiation are of the beam's own positron, 4 to 7 % less than all."""
    assert production.annihilated(mass) == pytest.approx(resonant, rel=0.02)
    assert radiated < production.radiated(mass) < 1.09 * radiated


@pytest.mark.parametrize(("energy", "length"), [(55.0, 0.0153), (70.0, 0.0125), (90.0, 0.0136)])
def test_the_path_of_the_positron_of_the_beam(energy: float, length: float) -> None:
    lengths = shower(100.0)
    found = np.interp(energy, lengths.energy[::-1], lengths.electron[::-1]) / lengths.step
    assert found == pytest.approx(length, rel=0.02)
    last = lengths.electron[0] + lengths.electron[1] + lengths.electron[2] / 2
    assert last / 0.5 == pytest.approx(0.304, rel=0.05)


@pytest.mark.parametrize("mass", [0.23, 0.25, 0.3, 0.318])
def test_all_that_a_positron_travels_annihilates(mass: float) -> None:
    """Against a sum over the nodes of the shower."""
    from na64.outputs.signal.annihilation import Resonance, cross_section  # noqa: PLC0415
    from na64.outputs.signal.matter import LEAD  # noqa: PLC0415

    lengths = shower(100.0)
    inside = lengths.energy > 50.0
    sigma = cross_section(Resonance(mass), lengths.energy[inside])
    expected = LEAD.charge * LEAD.per_picobarn * float(np.sum(lengths.electron[inside] * sigma))
    assert AT_100.annihilated(mass) == pytest.approx(expected, rel=0.02)


def test_electrons_and_positrons_radiate_alike_but_do_not_annihilate_alike() -> None:
    electrons = replace(AT_100, beam=Beam("e-", 100.0))
    assert electrons.radiated(0.24) == AT_100.radiated(0.24)
    assert AT_100.annihilated(0.24) > 5 * electrons.annihilated(0.24)


@pytest.mark.parametrize(("particle", "energy"), [("mu-", 160.0), ("pi-", 50.0), ("e-", 10.0), ("e+", 450.0)])
def test_a_beam_without_a_yield_is_refused(particle: str, energy: float) -> None:
    what = re.escape(f"{particle} of {energy:g} GeV")
    with pytest.raises(ValueError, match=rf"no yield .* beam of {what}: expected e- or e\+"):
        Beam(particle, energy)
    box = BoxFacts("M2", 60.0, 1.0, 5.0, 0.5, particle=particle, beam_energy=energy)
    with pytest.raises(ValueError, match=f"period M2: no yield .* {what}"):
        beam_of(box)


def test_a_threshold_outside_the_beam_is_refused() -> None:
    with pytest.raises(ValueError, match=r"above 80 GeV with e\+ of 70 GeV: expected 14 to 70 GeV"):
        Production(Beam("e+", 70.0), 80.0)


def test_a_result_that_does_not_state_its_beam_has_that_of_the_packaged_period() -> None:
    assert beam_of(BoxFacts("2023P", 28.0, 1.0, 5.0, 0.5)) == Beam("e+", 70.0)
    with pytest.raises(ValueError, match="period mine: the result does not state its beam"):
        beam_of(BoxFacts("mine", 28.0, 1.0, 5.0, 0.5))


def test_several_beams_add_their_events(exposure_of: Callable[..., LimitInput]) -> None:
    electrons, positrons = (
        exposure_of(("2018", 2e11, 0), folder="a"),
        exposure_of(("2023P", 1e10, 0), folder="b"),
    )
    (own,) = positrons.periods
    positrons = replace(positrons, periods=(replace(own, beam=Beam("e+", 70.0), threshold=42.0),))
    backgrounds = [background_of("0.1"), background_of("0.2")]
    search = search_of(
        [electrons, positrons],
        backgrounds,
        lambda *_: ConstantEfficiency(0.5),
        signal_error=0.1,
        resonant=Resonant(),
    )
    point = search.point(0.23, 0.9)
    first, second = Production(resonant=Resonant()), AT_70
    events = [
        0.5 * eot * (p.radiated(0.23) + p.annihilated(0.23)) for eot, p in ((2e11, first), (1e10, second))
    ]
    assert point.sensitivity == pytest.approx(sum(events))
    signal_fractions = [channel.signal_fraction for channel in search.model(0.23).channels]
    assert signal_fractions == pytest.approx([n / sum(events) for n in events], abs=2e-3)
    assert point.efficiency == pytest.approx(0.5)
    assert point.resonant_share > 0.9


def test_the_mass_decides_which_beam_sees_more() -> None:
    periods = tuple(
        PeriodChannel(name, 1e10, 0.1, (), ConstantEfficiency(0.5), 0, production)
        for name, production in (("e+", AT_70), ("e-", Production(resonant=Resonant())))
    )
    signal_fractions = [
        [c.signal_fraction for c in Search(periods).model(mass).channels] for mass in (0.01, 0.24)
    ]
    assert signal_fractions[0][0] == pytest.approx(0.43, abs=0.02)
    assert signal_fractions[1][0] > 0.8


@pytest.fixture
def of_positrons(stored: Callable[..., Path], case: Any) -> Path:
    run = replace(case.facts.runs[0], period="2023P", particle="e+", energy=70.0)
    box = BoxFacts("2023P", 28.0, 1.0, 5.0, 0.5, particle="e+", beam_energy=70.0)
    return stored(runs=(run,), boxes=(box,))


def test_the_threshold_is_where_the_box_of_the_period_begins(of_positrons: Path) -> None:
    (period,) = read_exposure(of_positrons).periods
    assert period == PeriodExposure("2023P", period.on_target, period.runs, None, Beam("e+", 70.0), 42.0)


def test_limits_of_a_positron_period(of_positrons: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["limits", str(of_positrons), "--background", "0.2+-0.1", "--efficiency", "0.5", "--points", "2"]
    assert main([*line, "--level", "0.9", "--resonant", "dirac"]) == 0
    assert "positrons on target, background 0.20 +- 0.10 (e+ of 70 GeV, more than 42 GeV missing)" in (
        capsys.readouterr().out
    )
    rows = read_csv((of_positrons / "limits.csv").read_bytes(), LimitsRow)
    by_mass = {row.mass: row for row in rows.rows}
    near = min(by_mass, key=lambda mass: abs(mass - 0.23))
    expected = AT_70.radiated(near) + AT_70.annihilated(near)
    assert by_mass[near].yield_per_eot == pytest.approx(expected)
    facts = json.loads((of_positrons / "limits.json").read_text())
    assert [(p["beam"], p["threshold"]) for p in facts["periods"]] == [("e+ of 70 GeV", 42.0)]


def test_one_background_is_not_spread_over_two_kinds_of_beam(
    stored: Callable[..., Path], case: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first = case.facts.runs[0]
    runs = (first, replace(first, run=8800, period="2023P", particle="e+", energy=70.0))
    boxes = (*case.facts.boxes, BoxFacts("2023P", 28.0, 1.0, 5.0, 0.5, particle="e+", beam_energy=70.0))
    folder = stored(runs=runs, boxes=boxes)
    assert main(["limits", str(folder), "--background", "0.2", "--efficiency", "0.5"]) == 2
    said = "one background for all of them: electrons on target and positrons on target are not added"
    assert said in capsys.readouterr().err


def test_a_muon_period_is_refused_in_one_line(
    stored: Callable[..., Path], case: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    box = replace(case.facts.boxes[0], particle="mu-", beam_energy=160.0)
    folder = stored(boxes=(box,))
    assert main(["limits", str(folder), "--background", "0.2", "--efficiency", "0.5"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "period 2023A: no yield of dark photons is known for a beam of mu- of 160 GeV" in line


def test_a_projection_of_a_period_has_its_beam(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["project", "--eot", "1e10", "--background", "0.5", "--efficiency", "0.5", "--points", "5"]
    assert main([*line, "--period", "2023P"]) == 0
    out = capsys.readouterr().out
    assert "1e+10 positrons on target" in out
    rows = [line.split() for line in out.splitlines()]
    masses = [row[0] for row in rows[[row[:1] for row in rows].index(["mass"]) + 1 :]]
    assert len(masses) == len(set(masses)) == 3


def test_the_yield_of_the_period_is_not_that_of_100_gev() -> None:
    ratios = [(AT_70.radiated(m) / yield_per_eot(m, threshold=50.0)) ** 0.5 for m in (0.001, 0.01, 0.1, 0.4)]
    assert all(0.75 < ratio < 0.93 for ratio in ratios)


def test_a_projection_of_a_period_of_positrons_goes_with_the_root_of_the_exposure(tmp_path: Path) -> None:
    """The goal of POKER, 1e11 positrons of 100 GeV, beside what 2022 had, without background and one seen."""
    line = [
        "project",
        "--period",
        "2022P",
        "--background",
        "0.0001",
        "--efficiency",
        "0.433",
        "--points",
        "5",
    ]
    words = [
        "--resonant",
        "dirac",
        "--eot",
        "1.01e10",
        "--eot",
        "1e11",
        "--threshold",
        "50",
        "--to",
        str(tmp_path),
    ]
    assert main([*line, *words]) == 0
    rows = read_csv((tmp_path / "projection.csv").read_bytes(), ProjectionRow).rows
    eps = {(row.eot, row.mass): row.eps_median for row in rows}
    masses = sorted({mass for _, mass in eps})
    ratios = [eps[1e11, mass] / eps[1.01e10, mass] for mass in masses]
    assert ratios == pytest.approx([0.101**0.5] * len(masses), rel=1e-3)
    near = min(masses, key=lambda mass: abs(mass - 0.24))
    made = AT_100.radiated(near) + AT_100.annihilated(near)
    assert eps[1e11, near] == pytest.approx((2.318 / (1e11 * 0.433 * made)) ** 0.5, rel=5e-3)
    card = load_card("positron")
    poker = reference_of(card, "poker_100", masses=(0.2411,)).rows
    usual = reference_of(card, "positrons_100_trigger", masses=(0.2411,)).rows
    assert (poker[0].lower or 0) / (usual[0].lower or 1) == pytest.approx(0.101**0.5, rel=1e-6)
