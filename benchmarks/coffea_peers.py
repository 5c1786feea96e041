"""What a coffea user writes: awkward arrays and `hist`, in the stock `Runner`; and our kernel in the same."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from contextlib import redirect_stdout
from typing import Any

import awkward as ak
import hist
import numpy as np
from coffea.analysis_tools import PackedSelection
from coffea.processor import IterativeExecutor, ProcessorABC, Runner

from na64.benchmarks.counts import BenchmarkCounts, checksum, counts_of
from na64.benchmarks.sample import BenchmarkSample
from na64.datasets.instrument.columns import EventColumns
from na64.datasets.reading.layout import Layout
from na64.datasets.reading.schema import NA64Schema
from na64.processors.counting.booking import HistogramSpec, Rule, book
from na64.processors.job import Job
from na64.processors.processor import NA64Processor
from na64.selections.histograms import Axis
from na64.selections.selection import Selection

_CHUNK = 100_000
_NO_LOG = "0" * 64
"""Samples are simulated here, and written without truth to have the branches of data: no log knows them."""

_N_SIGMA, _HCAL_WIDTH, _PEDESTAL = 3.0, 16.5, 0.2
_BEAM_CELL = 14


def run_kernel(sample: BenchmarkSample, selection: Selection) -> BenchmarkCounts:
    """Run our processor in coffea's `Runner`."""
    tallies = _run(sample, _Unweighted(selection, simulation=True))
    return counts_of(tallies, selection)


def run_awkward(sample: BenchmarkSample, selection: Selection) -> BenchmarkCounts:
    """Run the idiomatic processor, for the hits layout, in coffea's `Runner`."""
    found = _run(sample, AwkwardProcessor(selection))
    planes = [found["plane"].view(flow=True)[stage].ravel() for stage in range(len(selection.cuts) + 1)]
    return BenchmarkCounts(
        passed=tuple(found["passed"].tolist()),
        n_minus_one=tuple(found["n_minus_one"].tolist()),
        runs=sum(found["yields"].values()),
        plane=checksum(np.concatenate(planes).astype(np.int64)),
        variables=checksum(
            np.concatenate([one.view(flow=True) for one in found["variables"].values()]).astype(np.int64)
        ),
    )


def _run(sample: BenchmarkSample, processor: ProcessorABC) -> Any:
    runner = Runner(
        IterativeExecutor(status=False, compression=None),
        schema=NA64Schema.using(sample.layout).opened(log_line=_NO_LOG),
        chunksize=_CHUNK,
        metadata_cache={},
    )
    with redirect_stdout(io.StringIO()):  # a bar is drawn even where no status is asked for
        return runner({"sample": [str(sample.path)]}, processor, treename=sample.layout.trees[0])["sample"]


class _Unweighted(NA64Processor):
    """Counts events: not blind, and no sums of weights."""

    def _is_simulated(self, columns: EventColumns, layout: Layout) -> bool:  # noqa: ARG002
        return True

    def _job(self, runs: tuple[int, ...], layout: Layout) -> Job:
        job = super()._job(runs, layout)
        return Job(
            job.selection, simulation=True, weighted=False, runs=job.runs, layouts=job.layouts, bad=job.bad
        )


