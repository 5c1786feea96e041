"""The peak of two muons in the HCAL modules: a Gaussian core by likelihood, over all runs and run by run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray
from scipy import special

from na64.datasets.instrument.roles import MODULES
from na64.outputs.control.gaussian_core import Start, fit_gaussian

Numbers = NDArray[np.float64]

WINDOW = (4.0, 8.0)
"""GeV in which two muons are looked for in a module [V: EJ]."""

LEAST_EVENTS = 40
"""Events of a spectrum that is fitted, at least."""

_CORE = 1.5
"""Standard deviations around the peak that are fitted: the tail above is Landau's, that below one muon."""
_ROUNDS = 4
_NARROWEST, _WIDEST = 0.2, 2.5


@dataclass(frozen=True, slots=True)
class Peak:
    """A fitted peak.

    Attributes
    ----------
    module : int
    mean, mean_error, width, width_error : float
        GeV, of the Gaussian core.
    n_events : float
        In the range of the fit.
    low, high : float
        GeV, the range.
    chi2 : float
        Of Baker and Cousins.
    n_degrees : int
    """

    module: int
    mean: float
    mean_error: float
    width: float
    width_error: float
    n_events: float
    low: float
    high: float
    chi2: float
    n_degrees: int

    @property
    def p_value(self) -> float:
        """Probability of a larger chi2."""
        return float(special.chdtrc(self.n_degrees, self.chi2)) if self.n_degrees > 0 else 1.0


def peak_spectra(histograms: dict[str, hist.Hist[Any]]) -> dict[int, hist.Hist[Any]]:
    """Spectrum of each HCAL module, where a neighbouring one has two muons.

    Two-dimensional histograms of neighbours are taken where the selection has them, else the plain spectrum.

    Parameters
    ----------
    histograms : dict of str to Hist
        Of the result, by name: ``hcal_0_hcal_1``, ``hcal_1_hcal_2``, ``hcal_0`` and so on.
    """
    found: dict[int, hist.Hist[Any]] = {}
    for module in range(3):
        for low, high in ((module, module + 1), (module - 1, module)):
            plane = histograms.get(f"{MODULES}_{low}_{MODULES}_{high}")
            if plane is not None and module not in found:
                found[module] = _beside(plane, 0 if module == low else 1)
        if module not in found and f"{MODULES}_{module}" in histograms:
            found[module] = histograms[f"{MODULES}_{module}"]
    return found


def fit_peak(
    spectrum: hist.Hist[Any], module: int, *, within: tuple[float, float] | None = None
) -> Peak | None:
    """Fit a Gaussian to the core of a peak, and again within 1.5 standard deviations of what was found.

    Parameters
    ----------
    spectrum : Hist
        Energy of the module, GeV, counts.
    module : int
    within : tuple of float, optional
        GeV: fit once, here; for a run, so that all runs are treated alike.

    Returns
    -------
    Peak or None
        None with too few events or if the fit fails.
    """
    edges, counts = spectrum.axes[0].edges, spectrum.values().astype(np.float64)
    low, high = within or WINDOW
    peak = None
    for _ in range(1 if within else _ROUNDS):
        first = max(int(np.searchsorted(edges, low + 1e-9)) - 1, 0)
        last = int(np.searchsorted(edges, high - 1e-9)) + 1
        inside = counts[first : last - 1]
        if inside.sum() < LEAST_EVENTS or len(inside) < 4:
            return None
        peak = _fit(edges[first:last], inside, module)
        if peak is None:
            return None
        low, high = peak.mean - _CORE * peak.width, peak.mean + _CORE * peak.width
    return peak


def _fit(edges: Numbers, counts: Numbers, module: int) -> Peak | None:
    centre = float(np.average((edges[1:] + edges[:-1]) / 2, weights=counts))
    found = fit_gaussian(edges, counts, Start(centre, 1.0, WINDOW, (_NARROWEST, _WIDEST)))
    if found is None:
        return None
    return Peak(
        module,
        found.mean,
        found.mean_error,
        found.width,
        found.width_error,
        found.n_events,
        found.low,
        found.high,
        found.chi2,
        found.n_degrees,
    )


def _beside(plane: hist.Hist[Any], axis: int) -> hist.Hist[Any]:
    """Project on one axis what has two muons on the other; bins that reach beyond the window are left out."""
    edges = plane.axes[1 - axis].edges
    chosen = (edges[:-1] >= WINDOW[0] - 1e-9) & (edges[1:] <= WINDOW[1] + 1e-9)
    values = plane.values() if axis == 0 else plane.values().T
    spectrum = hist.Hist(plane.axes[axis], storage=hist.storage.Double())
    spectrum.view()[...] = values[:, chosen].sum(axis=1)
    return spectrum
