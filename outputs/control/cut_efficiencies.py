"""Efficiencies of single cuts by run against intensity: events that pass, of those that pass all others."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from iminuit import Minuit
from numpy.typing import NDArray
from scipy import special

from na64.outputs.result.cutflow import VISIBLE
from na64.outputs.result.lacks import lacks_of_cuts
from na64.outputs.result.products import Products
from na64.outputs.result.spills import SpillsRow
from na64.outputs.result.store import SPILLS, checked
from na64.outputs.result.table import Table, read_csv

Numbers = NDArray[np.float64]

LEAST_EVENTS = 10
"""That pass, and that fail, for a line to be fitted: at an efficiency of 1 its error would mean nothing."""

_TAIL = (1 - math.erf(math.sqrt(0.5))) / 2


@dataclass(frozen=True, slots=True)
class CutEfficiencyRow:
    """Row of `efficiencies.csv`: a cut in a run.

    Attributes
    ----------
    cut : str
    run : int
    eot_per_spill : float or None
        Electrons on target, mean over the good spills.
    tagged, passed : int
        Events that pass all other cuts, and those of them that pass this one.
    efficiency : float
    error_below, error_above : float
        Central 68 % interval, as distances.
    """

    cut: str
    run: int
    eot_per_spill: float | None
    tagged: int
    passed: int
    efficiency: float
    error_below: float
    error_above: float


@dataclass(frozen=True, slots=True)
class Probe:
    """One cut in one run.

    Attributes
    ----------
    run : int
    intensity : float or None
        Electrons on target a spill, mean over the good spills.
    tagged, passed : int
        Events that pass all other cuts, and those of them that pass this one.
    """

    run: int
    intensity: float | None
    tagged: int
    passed: int

    @property
    def value(self) -> float:
        """Efficiency; nan without tagged events."""
        return self.passed / self.tagged if self.tagged else math.nan

    @property
    def errors(self) -> tuple[float, float]:
        """Central 68 % interval of Clopper and Pearson, as distances below and above."""
        low, high = clopper_pearson(self.passed, self.tagged)
        return self.value - low, high - self.value


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through the efficiencies: ``at_mean + slope * (intensity - mean)``.

    Attributes
    ----------
    mean : float
        Intensity, weighted with the tagged events.
    at_mean, at_mean_error : float
    slope, slope_error : float
        Per electron a spill.
    chi2 : float
        Twice the logarithm of the likelihood ratio to the runs themselves.
    n_degrees : int
    """

    mean: float
    at_mean: float
    at_mean_error: float
    slope: float
    slope_error: float
    chi2: float
    n_degrees: int

    @property
    def p_value(self) -> float:
        """Probability of a larger chi2."""
        return float(special.chdtrc(self.n_degrees, self.chi2)) if self.n_degrees > 0 else 1.0


@dataclass(frozen=True, slots=True)
class CutEfficiency:
    """One cut over runs.

    Attributes
    ----------
    cut : str
    probes : tuple of Probe
        Runs with tagged events, by number.
    total : Probe
        All of them; its run is 0.
    trend : Trend or None
        None with fewer than three runs of known and different intensity, or too few events that fail or pass.
    """

    cut: str
    probes: tuple[Probe, ...]
    total: Probe
    trend: Trend | None


def clopper_pearson(passed: int, tagged: int) -> tuple[float, float]:
    """Central 68 % interval of a binomial probability; 0 to 1 without events."""
    if not 0 <= passed <= tagged:
        raise ValueError(f"{passed} of {tagged} events pass")
    low = float(special.betaincinv(passed, tagged - passed + 1, _TAIL)) if passed else 0.0
    high = float(special.betaincinv(passed + 1, tagged - passed, 1 - _TAIL)) if passed < tagged else 1.0
    return low, high


