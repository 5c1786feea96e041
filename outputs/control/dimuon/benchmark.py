"""Region I against simulation: dimuons seen over dimuons expected, by run, by period and in all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from na64.datasets.basics.run_ranges import runs_in_words
from na64.datasets.conditions.on_target import on_target, only_beam
from na64.outputs.result.products import Products, require_regions
from na64.outputs.result.summary import RunAccounting
from na64.outputs.result.table import Table
from na64.outputs.result.yields import Constancy, YieldsRow, constancy, poisson_errors
from na64.selections.regions import DIMUON_REGION

SHOWER_CUT = "shower_chi2"
"""The cut with and without which the benchmark is made."""

EXPOSURE_ERROR = 0.05
"""Relative error of EOT [V: 2606.17320 (abs)]."""

PRODUCTION_ERROR = 0.10
"""Relative error of the production of pairs: the residual of data over simulation in papers [R-med]."""

ALL = "all"
_UNIFORM = 1e-6


@dataclass(frozen=True, slots=True)
class DimuonRow:
    """Row of `dimuon.csv`: a run, a period or all, after a cut.

    Attributes
    ----------
    after : str
        The cut after which Region I is counted.
    of, period : str
    eot_live : float
        Particles on target.
    observed : int
        Events of Region I.
    expected, expected_error : float
        Events that the simulation expects.
    ratio, error_below, error_above : float
        Observed over expected.
    """

    after: str
    of: str
    period: str
    eot_live: float
    observed: int
    expected: float
    expected_error: float
    ratio: float
    error_below: float
    error_above: float


@dataclass(frozen=True, slots=True)
class Rate:
    """Events of Region I per live particle on target, with the statistical error."""

    value: float
    error: float

    def __post_init__(self) -> None:
        if not self.value > 0 or not self.error >= 0:
            raise ValueError(
                f"simulation expects {self.value} +- {self.error} dimuons per electron on target"
            )

    def times(self, factor: float) -> Rate:
        """Scale value and error."""
        return Rate(self.value * factor, self.error * factor)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Dimuons seen over dimuons expected, of one exposure.

    Attributes
    ----------
    of, period : str
        A run, a period, or `ALL`.
    on_target : float
        Live particles on target.
    observed : int
    rate : Rate
        Expected per particle.
    """

    of: str
    period: str
    on_target: float
    observed: int
    rate: Rate

    @property
    def expected(self) -> float:
        """Dimuons expected."""
        return self.rate.value * self.on_target

    @property
    def value(self) -> float:
        """Seen over expected."""
        return self.observed / self.expected

    @property
    def errors(self) -> tuple[float, float]:
        """Central 68 % interval of the counts and error of the simulation, as distances below and above."""
        below, above = poisson_errors(np.array([self.observed], np.float64))[:, 0] / self.expected
        simulated = self.value * self.rate.error / self.rate.value
        return math.hypot(below, simulated), math.hypot(above, simulated)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Ratios after one cut.

    Attributes
    ----------
    after : str
        The cut after which Region I is counted.
    runs, periods : tuple of Ratio
    everything : Ratio
    test : Constancy or None
        That the runs have one rate.
    """

    after: str
    runs: tuple[Ratio, ...]
    periods: tuple[Ratio, ...]
    everything: Ratio
    test: Constancy | None

    @property
    def systematic(self) -> float:
        """Error of the ratio of everything that no run can tell: exposure and production."""
        return self.everything.value * math.hypot(EXPOSURE_ERROR, PRODUCTION_ERROR)

    def table_rows(self) -> Iterator[DimuonRow]:
        """Yield the rows of the table: runs, periods, all."""
        for ratio in (*self.runs, *self.periods, self.everything):
            expected_error = ratio.rate.error * ratio.on_target
            numbers = (
                ratio.on_target,
                ratio.observed,
                ratio.expected,
                expected_error,
                ratio.value,
                *ratio.errors,
            )
            yield DimuonRow(self.after, ratio.of, ratio.period, *numbers)


def stages(products: Products) -> tuple[str, ...]:
    """Cuts after which Region I is compared: before the shower cut if there is one, and after it."""
    names = ["visible", *(cut.name for cut in products.summary.selection.cuts)]
    if SHOWER_CUT not in names:
        return (products.summary.selection.yields_after,)
    place = names.index(SHOWER_CUT)
    return (names[place - 1], SHOWER_CUT)


def region_counts(products: Products, after: str) -> dict[int, int]:
    """Events of Region I of every run after a cut.

    Raises
    ------
    ValueError
        The selection has no such region.
    """
    require_regions(products, DIMUON_REGION, what="the dimuon benchmark")
    found = {row.run: row.regions[DIMUON_REGION] for row in products.regions.rows if row.cut == after}
    return {int(run): count for run, count in found.items() if run.isdecimal()}


def expected_rate(simulation: Products, after: str) -> Rate:
    """Dimuons that a simulation expects per live electron, of the runs whose exposure is known.

    Parameters
    ----------
    simulation : Products
        Simulation with exposure; weighted if its pairs are biased.
    after : str

    Raises
    ------
    ValueError
        No exposure is known, or weights differ between events and the cut is not the one of `yields.csv`.
    """
    runs = [run for run in simulation.summary.physics_runs if run.eot_live]
    beam_of(simulation)
    on_target = math.fsum(run.eot_live or 0.0 for run in runs)
    if not runs:
        raise ValueError("the simulation has no exposure: its folder needs conditions/runs.csv with eot_live")
    counts = region_counts(simulation, after)
    n_events = sum(counts.get(run.run, 0) for run in runs)
    if after == simulation.summary.selection.yields_after and simulation.is_weighted:
        chosen = {run.run for run in runs}
        rows = [row for row in simulation.yields.rows if row.run in chosen]
        sumw, sumw2 = _weighted(rows)
        return Rate(sumw / on_target, math.sqrt(sumw2) / on_target)
    weight = uniform_weight(simulation)
    return Rate(weight * n_events / on_target, weight * math.sqrt(n_events) / on_target)


def uniform_weight(simulation: Products) -> float:
    """Weight that all simulated events of Region I have.

    Raises
    ------
    ValueError
        They have several.
    """
    if not simulation.is_weighted:
        return 1.0
    rows = simulation.yields.rows
    count, (sumw, sumw2) = sum(row.regions.get(DIMUON_REGION, 0) for row in rows), _weighted(rows)
    if not count or abs(sumw**2 - count * sumw2) > _UNIFORM * sumw**2:
        raise ValueError(
            "the simulated events have different weights: only the yields' own cut can be compared"
        )
    return sumw / count


def compare(data: Products, after: str, rate: Rate) -> Benchmark:
    """Compare the runs of known exposure with a rate.

    Raises
    ------
    ValueError
        No physics run has an exposure, or they are of several kinds of beam.
    """
    counts = region_counts(data, after)
    known = [run for run in data.summary.physics_runs if run.eot_live]
    particle, _ = beam_of(data)
    if not known:
        what = on_target(particle)
        raise ValueError(f"no physics run has live {what}: there is nothing to compare with")
    runs = tuple(_ratio(str(run.run), [run], counts, rate) for run in known)
    periods = sorted({run.period for run in known})
    of_periods = (
        _ratio(name, [run for run in known if run.period == name], counts, rate) for name in periods
    )
    seen = np.array([ratio.observed for ratio in runs], np.float64)
    test = constancy(seen, np.array([ratio.on_target for ratio in runs]))
    return Benchmark(after, runs, tuple(of_periods), _ratio(ALL, known, counts, rate), test)


def runs_left_out(name: str, products: Products) -> Iterator[str]:
    """Physics runs of a result that are not compared: no live particles on target are stated."""
    if runs := [run.run for run in products.summary.physics_runs if not run.eot_live]:
        particle = products.summary.particle_of(products.summary.physics_runs[0])
        yield f"left out: {runs_in_words(runs)} of {name}, no live {on_target(particle)} are stated"


def shower_efficiency(data: tuple[int, int], simulation: tuple[Rate, Rate]) -> tuple[float, float]:
    """Efficiency of the shower cut in data over that in simulation, with its error.

    Parameters
    ----------
    data : tuple of int
        Dimuons without and with the cut; those with it are among those without.
    simulation : tuple of Rate
        The same.
    """
    without, with_cut = data
    if not without or not with_cut:
        raise ValueError("no dimuons are left to see what the shower cut does")
    seen = with_cut / without
    expected = simulation[1].value / simulation[0].value
    n_simulated = (simulation[0].value / simulation[0].error) ** 2
    variance = (1 - seen) / with_cut + (1 - expected) / (expected * n_simulated)
    return seen / expected, seen / expected * math.sqrt(max(variance, 0.0))


def dimuon_table(benchmarks: Iterable[Benchmark]) -> Table[DimuonRow]:
    """Put ratios after several cuts into one table."""
    return Table(DimuonRow, [row for benchmark in benchmarks for row in benchmark.table_rows()])


def beam_of(products: Products) -> tuple[str, float]:
    """Particle and energy (GeV, 0 if not known) of the physics runs.

    Raises
    ------
    ValueError
        There are several beams, whose exposures cannot be added.
    """
    summary = products.summary
    return only_beam(map(summary.beam_of, summary.physics_runs), f"the dimuons of {summary.selection.name}")


def _ratio(of: str, runs: list[RunAccounting], counts: dict[int, int], rate: Rate) -> Ratio:
    on_target = math.fsum(run.eot_live or 0.0 for run in runs)
    periods = {run.period for run in runs}
    return Ratio(
        of,
        periods.pop() if len(periods) == 1 else ALL,
        on_target,
        sum(counts.get(r.run, 0) for r in runs),
        rate,
    )


def _weighted(rows: Iterable[YieldsRow]) -> tuple[float, float]:
    """Sums over runs of the weights of dimuons, and of their squares."""
    sumw, sumw2 = zip(*(row.weighted(DIMUON_REGION) for row in rows), strict=True)
    return math.fsum(sumw), math.fsum(sumw2)
