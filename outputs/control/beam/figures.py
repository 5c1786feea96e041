"""Figures of the beam: momentum, angle, spectra of the SRD by tag, and what changes from run to run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from na64.datasets.instrument.roles import COUNTERS
from na64.outputs.control.beam.core import TAIL, find_core, quantile
from na64.outputs.control.beam.measure import BeamSample
from na64.outputs.control.beam.quantities import RAYLEIGH_MEDIAN
from na64.outputs.control.beam.sums import ANGLE_BINS, COUNTER_BINS, MOMENTUM_BINS, Counts, Floats
from na64.outputs.control.beam.values import shown
from na64.outputs.report.style import ACCENT, CLOSED, FILL, INK, QUIET, stamp
from na64.outputs.result.messages import counted
from na64.outputs.result.yields import poisson_errors

_TAGS = (("electron", ACCENT, "-"), ("hadron", CLOSED, "--"), ("muon", INK, ":"))
_BY_RUN = (
    ("momentum", "p [GeV]", 1.0),
    ("electron_tagged", "electrons [%]", 100.0),
    ("hadron_tagged", "hadrons [%]", 100.0),
    ("muon_tagged", "muons [%]", 100.0),
    (f"{COUNTERS}_passed_electron", f"{COUNTERS.upper()}, electrons [%]", 100.0),
)
_DRAWN_WIDTHS = 8.0


def momentum(samples: Sequence[BeamSample], *, label: str) -> Figure:
    """Draw the momentum of every sample with its core.

    Parameters
    ----------
    samples : sequence of BeamSample
    label : str
        What the events are.
    """
    figure, panels = _panels(samples, label)
    for axes, one in zip(panels, samples, strict=True):
        edges = MOMENTUM_BINS * one.sample.energy
        core = find_core(edges, one.sums.momentum)
        width = core.gaussian.width if core else 0.02 * one.sample.energy
        middle = core.gaussian.mean if core else one.sample.energy
        step = max(int(width / (edges[1] - edges[0]) / 5), 1)
        joined, counts = _joined(edges, one.sums.momentum, step)
        _draw_counts(axes, joined, counts)
        axes.set_xlim(middle - _DRAWN_WIDTHS * width, middle + _DRAWN_WIDTHS * width)
        axes.set_xlabel("momentum of the track [GeV]")
        if core is None:
            _say(axes, "no core fitted")
            continue
        fit = core.gaussian
        x = np.linspace(fit.mean - TAIL * fit.width, fit.mean + TAIL * fit.width, 200)
        height = counts[(joined[:-1] >= fit.low) & (joined[1:] <= fit.high)].sum() * (joined[1] - joined[0])
        height /= fit.width * np.sqrt(2 * np.pi) * 0.9545
        axes.plot(x, height * np.exp(-(((x - fit.mean) / fit.width) ** 2) / 2), color=ACCENT, linewidth=2)
        below, above = (shown(one.everything[f"momentum_{s}"].measured, 100) for s in ("below", "above"))
        text = f"p = {shown(one.everything['momentum'].measured)} GeV\n"
        text += f"dp/p = {shown(one.everything['momentum_resolution'].measured, 100)} %\n"
        _say(axes, f"{text}below {TAIL:g} widths: {below} %\nabove: {above} %")
    return figure


def angle(samples: Sequence[BeamSample], *, label: str) -> Figure:
    """Draw the angle to the axis of every sample, with what two Gaussian projections of its median give."""
    figure, panels = _panels(samples, label)
    for axes, one in zip(panels, samples, strict=True):
        edges, counts = _joined(1e3 * ANGLE_BINS, one.sums.angle, 5)
        axes.set_xlabel("angle to the axis [mrad]")
        _draw_counts(axes, edges, counts)
        median = quantile(1e3 * ANGLE_BINS, one.sums.angle, 0.5)
        axes.set_xlim(0, max(6 * median, 1.0))
        if "divergence" not in one.everything:
            _say(axes, "not in these files")
            continue
        sigma = median / RAYLEIGH_MEDIAN
        x = np.linspace(0, 5 * sigma, 200)
        height = counts.sum() * (edges[1] - edges[0]) / sigma**2
        axes.plot(x, height * x * np.exp(-((x / sigma) ** 2) / 2), color=ACCENT, linewidth=2)
        _say(axes, f"divergence {shown(one.everything['divergence'].measured, 1e3)} mrad\na projection")
    return figure


def counters(samples: Sequence[BeamSample], *, label: str) -> Figure:
    """Draw the energy in each SRD counter by tag, a row a sample, with the window."""
    n_columns = max([len(one.sums.seen_counters) for one in samples] + [1])
    figure = Figure(figsize=(10.5, 3.0 * len(samples) + 0.7), layout="constrained")
    grid = figure.subplots(len(samples), n_columns, squeeze=False, sharey="row")
    for row, one in zip(grid, samples, strict=True):
        places = one.sums.seen_counters
        for axes in row[len(places) :]:
            axes.set_axis_off()
        for axes, place in zip(row, places, strict=False):
            _draw_counter(axes, one, place)
        if places:
            row[0].set_ylabel("share of tagged events")
            row[0].legend(loc="upper right")
    stamp(grid[0, 0], label)
    grid[0, -1].set_title(samples[0].sample.name, loc="right", color=QUIET, fontsize=10.5)
    for row, one in zip(grid[1:], samples[1:], strict=True):
        row[-1].set_title(one.sample.name, loc="right", color=QUIET, fontsize=10.5)
    return figure


def _draw_counter(axes: Axes, one: BeamSample, place: int) -> None:
    low, high = (1e3 * end for end in one.radiation.srd_window)
    edges = COUNTER_BINS * high
    for tag, colour, line in _TAGS:
        sums = one.sums.tags[tag]
        if tag in one.sums.can_tag and sums.n_events:
            values = sums.spectra[place] / sums.n_events
            axes.stairs(values, edges, color=colour, linestyle=line, label=f"{tag}s ({sums.n_events:,})")
    axes.axvspan(low, high, color=FILL, alpha=0.25, linewidth=0)
    axes.set_yscale("log")
    axes.set_xlim(0, edges[-1])
    axes.set_xlabel(f"{one.sums.counters[place].replace('_', ' ').upper()} [MeV]")


def composition(samples: Sequence[BeamSample], *, label: str) -> Figure:
    """Draw momentum, tagged shares and the efficiency of the SRD run by run, with all runs as a band."""
    names = [entry for entry in _BY_RUN if any(entry[0] in one.everything for one in samples)]
    widths = [max(len(one.runs), 4) for one in samples]
    figure = Figure(figsize=(10.5, 1.5 * len(names) + 1.2), layout="constrained")
    grid = figure.subplots(max(len(names), 1), len(samples), squeeze=False, sharex="col", width_ratios=widths)
    for column, one in enumerate(samples):
        for row, (name, title, scale) in enumerate(names):
            _draw_runs(grid[row, column], one, name, scale)
            if not column:
                grid[row, 0].set_ylabel(title, fontsize=10.5)
        grid[0, column].set_title(one.sample.name, loc="right", color=QUIET, fontsize=10.5)
        grid[-1, column].set_xlabel("run")
    figure.suptitle(f"$\\bf{{NA64}}$  {label}", x=0.01, ha="left", fontsize=12, color=INK)
    return figure


def _draw_runs(axes: Axes, one: BeamSample, name: str, scale: float) -> None:
    found = {run: values[name].measured for run, values in one.runs.items() if name in values}
    axes.margins(x=0.06, y=0.2)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    runs = list(one.runs)
    step = max(1, len(runs) // 8)
    axes.set_xticks(range(0, len(runs), step), [str(run) for run in runs[::step]])
    if not found:
        axes.text(0.5, 0.5, "not in these files", transform=axes.transAxes, ha="center", color=QUIET)
        return
    x = [runs.index(run) for run in found]
    values = scale * np.array([value.value for value in found.values()])
    errors = scale * np.array([(value.below, value.above) for value in found.values()]).T
    axes.errorbar(x, values, yerr=errors.clip(min=0), fmt="o", color=INK, elinewidth=1.1)
    whole = one.everything[name].measured
    axes.axhspan(
        scale * (whole.value - whole.below), scale * (whole.value + whole.above), color=FILL, alpha=0.7
    )


def _panels(samples: Sequence[BeamSample], label: str) -> tuple[Figure, Sequence[Axes]]:
    figure = Figure(figsize=(7.4, 3.2 * len(samples) + 0.5), layout="constrained")
    panels: list[Axes] = list(figure.subplots(len(samples), 1, squeeze=False)[:, 0])
    for axes, one in zip(panels, samples, strict=True):
        title = f"{one.sample.name}, {counted(len(one.runs), 'run')}"
        axes.set_title(title, loc="right", color=QUIET, fontsize=10.5)
        axes.set_ylabel("tracks per bin")
    stamp(panels[0], label)
    return figure, panels


def _draw_counts(axes: Axes, edges: Floats, counts: Floats) -> None:
    filled = counts > 0
    centres = ((edges[1:] + edges[:-1]) / 2)[filled]
    axes.errorbar(
        centres, counts[filled], yerr=poisson_errors(counts[filled]), fmt="o", color=INK, ms=3, elinewidth=0.9
    )
    axes.set_yscale("log")
    axes.set_ylim(0.4, 40 * max(float(counts.max(initial=0)), 1.0))


def _joined(edges: Floats, counts: Counts, step: int) -> tuple[Floats, Floats]:
    n_joined = len(counts) // step
    joined = counts[: n_joined * step].reshape(n_joined, step).sum(axis=1)
    return edges[: n_joined * step + 1 : step], joined.astype(np.float64)


def _say(axes: Axes, text: str) -> None:
    text = text.replace("+-", "±")
    axes.text(0.97, 0.94, text, transform=axes.transAxes, ha="right", va="top", fontsize=10.5)
