"""A campaign of many tiny runs: one simulated block of a run, written again under other run numbers."""

from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path

import numpy as np

from na64.benchmarks.sample import Branches, block_of
from na64.datasets.conditions.conditions import EXPOSURES
from na64.datasets.conditions.periods import load_period
from na64.datasets.reading.layout import Layout, load_layout
from na64.datasets.synthetic.writers import RunFileFormat, open_writer

SPILLS = 150
"""Spills of a run, each with one event in its file."""

FIRST = 100_001
"""Number of the first run: after all that packaged periods have."""

PERIOD = "many"
_LIKE = "2023A"
_ON_TARGET = 5e6


def write_campaign(n_runs: int, folder: Path, *, n_spills: int = SPILLS) -> Path:
    """Write run files, tables of all runs and spills beside them, and a period that has the runs.

    Parameters
    ----------
    n_runs : int
        One file each.
    folder : Path
        Gets ``runs`` and ``periods``.
    n_spills : int
        Of a run, with an event each.

    Returns
    -------
    Path
        The folder of run files.
    """
    runs, files = range(FIRST, FIRST + n_runs), folder / "runs"
    for place in (files / "conditions", folder / "periods"):
        place.mkdir(parents=True, exist_ok=True)
    _write_period(folder / "periods", runs)
    _write_tables(files / "conditions", runs, n_spills)
    template = _template(folder / "template.root", n_spills)
    for run in runs:
        (files / f"run_{run}.root").write_bytes(
            template.replace(_stored(FIRST, n_spills), _stored(run, n_spills))
        )
    return files


def _template(path: Path, n_spills: int) -> bytes:
    """Make the file of the first run, in which the numbers of the run are found as they are."""
    layout = load_layout("hits")
    with open_writer(path, RunFileFormat.TTREE, layout.trees[0], compression=None) as writer:
        writer.extend(block_of(layout.name, n_spills) | _numbers(layout, n_spills))
    data = path.read_bytes()
    path.unlink()
    if data.count(_stored(FIRST, n_spills)) != 1:
        raise ValueError(f"{path.name}: the numbers of run {FIRST} are not in it once")
    return data


def _numbers(layout: Layout, n_spills: int) -> Branches:
    run, spill, event = (layout.event[name].names[0] for name in ("run", "spill", "event"))
    return {
        run: np.full(n_spills, FIRST, np.uint32),
        spill: np.arange(1, n_spills + 1, dtype=np.uint32),
        event: np.ones(n_spills, np.uint32),
    }


def _stored(run: int, n_spills: int) -> bytes:
    """Return the numbers of a run as a basket has them."""
    return np.full(n_spills, run, ">u4").tobytes()


def _write_tables(folder: Path, runs: range, n_spills: int) -> None:
    with (folder / "runs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("run", "type", "triggers"), *((run, "physics", n_spills) for run in runs)]
        )
    with (folder / "spills.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("run", "spill", *EXPOSURES, "quality", "prescale", "good_fraction"))
        for run in runs:
            rows.writerows(
                (run, spill, _ON_TARGET, 0.9 * _ON_TARGET, "good", 1, 1) for spill in range(1, n_spills + 1)
            )


def _write_period(folder: Path, runs: range) -> None:
    """Copy a packaged period under another name and with other runs."""
    packaged = resources.files("na64.datasets.conditions").joinpath("periods")
    ((first, last),) = load_period(packaged, _LIKE).runs
    text = packaged.joinpath(f"{_LIKE}.toml").read_text(encoding="utf-8")
    for old, new in (
        (f'name = "{_LIKE}"', f'name = "{PERIOD}"'),
        (f"first = {first}\n", f"first = {runs[0]}\n"),
        (f"last = {last}\n", f"last = {runs[-1]}\n"),
    ):
        text = text.replace(old, new, 1)
    (folder / f"{PERIOD}.toml").write_text(text, encoding="utf-8")
