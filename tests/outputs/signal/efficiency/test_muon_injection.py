"""Efficiency for bosons that muons radiate, by mass, and the limit that a stored result sets with it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from na64.datasets.conditions.own_period import stated_runs_text
from na64.datasets.conditions.periods import load_periods
from na64.datasets.synthetic.campaign import Trigger
from na64.outputs.analysis.boson_efficiencies import boson_efficiency, is_by_mass
from na64.outputs.limits.exposure import LimitInput, PeriodExposure
from na64.outputs.limits.inputs import background_of
from na64.outputs.limits.searches.card import load_card
from na64.outputs.limits.searches.stored_channels import channel_contour, stored_channels
from na64.outputs.result.origin import Origin, seal_csv
from na64.outputs.signal.beam import ELECTRONS, CrossingBeam
from na64.outputs.signal.efficiency.by_mass import load_mass_efficiency
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint, efficiency_table
from na64.outputs.signal.efficiency.muon_injection import boson_campaign
from na64.run import main

CARD = load_card("muon")
VARIANT = CARD.variant()
(CATEGORY,) = VARIANT.categories
MUONS = CrossingBeam("mu-", 160.0)


@pytest.fixture(scope="module")
def periods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("periods")
    (folder / "2022M.toml").write_text(stated_runs_text("2022M", 9301, 9308, "a test"))
    return folder


def test_a_campaign_of_bosons_is_in_the_first_run_of_the_period(periods: Path) -> None:
    campaign = boson_campaign(0.1, load_periods(periods)["2022M"])
    (signal,) = campaign.components
    assert (signal.trigger, signal.parameters["mass"], campaign.runs[0].run) == (Trigger.BEAM, 0.1, 9301)
    with pytest.raises(ValueError, match=r"period 2022M has no runs: state them in a copy of it"):
        boson_campaign(0.1, load_periods()["2022M"])
    with pytest.raises(ValueError, match=r"period 2018: nothing simulates its beam: there is mu- of 160 GeV"):
        boson_campaign(0.1, load_periods()["2018"])


def test_the_efficiency_for_bosons_is_by_mass_and_of_those_above_the_threshold(
    periods: Path, tmp_path: Path, undrawn: None
) -> None:
    path = tmp_path / "efficiency_muon.csv"
    said: list[str] = []
    found = boson_efficiency(
        "muon",
        to=path,
        selection="muon_2022",
        events=150,
        masses=(0.01, 0.6),
        periods=periods,
        tell=said.append,
    )
    light, heavy = (one.point for one in found)
    assert (light.search, light.period, light.beam) == ("muon", "2022M", "mu- of 160 GeV")
    for point in (light, heavy):
        assert point.n_simulated == 150 > point.n_generated > point.n_selected > 0
        assert point.threshold == 80
    # What the variant `simulated` of the card was made with, of other random numbers.
    (of_card,) = CARD.variant("simulated").categories
    for point in (light, heavy):
        expected = float(of_card.efficiency.at(point.mass, np.ones(1))[0])
        assert abs(point.efficiency - expected) < 4 * point.error + 0.05 * expected
    assert any("times 0.052 of the card" in line for line in said)
    read = load_mass_efficiency(path, search="muon", period="2022M", threshold=80.0)
    assert read.nodes[0] == (0.01, 0.6)
    assert read.nodes[1][0] == pytest.approx(light.efficiency)
    assert read.relative_error == pytest.approx(heavy.error / heavy.efficiency)
    for wanted, message in (
        ({"search": "alp"}, "no efficiency of search alp, period 2022M, only of search muon, period 2022M"),
        ({"period": "2018"}, "no efficiency of search muon, period 2018"),
        ({"threshold": 100.0}, "of particles above 80 GeV, the channel counts those above 100 GeV"),
    ):
        with pytest.raises(ValueError, match=message):
            load_mass_efficiency(path, **{"search": "muon", "period": "2022M", "threshold": 80.0} | wanted)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there is no efficiency; na64 efficiency --search muon"):
        load_mass_efficiency(tmp_path / "none.csv", search="muon", period="2022M", threshold=80.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"selection": "invisible_2018"}, "counts nothing in the box of search invisible"),
        ({"period": "2022X"}, "counts nothing in the box of search muon in period 2022X"),
        ({"masses": (3.0,)}, r"boson of 3 GeV: expected 0.001 to 1 GeV"),
    ],
)
def test_what_is_not_simulated_is_refused(
    options: dict[str, object], message: str, periods: Path, tmp_path: Path
) -> None:
    more = {"selection": "muon_2022", "events": 10, "periods": periods} | options
    with pytest.raises(ValueError, match=message):
        boson_efficiency("muon", to=tmp_path / "e.csv", **more)  # type: ignore[arg-type]


def test_what_is_simulated_by_energy_is_not_by_mass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert is_by_mass("muon")
    assert not any(map(is_by_mass, ("alp", "visible", "combined")))
    path = tmp_path / "e.csv"
    with pytest.raises(ValueError, match="muons make nothing that channel dump_30 counts"):
        boson_efficiency("visible", to=path, selection="visible_2018")
    line = ["efficiency", "--search", "muon", "--selection", "muon_2022", "--to", str(path)]
    assert main([*line, "--add"]) == 2
    assert "--add: not with --search muon, whose table is made anew" in capsys.readouterr().err
    assert main(line) == 2
    assert "period 2022M has no runs: state them in a copy of it" in capsys.readouterr().err
    assert not path.exists()


def written(folder: Path) -> None:
    """The efficiency of the card as a table of a million bosons a mass."""
    n, kept = 10**6, CATEGORY.efficiency
    masses = [max(mass, 0.001) for mass in kept.masses]
    points = [
        EfficiencyPoint(
            *(mass, "2022M", "mine", 80.0, n, n, n, round(value * n), "c0ffee", "setup", "mu- of 160 GeV"),
            "muon",
        )
        for mass, value in zip(masses, kept.values, strict=True)
    ]
    (folder / "efficiency_muon.csv").write_bytes(seal_csv(efficiency_table(points).to_csv()))


def stored(folder: Path, beam: object = MUONS, observed: int | None = 0) -> LimitInput:
    period = PeriodExposure("2022M", 1.98e10, (9301,), observed, beam, math.nan)  # type: ignore[arg-type]
    origin = Origin("0" * 64, "c0ffee", (("2022M", "setup"),))
    names = (folder, "a test", "muon", "c0ffee", (period,), (), "UNBLINDED", "0" * 64)
    return LimitInput(*names, origin=origin, search="muon")


def test_a_stored_result_with_the_efficiency_of_the_card_has_its_contour(tmp_path: Path) -> None:
    written(tmp_path)
    found = stored_channels(CARD, VARIANT, [stored(tmp_path)], [background_of("0.07+-0.03")])
    assert found[0].category.name == "muons_2022 2022M"
    variant = replace(VARIANT, masses=(0.01, 0.2, 0.6))
    edges = channel_contour(CARD, variant, found, level=0.9, signal_error=0.0)
    limits = {round(row.mass, 4): row.lower for row in edges}
    for mass, lower in limits.items():
        assert lower is not None
        events = (
            1.98e10 * CATEGORY.sources[0].number(mass) * float(CATEGORY.efficiency.at(mass, np.ones(1))[0])
        )
        assert events * lower**2 == pytest.approx(2.303, rel=0.02)


def test_a_period_of_another_beam_is_no_channel_of_muons(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(ValueError, match=r"period 2022M: the channel is of another beam than e- of 100 GeV"):
        stored_channels(CARD, VARIANT, [stored(tmp_path, ELECTRONS)], [background_of("0.07+-0.03")])
    other = stored(tmp_path, CrossingBeam("pi-", 50.0))
    with pytest.raises(ValueError, match=r"muons cross a target, pi- of 50 GeV do not"):
        stored_channels(CARD, VARIANT, [other], [background_of("0.07+-0.03")])
