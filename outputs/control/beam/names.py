"""Files and columns of the beam's measurement; without matplotlib, which only drawing needs."""

from __future__ import annotations

from dataclasses import dataclass

BEAM = "beam.csv"
FACTS = "beam.json"
FIGURES = "beam"
SCHEMA = 1
"""Version of `FACTS`."""

ALL = "all"
"""Run of the rows of all runs of a sample."""

TAGS = ("electron", "hadron", "muon")
"""Particles that are tagged, in the order in which tags are tried."""

SELECTION = "beam_2023"
"""The packaged selection whose results can be measured."""


@dataclass(frozen=True, slots=True)
class BeamRow:
    """Row of `BEAM`: a quantity in a run.

    Attributes
    ----------
    sample : str
        Type, particle and energy of the runs that are added up: ``physics e- 100 GeV``.
    run : str
        A number, or ``all``.
    quantity, unit : str
    events : int
        That it is made of.
    value : float
    error_below, error_above : float
        Central 68 % interval, as distances.
    p : float or None
        Chance that a run differs so much from the others of the sample; of ``all``: that runs differ so much
        from each other. None where it was not tested.
    outlier : str
        ``yes``, or nothing.
    """

    sample: str
    run: str
    quantity: str
    unit: str
    events: int
    value: float
    error_below: float
    error_above: float
    p: float | None = None
    outlier: str = ""
