"""The figure of a contour: what is drawn, and what it is cited from."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from na64.outputs.limits.searches.card import load_card
from na64.outputs.limits.searches.contour import ExcludedCouplings
from na64.outputs.limits.searches.figure import Drawn, draw_contour, stretches
from na64.outputs.limits.searches.products import drawn_reference
from na64.outputs.limits.searches.reference import reference_of


def _drawn(name: str, variant: str, masses: list[float]) -> Figure:
    card = load_card(name)
    found = reference_of(card, variant, masses=masses)
    return draw_contour(Drawn(card, found.variant, list(found.rows), 0.9, "of a test", "reference"))


def _legend(figure: Figure) -> list[str]:
    legend = figure.axes[0].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def test_axes_have_units_and_points_their_paper() -> None:
    figure = _drawn("alp", "", [0.03, 0.05])
    assert figure.axes[0].get_ylabel() == "coupling to photons g [1/GeV]"
    assert figure.axes[0].get_xlabel() == "$m_a$ [GeV]"
    published, ours = _legend(figure)
    assert "2005.02710" in published
    assert ours == "axion-like particle to two photons, 90% CL"


@pytest.mark.parametrize(
    ("name", "mass", "fitted"), [("alp", 0.03, True), ("hadron", 0.547862, True), ("invisible", 0.1, False)]
)
def test_fitted_numbers_are_said_to_be(name: str, mass: float, fitted: bool) -> None:
    figure = draw_contour(drawn_reference(reference_of(load_card(name), masses=[mass])))
    assert _legend(figure)[-1].endswith("90% CL\nwith numbers fitted to published limits") is fitted


def test_stored_results_have_an_efficiency_of_their_own() -> None:
    card = load_card("alp")
    assert "fitted" not in Drawn(card, card.variant(), [], 0.9, "BLIND", "limits").legend


@pytest.mark.parametrize(("variant", "excluded"), [("scalar", True), ("pseudoscalar", False)])
def test_couplings_that_the_moment_of_the_electron_allows(variant: str, excluded: bool) -> None:
    """A scalar has the wrong sign for the value of Berkeley."""
    *_, lkb, berkeley = _legend(_drawn("generic", variant, [0.01, 0.1]))
    assert "LKB" in lkb
    assert "excluded for any coupling" not in lkb
    assert ("excluded for any coupling" in berkeley) == excluded


def test_islands_are_drawn_apart() -> None:
    rows = [
        ExcludedCouplings(0.01, 1e-4, 1e-3),
        ExcludedCouplings(0.01, 1e-2, None),
        ExcludedCouplings(0.02, 2e-4, 5e-4),
    ]
    first, second = stretches(rows)
    assert first[0].tolist() == [0.01, 0.02]
    assert first[1].tolist() == [1e-4, 2e-4]
    assert second[0].tolist() == [0.01]
    assert np.isnan(second[2]).all()


def test_a_contour_without_any_edge_says_so() -> None:
    card = load_card("visible")
    figure = draw_contour(Drawn(card, card.variant("scalar"), [], 0.9, "of a test", "limits"))
    assert _legend(figure)[-1].endswith("90% CL: nothing is excluded")
    assert figure.axes[0].get_ylim() == (card.coupling.lowest, card.coupling.highest)
