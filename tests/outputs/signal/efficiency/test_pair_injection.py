"""Efficiency for particles that decay to an electron pair behind a dump, by energy."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from na64.datasets.conditions.periods import load_periods, period_of_run
from na64.datasets.synthetic.campaign import Trigger
from na64.datasets.synthetic.component_kinds import ComponentKind
from na64.outputs.analysis.search_efficiencies import search_efficiency
from na64.outputs.limits.searches.card import load_card
from na64.outputs.limits.searches.stored_channels import channel_of_box
from na64.outputs.signal.efficiency.alp_injection import Wanted
from na64.outputs.signal.efficiency.by_energy import load_energy_efficiency
from na64.outputs.signal.efficiency.pair_injection import pair_campaign, pair_energies, pair_period

WANTED = Wanted("visible", "dump_2018", 240.0, 3740.0)


def test_a_campaign_of_pairs_has_the_energies_and_places_that_are_asked_for() -> None:
    campaign = pair_campaign((60.0, 75.0), Wanted("visible", "dump_2018", 180.0, 2180.0), period="2018V")
    (signal,) = campaign.components
    assert (signal.kind, signal.trigger, signal.bias) == (ComponentKind.ELECTRON_PAIR, Trigger.BEAM, 1.0)
    assert (signal.parameters["lowest"], signal.parameters["highest"]) == (0.4, 0.5)
    assert campaign.dump is not None
    assert (campaign.dump.length, campaign.dump.volume) == (180.0, 2000.0)
    with pytest.raises(
        ValueError, match="channel dump_2018: its pairs are simulated between two places only"
    ):
        pair_campaign((60.0, 75.0), Wanted("visible", "dump_2018", 180.0, math.inf), period="2018V")


def test_pairs_are_simulated_in_the_beam_of_a_period_up_to_its_energy() -> None:
    assert pair_period() == pair_period("2018V") == "2018V"
    for period, beam, run in (("2017V", 100.0, 3471), ("2018V", 150.0, 4231)):
        edges = pair_energies(period)
        assert (edges[0], edges[-1]) == (30.0, beam)
        campaign = pair_campaign((60.0, 75.0), WANTED, period=pair_period(period))
        assert (campaign.beam.energy, campaign.runs[0].run) == (beam, run)
        assert campaign.components[0].parameters["highest"] == pytest.approx(75 / beam)
        found = period_of_run(run, load_periods())
        assert found is not None
        assert found.name == period
    with pytest.raises(ValueError, match="--period 2018: electron pairs are simulated for 2018V or 2017V"):
        pair_period("2018")


def test_the_channel_of_a_result_is_that_of_its_box_and_period() -> None:
    card = load_card("visible")
    variant = card.variant("")
    found = {period: channel_of_box(card, variant, "visible", period).name for period in ("2017V", "2018V")}
    assert found == {"2017V": "dump_30", "2018V": "dump_2018"}
    with pytest.raises(
        ValueError,
        match=r"search visible: counts nothing in the box of search visible in period 2022: dump_30 in the "
        r"box of search visible in period 2017V, dump_2018 in .* 2018V",
    ):
        channel_of_box(card, variant, "visible", "2022")
    with pytest.raises(ValueError, match="in the box of search alp: dump_30"):
        channel_of_box(card, variant, "alp")


def test_the_efficiency_of_pairs_rises_with_the_share_of_the_ecal_and_falls_with_what_the_dump_sees(
    tmp_path: Path, undrawn: None
) -> None:
    path = tmp_path / "efficiency_visible.csv"
    found = search_efficiency(
        "visible", to=path, selection="visible_2018", events=60, energies=(30, 45, 80, 100, 145, 150)
    )
    low, _, middle, _, high = (one.row for one in found)
    assert low.n_selected < 8
    assert 30 < middle.n_selected < middle.n_in_box
    assert high.n_selected == 0
    assert high.n_in_box > 30
    assert {(one.row.period, one.row.channel, one.row.first, one.row.last) for one in found} == {
        ("2018V", "dump_2018", 240.0, 3740.0)
    }
    read = load_energy_efficiency(path, search="visible", channel="dump_2018", period="2018V")
    assert read.lowest == 30
    with pytest.raises(ValueError, match="no efficiency of search visible, channel dump_30, period 2017V"):
        load_energy_efficiency(path, search="visible", channel="dump_30", period="2017V")


def test_the_efficiency_of_2017_is_of_its_beam_and_dump(tmp_path: Path, undrawn: None) -> None:
    path = tmp_path / "efficiency_visible.csv"
    found = search_efficiency(
        "visible", to=path, energies=(30, 50, 80, 100), selection="visible_2017", period="2017V", events=60
    )
    low, middle, high = (one.row for one in found)
    assert {(one.period, one.channel, one.first, one.last) for one in (low, middle, high)} == {
        ("2017V", "dump_30", 217.5, 3717.5)
    }
    assert min(low.n_selected, middle.n_selected) > 20
    assert high.n_selected < high.n_in_box / 2


def test_a_selection_of_another_set_up_than_is_simulated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"visible_2017: keeps no simulated event of period 2018V.* another --period meant"
    ):
        search_efficiency(
            "visible", to=tmp_path / "e.csv", selection="visible_2017", events=5, energies=(80, 100)
        )
    assert not (tmp_path / "e.csv").exists()
