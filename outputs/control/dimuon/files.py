"""Makes the benchmark of a stored result and writes it beside the result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import hist

from na64.datasets.basics.atomic_file import write_bytes, write_together
from na64.datasets.basics.json_records import to_json
from na64.datasets.conditions.on_target import exposure_label, on_target
from na64.datasets.instrument.roles import MODULES, PADDLES
from na64.outputs.control import cut_efficiencies as probing
from na64.outputs.control.dimuon import figures
from na64.outputs.control.dimuon.benchmark import (
    Benchmark,
    Rate,
    beam_of,
    compare,
    dimuon_table,
    expected_rate,
    shower_efficiency,
    stages,
)
from na64.outputs.control.dimuon.by_run import histograms_by_run
from na64.outputs.control.dimuon.muon_peak import Peak, fit_peak, peak_spectra
from na64.outputs.control.dimuon.names import DIMUON, EFFICIENCIES, FACTS, FIGURES, PEAKS, SCHEMA, PeaksRow
from na64.outputs.control.dimuon.production import DimuonProduction
from na64.outputs.report.drawing import write_figure
from na64.outputs.report.heading import heading, read_status
from na64.outputs.result.lacks import lacks_of_cuts
from na64.outputs.result.origin import check_runs, origin_of, seal_facts
from na64.outputs.result.products import Products, counted_histograms
from na64.outputs.result.provenance import code_digest
from na64.outputs.result.table import Table

PROBED = ("srd", "veto", "vhcal", "hcal", "hcal3", "hcal_muon", "hcal_topology", "shower_chi2")
"""Cuts whose efficiencies are given."""

_SPECTRA = ("hcal_0_hcal_1", "hcal_1_hcal_2", "hcal_0", "hcal_1", "hcal_2")


@dataclass(frozen=True, slots=True)
class DimuonComparison:
    """Data against simulation, in Region I.

    Attributes
    ----------
    benchmarks : tuple of Benchmark
        Without and with the shower cut, or one.
    shower : tuple of float or None
        Efficiency of the shower cut in data over simulation, and its error.
    production : DimuonProduction or None
        Set if the expectation was normalised by the cross-section.
    unit : str
        Of the exposure.
    """

    benchmarks: tuple[Benchmark, ...]
    shower: tuple[float, float] | None
    production: DimuonProduction | None
    unit: str = "EOT"


@dataclass(frozen=True, slots=True)
class Peaks:
    """Muon peaks of all runs, and of every run if the partial results are there."""

    spectra: Mapping[int, hist.Hist[Any]]
    mean: Mapping[int, Peak | None]
    by_run: Mapping[int, Mapping[int, Peak | None]]


def compare_results(
    data: Products, simulation: Products, production: DimuonProduction | None = None
) -> DimuonComparison:
    """Compare Region I of two results of one selection.

    Parameters
    ----------
    data, simulation : Products
    production : DimuonProduction, optional
        Normalise by the cross-section.

    Raises
    ------
    ValueError
        They went through different selections, or the simulation is none, or an exposure is missing.
    """
    one, other = (p.summary.identities.get("selection") for p in (data, simulation))
    if simulation.summary.is_data:
        raise ValueError("the simulation is catalogued as data: catalogue it with --simulation")
    if one != other:
        names = (data.summary.selection.name, simulation.summary.selection.name)
        raise ValueError(f"the selections {names[0]} and {names[1]} are not the same, cut by cut")
    check_runs(data.summary, simulation.summary)
    (particle, energy), (other, other_energy) = beam_of(data), beam_of(simulation)
    if particle != other:
        raise ValueError(f"the data are of {on_target(particle)}, the simulation of {on_target(other)}")
    if energy != other_energy and energy and other_energy:
        raise ValueError(f"the data are of {energy:g} GeV, the simulation of {other_energy:g} GeV")
    scale = production.scale if production else 1.0
    rates = [expected_rate(simulation, after) for after in stages(data)]
    benchmarks = tuple(
        compare(data, after, rate.times(scale)) for after, rate in zip(stages(data), rates, strict=True)
    )
    return DimuonComparison(benchmarks, _shower(benchmarks, rates), production, exposure_label(particle))


def _shower(benchmarks: tuple[Benchmark, ...], rates: list[Rate]) -> tuple[float, float] | None:
    if len(benchmarks) != 2 or not benchmarks[1].everything.observed:
        return None
    without, with_cut = (benchmark.everything.observed for benchmark in benchmarks)
    if without == with_cut and math.isclose(rates[0].value, rates[1].value):
        return None
    return shower_efficiency((without, with_cut), (rates[0], rates[1]))


def find_peaks(folder: Path, products: Products, *, by_run: bool) -> Peaks:
    """Fit the muon peaks of a result, and of its runs."""
    plain = counted_histograms(products)
    spectra = peak_spectra(plain)
    runs = histograms_by_run(folder, [name for name in _SPECTRA if name in plain]) if by_run else {}
    mean = {module: fit_peak(spectrum, module) for module, spectrum in spectra.items()}
    of_runs = {run: _fit_run(peak_spectra(found), mean) for run, found in runs.items()}
    return Peaks(spectra, mean, {run: found for run, found in of_runs.items() if any(found.values())})


def _fit_run(
    spectra: Mapping[int, hist.Hist[Any]], mean: Mapping[int, Peak | None]
) -> dict[int, Peak | None]:
    """Fit the peaks of a run where all runs together have them."""
    return {
        module: fit_peak(spectrum, module, within=(peak.low, peak.high))
        for module, spectrum in spectra.items()
        if (peak := mean[module]) is not None
    }


def write_comparison(folder: Path, data: Products, found: DimuonComparison, peaks: Peaks) -> None:
    """Write table, facts and figures of the benchmark."""
    label = heading(data.summary, read_status(folder))
    contents = {
        DIMUON: dimuon_table(found.benchmarks).to_csv(),
        PEAKS: peak_table(peaks).to_csv(),
        FACTS: to_json(seal_facts(_facts(data, found), origin_of(folder))),
    }
    what = "hcal topology, two muons beside"
    made = {
        "ratios": partial(figures.ratios, found.benchmarks, label=label),
        "muon_peaks": partial(figures.peaks, peaks.spectra, peaks.mean, label=label, what=what),
    }
    if peaks.by_run:
        made["muon_peaks_by_run"] = partial(figures.peaks_by_run, peaks.by_run, peaks.mean, label=label)

    def draw() -> None:
        for name, make in made.items():
            write_figure(folder / FIGURES, name, make)

    write_together(folder, contents, seal=FACTS, meanwhile=draw)


def check_probed(products: Products) -> Iterator[str]:
    """What the efficiencies of a result are not: lines to be told before them.

    Raises
    ------
    ValueError
        The selection has no cut that is probed, so that there is nothing to find.
    """
    facts = products.summary.selection
    features = {cut.name: {one.feature for one in cut.intervals} for cut in facts.cuts}
    if not features.keys() & set(PROBED):
        raise ValueError(
            f"selection {facts.name} has none of the cuts that are probed, {', '.join(PROBED)}: "
            "process dimuon_2023, efficiency_beam or efficiency_random"
        )
    for name, lack in lacks_of_cuts(products.summary, products.summary.runs).items():
        if name in PROBED:
            yield f"{lack.of('the result')}: those runs are left out of its row"
    triggered = any("trigger_physics" in names for names in features.values())
    if triggered and PADDLES in features:
        yield (
            f"{facts.name} tags no particle: what only {PADDLES} rejects are dimuons, so its row is no "
            "efficiency of electrons; dimuon_2023, efficiency_beam and efficiency_random are for that"
        )


def write_efficiencies(folder: Path, products: Products) -> list[probing.CutEfficiency]:
    """Find and write the efficiencies of a result's cuts."""
    found = probing.efficiencies(products, probing.intensities(folder, products), PROBED)
    write_bytes(folder / EFFICIENCIES, probing.efficiency_table(found).to_csv())
    if found:
        what = f"all other cuts of {products.summary.selection.name.replace('_', ' ')}"
        label = heading(products.summary, read_status(folder))
        make = partial(figures.efficiencies, found, label=label, what=what)
        write_figure(folder / FIGURES, "efficiencies", make)
    return found


