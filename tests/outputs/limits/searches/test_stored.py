"""Contours of searches from stored results."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from na64.outputs.limits.analysis import LimitsAnalysis
from na64.outputs.limits.search import Search
from na64.outputs.limits.searches.card import load_card
from na64.outputs.limits.searches.contour import ExcludedCouplings
from na64.outputs.limits.searches.reference import reference_of
from na64.outputs.limits.searches.stored import signal_of, stored_contour
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn", "uncompared")


def _contour(search: Search, name: str, variant: str = "") -> dict[float, ExcludedCouplings]:
    card = load_card(name)
    return {row.mass: row for row in stored_contour(card, card.variant(variant), search, 0.9)}


def _reference(name: str, variant: str = "") -> dict[float, ExcludedCouplings]:
    return {row.mass: row for row in reference_of(load_card(name), variant).rows}


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("invisible", ""),
        ("generic", "scalar"),
        ("generic", "axial"),
        ("positron", "electrons_2018"),
        ("milliq", "electrons_2018"),
        ("generic", "b_minus_l"),
    ],
)
def test_the_published_analysis_gives_the_reference_of_its_card(
    published: LimitsAnalysis, name: str, variant: str
) -> None:
    """The analysis has no error of the signal, the card has 10 %: 2.303 and 2.318 events."""
    found, wanted = _contour(published.search, name, variant), _reference(name, variant)
    common = [mass for mass in found if mass in wanted][::4]
    assert len(common) > 5
    for mass in common:
        assert found[mass].lower == pytest.approx(wanted[mass].lower, rel=5e-3)
        upper = wanted[mass].upper
        assert found[mass].upper == (None if upper is None else pytest.approx(upper, rel=5e-3))


def test_a_combination_takes_its_electrons_and_positrons_from_stored_results() -> None:
    card = load_card("combined")
    assert signal_of(card, card.variant()) == signal_of(card, card.variant("electrons_and_positrons"))
    muons = load_card("muon")
    with pytest.raises(ValueError, match="search muon: its channels are counted in boxes of their own"):
        signal_of(muons, muons.variant())
    with pytest.raises(ValueError, match="search muon: results of electrons and positrons say nothing"):
        signal_of(muons, muons.variant("flat"))


def test_an_efficiency_by_energy_is_not_lost_without_a_word(published: LimitsAnalysis) -> None:
    with pytest.raises(ValueError, match="positrons_100_trigger has an efficiency by energy, that of"):
        _contour(published.search, "positron", "positrons_100_trigger")


def test_limits_of_a_search_on_the_command_line(
    stored: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored()
    line = ["limits", str(folder), "--background", "0.5+-0.2", "--efficiency", "0.5", "--points", "2"]
    assert main([*line, "--search", "invisible"]) == 0
    assert "Dark photon to invisible" in capsys.readouterr().out
    rows = list(csv.DictReader((folder / "contour.csv").read_text().splitlines()))
    limits = list(csv.DictReader((folder / "limits.csv").read_text().splitlines()))
    own = {(row["level"], float(row["mass"])): float(row["coupling_lower"]) for row in rows}
    for limit in limits:
        key = limit["level"], float(limit["mass"])
        assert own[key] == pytest.approx(float(limit["eps_median"]), rel=1e-9, abs=0)
    facts = json.loads((folder / "contour.json").read_text())
    assert facts["state"] == "BLIND: the box is closed"
    assert [fact["name"] for fact in facts["particle"]] == ["boson"]
    assert (folder / "contour_hepdata" / "lower_edges.yaml").exists()
    submission = (folder / "contour_hepdata" / "submission.yaml").read_text()
    assert "boson V, from stored results; BLIND: the box is closed" in " ".join(submission.split())
    assert load_card("invisible").variant().label not in submission
    assert main([*line, "--search", "alp"]) == 2  # no table of efficiencies by energy
    assert main(["limits", str(folder), "--background", "0.5", "--search", "alp", "--threshold", "40"]) == 2
    assert "--threshold 40: not for --search alp" in capsys.readouterr().err
    assert main([*line, "--variant", "scalar"]) == 2
