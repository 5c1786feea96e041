"""Simulate a campaign: run files, conditions and the truth."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from na64.datasets.conditions.conditions import EXPOSURES
from na64.datasets.instrument.columns import Array
from na64.datasets.instrument.roles import CALORIMETER
from na64.datasets.reading.layout import Layout, load_layout
from na64.datasets.synthetic.branches import check_simulated, to_branches
from na64.datasets.synthetic.campaign import BadSpill, Campaign, Geometry
from na64.datasets.synthetic.events import Block, RunPlan, make_block, plan_runs
from na64.datasets.synthetic.writers import ParquetWriter, RunFileFormat, open_writer

BLOCK = 50_000
"""Events made and written at a time."""

Progress = Callable[[int], None]


def simulate(
    campaign: Campaign,
    *,
    to: Path,
    n_events: int | None = None,
    seed: int | None = None,
    layout: str | Path | Layout | None = None,
    format: RunFileFormat | str = RunFileFormat.TTREE,  # noqa: A002
    on_progress: Progress | None = None,
) -> list[Path]:
    """Write the run files of a campaign, ``conditions/*.csv`` and ``truth.parquet``.

    The same seed gives the same content whatever the format. With fewer or more events the electrons on
    target scale with them.

    Parameters
    ----------
    campaign : Campaign
    to : Path
        Folder, made if it is not there.
    n_events : int or None
        Recorded events of all runs together; those of the campaign if None.
    seed : int or None
        That of the campaign if None.
    layout : str, Path, Layout or None
        Name of a packaged layout, the path of a TOML file, or a layout; that of the campaign if None.
    format : RunFileFormat or str
    on_progress : callable or None
        Gets the number of events of each block when it is written.

    Returns
    -------
    list of Path
        The run files, in order.

    Raises
    ------
    ValueError
        The campaign has no geometry for the layout's ECAL.
    """
    chosen = layout if isinstance(layout, Layout) else load_layout(layout or campaign.layout)
    check_simulated(chosen, campaign.detectors)
    geometry = find_geometry(campaign, chosen)
    total = campaign.n_events if n_events is None else n_events
    if total < 1:
        raise ValueError(f"{total} events cannot be simulated")
    used_seed = campaign.seed if seed is None else seed
    plans = plan_runs(campaign, geometry, total, used_seed)
    to.mkdir(parents=True, exist_ok=True)
    write_conditions(campaign, geometry, plans, to / "conditions")
    container = RunFileFormat(format)
    paths: list[Path] = []
    with _truth_file(campaign, used_seed, to / "truth.parquet") as truth:
        for plan in plans:
            for path, start, stop in _files(plan, to, container):
                with open_writer(path, container, chosen.trees[0]) as writer:
                    for block in _blocks(campaign, geometry, plan, start, stop, seed=used_seed):
                        writer.extend(to_branches(block.columns, chosen, plan.run.type))
                        truth.extend(block)
                        if on_progress is not None:
                            on_progress(block.columns.n_events)
                paths.append(path)
    return paths


def find_geometry(campaign: Campaign, layout: Layout) -> Geometry:
    """Choose the campaign's geometry with as many ECAL cells as the layout; the first for an open layout."""
    calorimeter = layout.detectors.get(CALORIMETER)
    shape = () if calorimeter is None else calorimeter.shape
    for geometry in campaign.geometries:
        if not shape or shape == (2, geometry.grid.n_x, geometry.grid.n_y):
            return geometry
    known = " or ".join(f"{entry.grid.n_x}x{entry.grid.n_y}" for entry in campaign.geometries)
    wanted = "x".join(str(n) for n in shape[1:])
    raise ValueError(
        f"campaign {campaign.name} has an {CALORIMETER.upper()} of {known} cells, "
        f"layout {layout.name} one of {wanted}"
    )


def _files(plan: RunPlan, folder: Path, container: RunFileFormat) -> Iterator[tuple[Path, int, int]]:
    edges = np.linspace(0, plan.n_events, plan.run.n_files + 1).astype(int)
    for part in range(plan.run.n_files):
        name = f"run_{plan.number}" if plan.run.n_files == 1 else f"run_{plan.number}_{part}"
        start, stop = int(edges[part]), int(edges[part + 1])
        if stop > start:
            yield folder / f"{name}{container.suffix}", start, stop


def _blocks(
    campaign: Campaign, geometry: Geometry, plan: RunPlan, start: int, stop: int, *, seed: int
) -> Iterator[Block]:
    for first in range(start, stop, BLOCK):
        yield make_block(campaign, geometry, plan, first, min(first + BLOCK, stop), seed=seed)


_SHOWERS = ("first_shower", "second_shower", "pile_up_shower")


class _Truth:
    """Rows of the truth file, and the library events behind each component."""

    def __init__(self, campaign: Campaign, seed: int, writer: ParquetWriter) -> None:
        self._campaign, self._seed, self._writer = campaign, seed, writer
        self._showers: dict[int, set[int]] = {n: set() for n in range(len(campaign.components))}
        self._counts = np.zeros(len(campaign.components), dtype=np.int64)

    def extend(self, block: Block) -> None:
        truth: dict[str, Array] = block.truth
        self._writer.extend(dict(truth))
        for n in np.unique(truth["component"]):
            rows = truth["component"] == n
            used = np.concatenate(
                [truth[f"{which}_shower"][rows] for which in ("first", "second", "pile_up")]
            )
            self._showers[int(n)].update(np.unique(used[used >= 0]).tolist())
            self._counts[n] += rows.sum()

    def describe(self) -> None:
        components = [
            {
                "name": component.name,
                "kind": component.kind.value,
                "events": int(self._counts[n]),
                "unique_library_events": len(self._showers[n]),
                "weight": 1 / component.bias,
            }
            for n, component in enumerate(self._campaign.components)
        ]
        self._writer.describe(
            {
                "campaign": self._campaign.name,
                "seed": str(self._seed),
                "components": json.dumps(components, allow_nan=False),
            }
        )


@contextmanager
def _truth_file(campaign: Campaign, seed: int, path: Path) -> Iterator[_Truth]:
    partial = path.with_name(f".{path.name}.part")
    writer = ParquetWriter(partial)
    truth = _Truth(campaign, seed, writer)
    try:
        yield truth
        truth.describe()
    finally:
        writer.close()
    partial.replace(path)


def write_conditions(
    campaign: Campaign, geometry: Geometry, plans: tuple[RunPlan, ...], folder: Path
) -> None:
    """Tables of runs, spills and, if there are any, bad events, as `na64.datasets.conditions` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    beam = campaign.beam
    columns = ["run", "type", "particle", "energy", *EXPOSURES, "triggers"]
    runs: list[list[object]] = [[*columns]]
    spills: list[list[object]] = [["run", "spill", *EXPOSURES, "quality", "good_fraction"]]
    bad_spills = {(entry.run, entry.spill) for entry in campaign.bad if entry.start is None}
    for plan in plans:
        live_of_event = 1 / campaign.rate(plan.run.type)
        live = [round(size * live_of_event) for size in plan.spill_sizes.tolist()]
        delivered = [round(recorded / beam.live_fraction) for recorded in live]
        known = [beam.particle, beam.energy, sum(delivered), sum(live), plan.n_events]
        runs.append([plan.number, plan.run.type.value, *known])
        for spill, pair in enumerate(zip(delivered, live, strict=True), start=1):
            is_bad = bool({(plan.run.run, spill), (plan.run.run, None)} & bad_spills)
            good = _good_fraction(campaign.bad, plan.run.run, spill, int(plan.spill_sizes[spill - 1]))
            spills.append([plan.number, spill, *pair, "bad" if is_bad else "good", good])
    bad: list[list[object]] = [["run", "spill", "start", "stop"]]
    bad += [
        [
            entry.run + geometry.run_shift,
            *("" if n is None else n for n in (entry.spill, entry.start, entry.stop)),
        ]
        for entry in campaign.bad
    ]
    for name, rows in (("runs", runs), ("spills", spills), ("bad", bad)):
        if len(rows) > 1:
            _write_csv(folder / f"{name}.csv", rows)
        else:
            (folder / f"{name}.csv").unlink(missing_ok=True)


def _good_fraction(bad: tuple[BadSpill, ...], run: int, spill: int, n_events: int) -> float | str:
    """Part of a spill's events that is in no range of bad ones; empty without such a range."""
    numbers = np.arange(1, n_events + 1)
    ranges = [e for e in bad if e.run == run and e.spill in (spill, None) and e.start is not None]
    good = np.ones(n_events, np.bool_)
    for entry in ranges:
        good &= ~((numbers >= (entry.start or 0)) & (numbers < (entry.stop or 0)))
    if not ranges:
        return ""
    return round(float(good.mean()), 6) if n_events else 1.0


def _write_csv(path: Path, rows: list[list[object]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
