"""Files and columns of the dimuon benchmark; without matplotlib, which only drawing needs."""

from __future__ import annotations

from dataclasses import dataclass

DIMUON = "dimuon.csv"
EFFICIENCIES = "efficiencies.csv"
PEAKS = "muon_peaks.csv"
FACTS = "dimuon.json"
FIGURES = "dimuon"
SCHEMA = 1
"""Version of `FACTS`."""


@dataclass(frozen=True, slots=True)
class PeaksRow:
    """Row of `PEAKS`: the energy of two muons in an HCAL module.

    Attributes
    ----------
    run : str
        A number, or ``all``.
    module : int
    mean, mean_error, width, width_error : float, GeV
        Of a Gaussian.
    events : float
        In the fitted range.
    chi2 : float
    degrees_of_freedom : int
    """

    run: str
    module: int
    mean: float
    mean_error: float
    width: float
    width_error: float
    events: float
    chi2: float
    degrees_of_freedom: int