def peak_table(peaks: Peaks) -> Table[PeaksRow]:
    """Put peaks of all runs, then of each, into a table."""
    named = [("all", peaks.mean), *((str(run), found) for run, found in peaks.by_run.items())]
    rows = [
        PeaksRow(run, p.module, p.mean, p.mean_error, p.width, p.width_error, p.n_events, p.chi2, p.n_degrees)
        for run, found in named
        for p in found.values()
        if p is not None
    ]
    return Table(PeaksRow, rows)


def of_comparison(found: DimuonComparison) -> Iterator[str]:
    """Yield the lines that a terminal shows of the benchmark."""
    if found.production is not None:
        made = found.production
        yield (
            f"cross-section: {made.pairs:.3g} pairs per electron, {100 * made.triggered:.1f} % trigger: "
            f"{made.scale:.3f} +- {made.scale_error:.3f} of the simulated rate of {made.simulated:.3g}"
        )
    for benchmark in found.benchmarks:
        ratio, (below, above) = benchmark.everything, benchmark.everything.errors
        yield (
            f"after {benchmark.after}: {ratio.observed} dimuons, {ratio.expected:.1f} expected in "
            f"{ratio.on_target:.4g} live {found.unit}: {ratio.value:.3f} +{above:.3f} -{below:.3f} (stat) "
            f"+- {benchmark.systematic:.3f} (syst)"
        )
        if benchmark.test is not None:
            yield f"  one rate for all runs: p = {benchmark.test.p_value:.2g}"
    yield "  syst: exposure 5 % [V: 2606.17320 (abs)], production 10 % [R-med], unverified"
    if found.shower is not None:
        yield f"shower cut, data over simulation: {found.shower[0]:.3f} +- {found.shower[1]:.3f}"
    yield f"correction of the signal efficiency: {_correction(found.benchmarks[-1])}"


