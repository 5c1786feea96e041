"""Efficiencies by mass and energy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from na64.outputs.limits.searches.expected import Category
from na64.outputs.limits.searches.kept import Efficiency
from na64.outputs.limits.searches.sources import Annihilated, Radiated
from na64.outputs.signal.annihilation import Matter
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.bosons import Boson

ENERGY = np.array([50.0, 75.0, 100.0])


def test_one_number_is_that_of_every_mass_and_energy() -> None:
    assert Efficiency((0.4,)).at(0.1, ENERGY).tolist() == [0.4, 0.4, 0.4]


def test_a_table_by_mass_is_linear_in_the_logarithm() -> None:
    table = Efficiency((0.1, 0.3), masses=(0.01, 1.0))
    assert table.at(0.1, ENERGY) == pytest.approx([0.2, 0.2, 0.2])
    assert not table.needs_energy


def test_a_table_by_energy_is_linear() -> None:
    table = Efficiency((0.4, 0.0), energies=(50.0, 100.0))
    assert table.at(0.1, ENERGY) == pytest.approx([0.4, 0.2, 0.0])


def test_a_table_by_both_has_energies_fastest() -> None:
    table = Efficiency((0.0, 0.2, 0.4, 0.8), masses=(0.01, 1.0), energies=(50.0, 100.0))
    assert table.at(0.01, ENERGY) == pytest.approx([0.0, 0.1, 0.2])
    assert table.at(0.1, ENERGY) == pytest.approx([0.2, 0.35, 0.5])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"values": (1.5,)}, "efficiency: 1.5: expected above 0 and up to 1"),
        ({"values": (-0.1,)}, "efficiency: -0.1"),
        ({"values": (0.0,)}, "efficiency: 0: expected above 0"),
        ({"values": (0.1, math.nan), "masses": (0.1, 0.2)}, "efficiency: "),
        ({"values": (0.1, 0.2)}, "2 values where 1 are expected"),
        ({"values": (0.1, 0.2), "masses": (0.2, 0.1)}, "masses of its table are expected above 0, rising"),
        ({"values": (0.1,), "energies": (50.0,)}, "energies of its table"),
    ],
)
def test_tables_that_cannot_be_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Efficiency(**arguments)


def test_what_is_outside_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at the mass 2 to 2 GeV: the table has 0\.01 to 1"):
        Efficiency((0.1, 0.3), masses=(0.01, 1.0)).at(2.0, ENERGY)
    with pytest.raises(ValueError, match="at the energy 50 to 100 GeV: the table has 60 to 100"):
        Efficiency((0.1, 0.3), energies=(60.0, 100.0)).at(0.1, ENERGY)


def test_an_efficiency_of_the_energy_counts_by_the_spectrum() -> None:
    beam = Beam("e+", 100.0)
    sources = (
        Radiated(Boson.VECTOR, beam, 50.0),
        Annihilated(Boson.VECTOR, Matter.DIRAC, 0.1, 3.0, beam, 50.0),
    )
    flat = Category("all", 1e10, Efficiency((0.4,)), 0.0, 0.0, 0, sources)
    same = Category("all", 1e10, Efficiency((0.4, 0.4), energies=(50.0, 100.0)), 0.0, 0.0, 0, sources)
    lower = Category("all", 1e10, Efficiency((0.4, 0.0), energies=(50.0, 100.0)), 0.0, 0.0, 0, sources)
    one = np.array([1e-3])
    for mass in (0.1, 0.24, 0.31):
        assert same.events(mass, one) == pytest.approx(flat.events(mass, one), rel=1e-6)
        assert lower.events(mass, one) < 0.9 * flat.events(mass, one)
    assert lower.events(0.31, one) / flat.events(0.31, one) < 0.5 * (
        lower.events(0.24, one) / flat.events(0.24, one)
    )
