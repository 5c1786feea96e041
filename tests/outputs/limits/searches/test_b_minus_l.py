"""A gauge boson of B - L as a variant of the search for generic bosons."""

from __future__ import annotations

import math

import numpy as np
import pytest

from na64.outputs.limits.searches.card import load_card
from na64.outputs.limits.searches.fates import NeutrinosOrBeyond, Stretch
from na64.outputs.limits.searches.reference import reference_of
from na64.outputs.signal.b_minus_l import HIGHEST, invisible_fraction
from na64.outputs.signal.decays import HBAR_C
from na64.outputs.signal.matter import ALPHA

CARD = load_card("generic")
VARIANT = CARD.variant("b_minus_l")


def _lower(variant: str, masses: list[float]) -> list[float]:
    rows = reference_of(CARD, variant, masses=masses).rows
    assert all(row.upper is None for row in rows)
    return [row.lower for row in rows if row.lower is not None]


def _unseen(mass: float, eps: float, energy: float) -> float:
    fate = NeutrinosOrBeyond(Stretch(6500.0))
    return float(fate.probability(mass, np.array([eps]), np.array([energy]), np.zeros(1))[0, 0])


@pytest.mark.parametrize(("mass", "kinds"), [(0.0009, 3.0), (0.05, 4.0)])
def test_what_is_unseen_is_neutrinos_and_what_flies_out(mass: float, kinds: float) -> None:
    """Three Dirac neutrinos of g^2 m / 12 pi each, and electrons as many above their threshold."""
    eps, energy = 1e-5, 80.0
    g2 = 4 * math.pi * ALPHA * eps**2
    length = math.sqrt(energy**2 - mass**2) / mass * HBAR_C * 12 * math.pi / (kinds * g2 * mass)
    expected = (3 + (kinds - 3) * math.exp(-6500 / length)) / kinds
    assert _unseen(mass, eps, energy) == pytest.approx(expected, rel=1e-3)
    assert _unseen(mass, 1e-12, energy) == pytest.approx(1.0)
    assert _unseen(mass, 1.0, energy) == pytest.approx(3 / kinds, rel=1e-3)


def test_the_limit_is_that_of_a_vector_less_what_is_seen() -> None:
    masses = [0.002, 0.1, 0.5]
    ratio = np.array(_lower("b_minus_l", masses)) / _lower("vector", masses)
    unseen = [invisible_fraction(mass) for mass in masses]
    assert ratio[0] == pytest.approx(1.0, abs=2e-3)  # lives longer than the detector
    assert ratio[1:] == pytest.approx([1 / math.sqrt(one) for one in unseen[1:]], rel=2e-3)


def test_its_masses_end_where_its_decays_are_known() -> None:
    assert max(VARIANT.masses) == HIGHEST
    assert max(CARD.variant("vector").masses) == 1.0