def of_peaks(peaks: Peaks) -> Iterator[str]:
    """Yield the lines that a terminal shows of the muon peaks."""
    for module, peak in peaks.mean.items():
        text = "no peak"
        if peak is not None:
            text = f"{peak.mean:.3f} +- {peak.mean_error:.3f} GeV, width {peak.width:.2f} GeV"
        yield f"{MODULES.upper()} {module}: {text}"


def of_efficiencies(found: list[probing.CutEfficiency]) -> Iterator[str]:
    """Yield the lines that a terminal shows of efficiencies."""
    if not found:
        yield f"  nothing is probed: no event passes all cuts but one of {', '.join(PROBED)}"
    for efficiency in found:
        total, (below, above) = efficiency.total, efficiency.total.errors
        counts = f"{total.passed} of {total.tagged}"
        line = f"  {efficiency.cut:<14} {total.value:.4f} +{above:.4f} -{below:.4f}  {counts}"
        if (trend := efficiency.trend) is not None:
            slope = f"{100e6 * trend.slope:+.2f} +- {100e6 * trend.slope_error:.2f} %"
            line += f"; {slope} per 1e6 particles a spill"
        yield line


def _correction(benchmark: Benchmark) -> str:
    ratio = benchmark.everything
    error = math.hypot(max(ratio.errors), benchmark.systematic)
    consistent = "no correction is called for" if abs(ratio.value - 1) < error else "differs from 1"
    return f"{ratio.value:.3f} +- {error:.3f}, {consistent}"


def _facts(data: Products, found: DimuonComparison) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "code": code_digest(),
        "result": dict(data.summary.products),
        "shower_cut": found.shower and {"ratio": found.shower[0], "error": found.shower[1]},
        "production": found.production and _production(found.production),
        "ratios": [
            {
                "after": b.after,
                "observed": b.everything.observed,
                "expected": b.everything.expected,
                "ratio": b.everything.value,
                "error": max(b.everything.errors),
                "systematic": b.systematic,
            }
            for b in found.benchmarks
        ],
    }


def _production(made: DimuonProduction) -> dict[str, object]:
    return asdict(made) | {"scale": made.scale, "scale_error": made.scale_error}