class AwkwardProcessor(ProcessorABC):  # type: ignore[misc]
    """One array expression a quantity, `PackedSelection` and `hist`; the cuts are those of the selection."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection

    def process(self, events: Any) -> dict[str, Any]:
        """Count the events of one chunk."""
        features = _features(events)
        selection = PackedSelection(dtype="uint32")
        for cut in self.selection.cuts:
            passed = [
                (features[interval.feature] >= np.float32(interval.low))
                & (features[interval.feature] <= np.float32(interval.high))
                for interval in cut.intervals
            ]
            selection.add(cut.name, np.logical_and.reduce(passed))
        return {events.metadata["dataset"]: self._count(events, features, selection)}

    def _count(self, events: Any, features: Mapping[str, Any], selection: PackedSelection) -> dict[str, Any]:
        names = self.selection.cut_names
        stages = [np.ones(len(events), bool), *(selection.all(*names[: n + 1]) for n in range(len(names)))]
        without = {name: selection.all(*(other for other in names if other != name)) for name in names}
        runs, yields = np.unique(np.asarray(events.run)[stages[-1]], return_counts=True)
        return {
            "passed": np.array([stage.sum() for stage in stages]),
            "n_minus_one": np.array([mask.sum() for mask in without.values()]),
            "yields": dict(zip(runs.tolist(), yields.tolist(), strict=True)),
            "plane": self._planes(features, stages),
            "variables": self._variables(features, without),
        }

    def _planes(self, features: Mapping[str, Any], stages: Collection[Any]) -> hist.Hist[Any]:
        plane = next(one for one in book(self.selection).histograms if one.rule is Rule.STAGES)
        stage_axis = hist.axis.Integer(0, len(stages), name="stage", flow=False)
        filled = hist.Hist(stage_axis, *map(_axis, plane.axes), storage=hist.storage.Int64())
        for stage, mask in enumerate(stages):
            filled.fill(stage=stage, ecal=features["ecal"][mask], hcal=features["hcal"][mask])
        return filled

    def _variables(
        self, features: Mapping[str, Any], without: Mapping[str, Any]
    ) -> dict[str, hist.Hist[Any]]:
        spec = [one for one in book(self.selection).histograms if one.rule is Rule.N_MINUS_ONE]
        return {one.name: _variable(one, features, without[one.cut]) for one in spec}

    def postprocess(self, accumulator: Any) -> Any:
        """Return the sum as it is."""
        return accumulator


def _axis(axis: Axis) -> hist.axis.Regular:
    return hist.axis.Regular(axis.bins, axis.low, axis.high, name=axis.feature, label=axis.label)


def _variable(spec: HistogramSpec, features: Mapping[str, Any], mask: Any) -> hist.Hist[Any]:
    filled = hist.Hist(_axis(spec.axes[0]), storage=hist.storage.Int64())
    return filled.fill(features[spec.axes[0].feature][mask])


def _features(events: Any) -> dict[str, Any]:
    found = {**_of_event(events), **_of_ecal(events.ecal), **_of_hcal(events.hcal)}
    srd_energy = ak.values_astype(events.srd.energy, np.float64)[abs(events.srd.time) < _N_SIGMA]
    srd_cell = events.srd.cell[abs(events.srd.time) < _N_SIGMA]
    for counter in range(3):
        found[f"srd_{counter}"] = ak.sum(srd_energy[srd_cell == counter], axis=1)
    found["vhcal_total"] = ak.sum(ak.values_astype(events.vhcal.energy, np.float64), axis=1)
    return {name: ak.to_numpy(values).astype(np.float32) for name, values in found.items()}


def _of_event(events: Any) -> dict[str, Any]:
    straws = {f"straw{n}_{view}": events[f"straw{n}"][view] for n in (3, 4) for view in "xy"}
    track = {f"track_{name}": events.track[name] for name in ("momentum", "pvalue", "angle")}
    return {
        "trigger_physics": (events.trigger & 4) != 0,
        "bad_spill": ak.zeros_like(events.trigger),
        "master_time": events.master_time,
        "shower_chi2": events.shower_chi2,
        **straws,
        **track,
    }


def _of_ecal(ecal: Any) -> dict[str, Any]:
    energy, cell = ak.values_astype(ecal.energy, np.float64), ecal.cell
    in_time, preshower = abs(ecal.time) < _N_SIGMA, cell < 30
    x, y = (cell % 30) // 6, cell % 6
    inner = in_time & (x >= 1) & (x <= 3) & (y >= 1) & (y <= 3)

    def total(mask: Any) -> Any:
        return ak.sum(energy[mask & preshower], axis=1) + ak.sum(energy[mask & ~preshower], axis=1)

    any_time = ak.sum(energy[preshower], axis=1) + ak.sum(energy[~preshower], axis=1)
    prompt, centre = total(in_time), total(inner)
    main, number = energy[in_time & ~preshower], cell[in_time & ~preshower]
    largest = ak.fill_none(ak.firsts(number[ak.argmax(main, axis=1, keepdims=True)]), 255)
    return {
        "ecal": prompt,
        "ecal_total": any_time,
        "ecal_out_of_time": any_time - prompt,
        "preshower_total": ak.sum(energy[preshower], axis=1),
        "ecal_max_in_beam_cell": largest == 30 + _BEAM_CELL,
        "ecal_ratio": ak.where(prompt > 0, (prompt - centre) / ak.where(prompt > 0, prompt, 1.0), np.inf),
    }


def _of_hcal(hcal: Any) -> dict[str, Any]:
    energy, cell = ak.values_astype(hcal.energy, np.float64), hcal.cell
    kept = energy > _PEDESTAL
    in_time = kept & (abs(hcal.time) < _HCAL_WIDTH)
    any_time = [ak.sum(energy[kept & (cell // 9 == module)], axis=1) for module in range(4)]
    prompt = [ak.sum(energy[in_time & (cell // 9 == module)], axis=1) for module in range(3)]
    struck = ak.any((energy > 0.5) & in_time & (cell < 9), axis=1)
    centre = ak.sum(energy[in_time & (cell == 4)], axis=1)
    return {
        "hcal": prompt[0] + prompt[1],
        **{f"hcal_{module}": prompt[module] for module in range(3)},
        "hcal_3_total": any_time[3],
        "hcal_out_of_time": any_time[0] + any_time[1] + any_time[2] - (prompt[0] + prompt[1]),
        "hcal_topology_bad": struck & ~(prompt[0] < 2 * centre),
    }
