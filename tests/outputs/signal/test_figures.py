"""Figures of the signal say what they show."""

from __future__ import annotations

import numpy as np

from na64.datasets.synthetic.dark_photon import load_spectrum
from na64.outputs.signal.efficiency.efficiency import EfficiencyPoint
from na64.outputs.signal.figures import draw_efficiencies, draw_k_factors, draw_spectra, draw_yields

MASS = np.array([0.001, 0.03, 1.0])


def labels(figure: object) -> list[str]:
    axes = figure.axes[-1]  # type: ignore[attr-defined]
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_yields_are_named() -> None:
    figure = draw_yields(MASS, {"exact": np.array([1.0, 0.1, 1e-3])}, np.array([1e-6, 1e-5, 1e-9]))
    assert labels(figure) == ["exact", "resonant, $\\alpha_D = 0.1$, Dirac"]
    assert figure.axes[0].get_xlabel() == "dark photon mass [GeV]"
    assert figure.axes[0].get_ylim()[0] == 1e-3 / 3
    assert len(labels(draw_yields(MASS, {"exact": MASS}))) == 1


def test_k_factors_have_their_reference() -> None:
    figure = draw_k_factors(MASS, {"100 GeV": MASS}, (MASS, MASS))
    assert labels(figure) == ["100 GeV", "DMG4 (2101.12192), 100 GeV"]


def test_spectra_are_by_mass() -> None:
    figure = draw_spectra((0.01, 1.0), load_spectrum())
    assert labels(figure) == ["10 MeV", "1 GeV"]


def test_efficiencies_are_by_period() -> None:
    points = [
        EfficiencyPoint(mass, name, "cuts", 50.0, 120, 100, 90, 80)
        for mass in MASS
        for name in ("2018", "2022")
    ]
    figure = draw_efficiencies(points)
    assert [label.split(",")[0] for label in labels(figure)] == ["2018", "2022"]
    assert figure.axes[0].get_ylim() == (0, 1)
