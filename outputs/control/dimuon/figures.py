"""Figures of the benchmark: ratios by run, muon peaks, and peaks by run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import hist
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from scipy import special

from na64.datasets.instrument.roles import MODULES
from na64.outputs.control.cut_efficiencies import CutEfficiency
from na64.outputs.control.dimuon.benchmark import Benchmark
from na64.outputs.control.dimuon.muon_peak import Peak
from na64.outputs.report.style import ACCENT, CLOSED, FILL, INK, QUIET, stamp
from na64.outputs.result.yields import poisson_errors

_DRAWN = (0.0, 12.0)
"""GeV of the muon peaks that are drawn."""


def ratios(benchmarks: Sequence[Benchmark], *, label: str) -> Figure:
    """Draw dimuons seen over dimuons expected by run, a panel a cut, with the ratio of everything as a band.

    Parameters
    ----------
    benchmarks : sequence of Benchmark
    label : str
        What the data are.
    """
    figure = Figure(figsize=(7.4, 2.4 * len(benchmarks) + 0.7), layout="constrained")
    grid = figure.subplots(len(benchmarks), 1, sharex=True, squeeze=False)[:, 0]
    for axes, benchmark in zip(grid, benchmarks, strict=True):
        _draw_ratios(axes, benchmark)
    _run_axis(grid[-1])
    stamp(grid[0], label, right="Region I over expectation")
    return figure


def _draw_ratios(axes: Axes, benchmark: Benchmark) -> None:
    runs = [int(ratio.of) for ratio in benchmark.runs]
    values = np.array([ratio.value for ratio in benchmark.runs])
    errors = np.array([ratio.errors for ratio in benchmark.runs]).T
    axes.errorbar(runs, values, yerr=errors, fmt="o", color=INK, elinewidth=1.1)
    all_runs = benchmark.everything
    below, above = all_runs.errors
    axes.axhspan(all_runs.value - below, all_runs.value + above, color=FILL, alpha=0.7, linewidth=0)
    for sign in (-1, 1):
        axes.axhline(all_runs.value + sign * benchmark.systematic, color=QUIET, linestyle=":", linewidth=1)
    axes.axhline(1, color=CLOSED, linewidth=0.9)
    axes.set_ylim(0, 1.45 * max(float((values + errors[1]).max()), 1.3))
    axes.set_ylabel("data / expected")
    text = f"after {benchmark.after.replace('_', ' ')}: {all_runs.value:.3f} "
    text += f"+{above:.3f} -{below:.3f} (stat) ± {benchmark.systematic:.2f} (dotted)"
    if benchmark.test is not None:
        test = benchmark.test
        text += f"\n$\\chi^2$/ndf = {test.chi2:.1f}/{test.n_degrees}, p = {test.p_value:.2g}"
    axes.text(0.985, 0.94, text, transform=axes.transAxes, ha="right", va="top", fontsize=10.5)


def peaks(
    spectra: Mapping[int, hist.Hist[Any]], found: Mapping[int, Peak | None], *, label: str, what: str
) -> Figure:
    """Draw the spectrum of every module with the fitted core.

    Parameters
    ----------
    spectra : mapping of int to Hist
        By module.
    found : mapping of int to Peak or None
    label, what : str
        What the events are; which of them.
    """
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    grid = figure.subplots(1, max(1, len(spectra)), squeeze=False)[0]
    for axes, (module, spectrum) in zip(grid, spectra.items(), strict=False):
        _draw_peak(axes, spectrum, found.get(module))
        axes.set_xlabel(f"{MODULES.upper()} {module} [GeV]")
    grid[0].set_ylabel("events per bin")
    stamp(grid[0], label)
    grid[-1].set_title(what, loc="right", color=QUIET, fontsize=10.5)
    return figure


def _draw_peak(axes: Axes, spectrum: hist.Hist[Any], peak: Peak | None) -> None:
    edges, counts = spectrum.axes[0].edges, spectrum.values().astype(np.float64)
    inside = (edges[:-1] >= _DRAWN[0]) & (edges[1:] <= _DRAWN[1])
    centres = (edges[1:] + edges[:-1])[inside] / 2
    errors = poisson_errors(counts[inside])
    axes.errorbar(centres, counts[inside], yerr=errors, fmt="o", color=INK, ms=3.5, elinewidth=1)
    axes.set_xlim(*_DRAWN)
    shown = counts[inside] if peak is None else counts[(edges[:-1] >= peak.low) & (edges[1:] <= peak.high)]
    axes.set_ylim(0, 1.6 * max(float(shown.max(initial=0)), 1.0))
    if peak is None:
        axes.text(0.97, 0.95, "no peak fitted", transform=axes.transAxes, ha="right", va="top", color=QUIET)
        return
    share = special.ndtr((np.array([peak.low, peak.high]) - peak.mean) / peak.width)
    x = np.linspace(peak.low, peak.high, 100)
    height = peak.n_events / (share[1] - share[0]) * np.diff(edges)[0] / peak.width / np.sqrt(2 * np.pi)
    axes.plot(x, height * np.exp(-(((x - peak.mean) / peak.width) ** 2) / 2), color=ACCENT, linewidth=2)
    text = (
        f"{peak.mean:.2f} ± {peak.mean_error:.2f} GeV\n"
        f"$\\sigma$ = {peak.width:.2f} ± {peak.width_error:.2f} GeV\n"
        f"$\\chi^2$/ndf = {peak.chi2:.1f}/{peak.n_degrees}"
    )
    axes.text(0.97, 0.95, text, transform=axes.transAxes, ha="right", va="top", fontsize=10.5)


def peaks_by_run(
    by_run: Mapping[int, Mapping[int, Peak | None]], mean: Mapping[int, Peak | None], *, label: str
) -> Figure:
    """Draw the position of the peak of every module over the runs, relative to that of all runs.

    Parameters
    ----------
    by_run : mapping of int to mapping of int to Peak or None
        By run and module.
    mean : mapping of int to Peak or None
        Of all runs, by module.
    label : str
    """
    modules = [module for module, peak in mean.items() if peak is not None]
    figure = Figure(figsize=(7.4, 1.7 * max(1, len(modules)) + 0.8), layout="constrained")
    grid = figure.subplots(max(1, len(modules)), 1, sharex=True, squeeze=False)[:, 0]
    for axes, module in zip(grid, modules, strict=False):
        reference = mean[module]
        fitted = [(run, peak) for run, of in by_run.items() if (peak := of.get(module)) is not None]
        if reference is None or not fitted:
            continue
        runs = [run for run, _ in fitted]
        values = np.array([peak.mean for _, peak in fitted]) / reference.mean
        errors = np.array([peak.mean_error for _, peak in fitted]) / reference.mean
        axes.errorbar(runs, values, yerr=errors, fmt="o", color=INK, elinewidth=1.1)
        axes.axhline(1, color=ACCENT, linestyle="--", linewidth=1)
        half = max(0.05, 1.4 * float(np.max(np.abs(values - 1) + errors)))
        axes.set_ylim(1 - half, 1 + half)
        axes.set_ylabel(f"{MODULES.upper()} {module}")
        chi2 = float(np.sum(((values - 1) / errors) ** 2))
        text = f"$\\chi^2$/ndf = {chi2:.1f}/{len(values) - 1}"
        axes.text(0.985, 0.94, text, transform=axes.transAxes, ha="right", va="top", fontsize=10.5)
    _run_axis(grid[-1])
    stamp(grid[0], label, right="muon peak over that of all runs")
    return figure


def efficiencies(found: Sequence[CutEfficiency], *, label: str, what: str) -> Figure:
    """Draw efficiencies over intensity, a panel a cut, with the fitted line; without intensity over runs.

    Parameters
    ----------
    found : sequence of CutEfficiency
    label, what : str
        What the events are; the selection that tagged them.
    """
    figure = Figure(figsize=(7.4, 1.8 * max(1, len(found)) + 0.8), layout="constrained")
    grid = figure.subplots(max(1, len(found)), 1, sharex=True, squeeze=False)[:, 0]
    known = all(probe.intensity for efficiency in found for probe in efficiency.probes)
    for axes, efficiency in zip(grid, found, strict=False):
        _draw_efficiency(axes, efficiency, known=known)
    if known:
        grid[-1].set_xlabel("particles on target a spill [$10^6$]")
    else:
        _run_axis(grid[-1])
    stamp(grid[0], label, right=what)
    return figure


def _draw_efficiency(axes: Axes, efficiency: CutEfficiency, *, known: bool) -> None:
    probes = efficiency.probes
    x = np.array([(probe.intensity or 0) / 1e6 if known else probe.run for probe in probes])
    values = np.array([probe.value for probe in probes])
    errors = np.array([probe.errors for probe in probes]).T.clip(min=0)
    axes.errorbar(x, values, yerr=errors, fmt="o", color=INK, elinewidth=1.1)
    text = f"{efficiency.total.passed} of {efficiency.total.tagged}: {efficiency.total.value:.4f}"
    trend = efficiency.trend
    if trend is not None and known:
        ends = np.array([x.min(), x.max()])
        axes.plot(ends, trend.at_mean + trend.slope * (ends * 1e6 - trend.mean), color=ACCENT)
        slope = f"({100 * trend.slope * 1e6:.2f} ± {100 * trend.slope_error * 1e6:.2f}) %"
        text += f"; {slope} per $10^6$; p = {trend.p_value:.2g}"
    lowest, highest = float((values - errors[0]).min()), float((values + errors[1]).max())
    room = max(highest - lowest, 0.01)
    axes.set_ylim(lowest - 0.2 * room, highest + 0.6 * room)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.set_ylabel(efficiency.cut.replace("_", " "))
    axes.text(0.985, 0.93, text, transform=axes.transAxes, ha="right", va="top", fontsize=10.5)


def _run_axis(axes: Axes) -> None:
    axes.set_xlabel("run")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.ticklabel_format(axis="x", style="plain", useOffset=False)