def efficiencies(
    products: Products, intensity: dict[int, float], cuts: Collection[str]
) -> list[CutEfficiency]:
    """Efficiency of cuts, run by run.

    Parameters
    ----------
    products : Products
    intensity : dict of int to float
        By run, see `intensities`.
    cuts : collection of str
        Those that the selection does not have, or of which no event passes all others, are passed over; so
        are runs for a cut that a part of their events cannot pass, for want of a value.
    """
    rows = products.cutflow.rows
    lacking = {run.run: lacks_of_cuts(products.summary, [run]) for run in products.summary.runs}
    all_cuts = {row.run: row.n_minus_one for row in rows if row.cut == VISIBLE}
    found = []
    for cut in (cut.name for cut in products.summary.selection.cuts if cut.name in cuts):
        others = {row.run: row.n_minus_one for row in rows if row.cut == cut}
        probes = tuple(
            Probe(run, intensity.get(run), others[str(run)], all_cuts[str(run)])
            for run in sorted(lacking)
            if others.get(str(run)) and cut not in lacking[run]
        )
        tagged, passed = (sum(getattr(probe, name) for probe in probes) for name in ("tagged", "passed"))
        if probes:
            found.append(CutEfficiency(cut, probes, Probe(0, None, tagged, passed), trend_of(probes)))
    return found


def intensities(folder: Path, products: Products) -> dict[int, float]:
    """Mean particles on target a spill of every run, from the good spills of `spills.csv`."""
    table = read_csv(checked(folder / SPILLS, products.summary), SpillsRow, SPILLS)
    of_run: dict[int, list[float]] = {}
    for row in table.rows:
        if row.quality == "good" and row.eot_delivered is not None:
            of_run.setdefault(row.run, []).append(row.eot_delivered)
    return {run: math.fsum(values) / len(values) for run, values in of_run.items()}


def trend_of(probes: Sequence[Probe]) -> Trend | None:
    """Fit a straight line in intensity by binomial maximum likelihood."""
    known = [probe for probe in probes if probe.intensity is not None]
    x = np.array([probe.intensity for probe in known], np.float64)
    n, k = (np.array([getattr(p, name) for p in known], np.float64) for name in ("tagged", "passed"))
    if len(np.unique(x)) < 3 or min(k.sum(), (n - k).sum()) < LEAST_EVENTS:
        return None
    mean, width = float(np.average(x, weights=n)), float(np.ptp(x))

    def cost(at_mean: float, slope: float) -> float:
        return _deviance(n, k, np.clip(at_mean + slope * (x - mean) / width, 1e-9, 1 - 1e-9))

    minimiser = Minuit(cost, at_mean=min(max(k.sum() / n.sum(), 0.01), 0.99), slope=0.0)
    minimiser.errordef = 1.0
    minimiser.limits["at_mean"] = (0, 1)
    minimiser.migrad()
    minimiser.hesse()
    (value, slope), (error, slope_error) = minimiser.values, minimiser.errors
    return Trend(
        mean, value, error, slope / width, slope_error / width, float(minimiser.fval or 0.0), len(known) - 2
    )


def efficiency_table(found: Sequence[CutEfficiency]) -> Table[CutEfficiencyRow]:
    """Put efficiencies by run into a table."""
    rows: list[CutEfficiencyRow] = []
    for efficiency in found:
        for probe in efficiency.probes:
            numbers = (probe.tagged, probe.passed, probe.value, *probe.errors)
            rows.append(CutEfficiencyRow(efficiency.cut, probe.run, probe.intensity, *numbers))
    return Table(CutEfficiencyRow, rows)


def _deviance(n: Numbers, k: Numbers, p: Numbers) -> float:
    """Twice the logarithm of the likelihood ratio of observed fractions to probabilities."""
    passed = special.xlogy(k, k / n) - k * np.log(p)
    failed = special.xlogy(n - k, 1 - k / n) - (n - k) * np.log1p(-p)
    return float(2 * np.sum(passed + failed))
