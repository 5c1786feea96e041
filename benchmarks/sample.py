"""Run files to measure on: one simulated block, written again and again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from na64.datasets.catalogue import build as catalogues
from na64.datasets.catalogue.build import Catalogue
from na64.datasets.conditions.conditions import RunType
from na64.datasets.reading.detector_layout import CellStorage
from na64.datasets.reading.layout import Layout, load_layout
from na64.datasets.synthetic.branches import JaggedBranch, to_branches
from na64.datasets.synthetic.campaign import Campaign
from na64.datasets.synthetic.campaign_reader import load_campaign
from na64.datasets.synthetic.events import make_block, plan_runs
from na64.datasets.synthetic.simulation import find_geometry
from na64.datasets.synthetic.writers import RunFileFormat, open_writer

BLOCK = 50_000
"""Events of a block, which is one cluster of the file."""

_SEED, _RUN = 64, 8701
_THRESHOLDS = {"ecal": 0.021, "hcal": 0.017}
"""GeV; they give about 32 hits an event in the ECAL and 16 in the HCAL."""

Branches = dict[str, np.ndarray | JaggedBranch]


@dataclass(frozen=True, slots=True)
class BenchmarkSample:
    """One run file.

    Attributes
    ----------
    path : Path
    layout : Layout
    format : RunFileFormat
    n_events : int
    bytes_per_event : float
        Of all branches, not compressed.
    """

    path: Path
    layout: Layout
    format: RunFileFormat
    n_events: int
    bytes_per_event: float

    @property
    def name(self) -> str:
        """Layout and format."""
        return f"{self.layout.name} {self.format.value}"

    def catalogue(self, *, blind: bool = False) -> Catalogue:
        """Register the file, as data if ``blind``, else as simulation, where all events are counted."""
        return catalogues.build([self.path], simulation=not blind)


def make_sample(
    layout: str, container: RunFileFormat, n_events: int, folder: Path, *, run: int = _RUN
) -> BenchmarkSample:
    """Write a run file of one run, without truth, without weights and, of hits, without resolutions.

    Every block holds the same energies and times under other event numbers: what compresses and what passes
    does not depend on the size of the sample, and making it is quick.
    """
    known, block = load_layout(layout), block_of(layout, min(n_events, BLOCK))
    path = folder / f"{layout}_{container.value}_{n_events}_{run}{container.suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    with open_writer(path, container, known.trees[0]) as writer:
        for start in range(0, n_events, BLOCK):
            n_here = min(BLOCK, n_events - start)
            writer.extend(_first(block, n_here) | numbered(known, block, run, start, n_here))
    size = sum(size_of(values) for values in block.values()) / min(n_events, BLOCK)
    return BenchmarkSample(path, known, container, n_events, size)


def numbered(layout: Layout, block: Branches, run: int, start: int, n_events: int) -> Branches:
    """Run and event numbers by branch; runs of an older geometry have smaller numbers."""
    (run_name,), (event_name,) = layout.event["run"].names, layout.event["event"].names
    first = block[run_name]
    shift = int(first[0]) - _RUN if not isinstance(first, JaggedBranch) else 0
    return {
        run_name: np.full(n_events, run + shift, np.uint32),
        event_name: np.arange(start, start + n_events, dtype=np.uint32),
    }


@lru_cache(maxsize=2)
def block_of(name: str, n_events: int) -> Branches:
    """Simulated events of one run by branch of a layout; without truth, weights and resolutions of hits."""
    layout, campaign = load_layout(name), _lowered(load_campaign("demo"))
    geometry = find_geometry(campaign, layout)
    plan = plan_runs(campaign, geometry, n_events, _SEED)[0]
    plan = replace(plan, n_events=n_events, spill_sizes=np.array([n_events]))
    columns = make_block(campaign, geometry, plan, 0, n_events, seed=_SEED).columns
    left_out = {"weight", "truth_component"}
    left_out |= {f"{name}_sigma" for name, part in layout.detectors.items() if part.kind is CellStorage.HITS}
    branches = to_branches(columns, layout, RunType.PHYSICS)
    return {name: values for name, values in branches.items() if name not in left_out}


def _lowered(campaign: Campaign) -> Campaign:
    """Lower the zero suppression to the number of hits that the published figures are for."""
    detectors = {
        name: replace(response, threshold=_THRESHOLDS.get(name, response.threshold))
        for name, response in campaign.response.detectors.items()
    }
    return replace(campaign, response=replace(campaign.response, detectors=detectors))


def _first(block: Branches, n_events: int) -> Branches:
    return {name: _head(values, n_events) for name, values in block.items()}


def _head(values: np.ndarray | JaggedBranch, n_events: int) -> np.ndarray | JaggedBranch:
    if not isinstance(values, JaggedBranch):
        return values[:n_events]
    offsets = values.offsets[: n_events + 1]
    return JaggedBranch(offsets, values.content[: offsets[-1]])


def size_of(values: np.ndarray | JaggedBranch) -> int:
    """Bytes of the values of a branch, not compressed."""
    return int(values.content.nbytes if isinstance(values, JaggedBranch) else values.nbytes)
