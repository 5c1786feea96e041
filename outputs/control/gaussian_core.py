"""The Gaussian core of a spectrum by binned likelihood: its range is described, whatever its tails are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL
from numpy.typing import NDArray
from scipy import special

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Start:
    """Where a fit begins and how far it may go, in the unit of the spectrum.

    Attributes
    ----------
    mean, width : float
    means, widths : tuple of float
        Lowest and highest that are allowed.
    """

    mean: float
    width: float
    means: tuple[float, float]
    widths: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A fitted Gaussian.

    Attributes
    ----------
    mean, mean_error, width, width_error : float
        In the unit of the spectrum.
    low, high : float
        Range of the fit.
    n_events : float
        In that range.
    chi2 : float
        Of Baker and Cousins.
    n_degrees : int
    """

    mean: float
    mean_error: float
    width: float
    width_error: float
    low: float
    high: float
    n_events: float
    chi2: float
    n_degrees: int

    @property
    def p_value(self) -> float:
        """Probability of a larger chi2."""
        return float(special.chdtrc(self.n_degrees, self.chi2)) if self.n_degrees > 0 else 1.0


def fit_gaussian(edges: Numbers, counts: Numbers, start: Start) -> Gaussian | None:
    """Gaussian of the bins that are given.

    Parameters
    ----------
    edges : (n_bins + 1,) float64
    counts : (n_bins,) float64
    start : Start

    Returns
    -------
    Gaussian or None
        None if the fit does not converge.
    """

    def cumulative(x: Numbers, n: float, mean: float, width: float) -> Numbers:
        return np.asarray(n * special.ndtr((x - mean) / width))

    minimiser = Minuit(
        ExtendedBinnedNLL(counts, edges, cumulative),
        n=float(counts.sum()),
        mean=start.mean,
        width=start.width,
    )
    minimiser.limits["n"] = (1, None)
    minimiser.limits["width"] = start.widths
    minimiser.limits["mean"] = start.means
    minimiser.migrad()
    minimiser.hesse()
    _, mean, width = minimiser.values
    _, mean_error, width_error = minimiser.errors
    if not minimiser.valid or not math.isfinite(mean_error) or mean_error <= 0:
        return None
    return Gaussian(
        mean,
        mean_error,
        width,
        width_error,
        float(edges[0]),
        float(edges[-1]),
        float(counts.sum()),
        float(minimiser.fval or 0.0),
        len(counts) - 3,
    )
