"""Constants of cells out of the visible events of a catalogue."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.turns import turn
from na64.datasets.calibration.calibration_file import CALIBRATION, load_calibration, to_toml
from na64.datasets.calibration.constants import Calibration, Quantity
from na64.outputs.analysis.event_passes import PassResult, gather_sums
from na64.outputs.analysis.listening import Listener, Progress, Tell, no_progress, silent
from na64.outputs.analysis.plans import Plan, load_plan
from na64.outputs.analysis.workers import Workers
from na64.outputs.control.calibration.building import Built, Wish, build, check_wish
from na64.outputs.control.calibration.correction_set import to_correctionlib
from na64.outputs.control.calibration.passes import Pass, check_folder, log_pass, log_product
from na64.outputs.control.calibration.table import table_of
from na64.processors.calibration.gathering import Gathered, Purpose
from na64.processors.calibration.samples import check_samples

TABLE, CORRECTIONS, PAGE = "constants.csv", "calibration.json", "calibration.html"
"""Files besides `CALIBRATION`: every constant as a row, for correctionlib, and to be looked at."""


@dataclass(frozen=True, slots=True)
class CalibrationResult(PassResult):
    """What `calibrate` has found.

    Attributes
    ----------
    path : Path
        The file that `process` takes.
    calibration : Calibration
        Constants by range of runs, with errors, entries and methods.
    """

    path: Path
    calibration: Calibration


def calibrate(
    catalogue: str | Path,
    *,
    to: str | Path,
    runs: str | Collection[int] | None = None,
    selection: str | Path = "calibration",
    reference: str | Path | None = None,
    ranges: str = "",
    per_run: bool = False,
    name: str | None = None,
    least: int = 50,
    executor: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    cluster: str | Path | None = None,
    chunk_events: int | None = None,
    deadline: int = 1800,
    report: bool = True,
    label: str = "",
    progress: Progress = no_progress,
    tell: Tell = silent,
    note: Tell | None = None,
) -> CalibrationResult:
    """Constants of cells by range of runs: times, scales, noise, bad cells and the shower of electrons.

    They are made of visible events only. `process` takes them with ``calibration=``.

    Parameters
    ----------
    catalogue : str or Path
        Made by `catalogue`.
    to : str or Path
        Folder of ``calibration.toml``, tables, plots and a page.
    runs : str or collection of int, optional
        Only these, as ``"8396-8458,8500"`` or one by one.
    selection : str or Path
        What the samples of events are, one cut each: ``calibration``, or a TOML file on that base.
    reference : str or Path, optional
        Earlier calibration: its constants are kept where too little is there to measure them, and its signals
        of muons, electrons and light pulser are what those of today are scaled to.
    ranges : str, optional
        Ranges of runs that have one set of constants each, as ``"8701-8704,8705-8710"``; by default they are
        found: a new one begins where a cell jumps.
    per_run : bool
        Every run has its own constants.
    name : str, optional
        By default that of the folder.
    least : int
        Entries that a constant needs; a cell with fewer keeps the old one.
    executor : {"dask", "processes", "iterative"}, optional
        By default this process, or a Dask cluster of this machine where that saves time.
    workers : int, optional
        By default the number of cores.
    scheduler : str, optional
        Address of a Dask cluster.
    cluster : str or Path, optional
        Where workers come from: ``slurm``, ``htcondor``, ... or a TOML file.
    chunk_events : int, optional
        Most events read at a time; without influence on the constants.
    deadline : int
        Longest time in s for one piece of a file.
    report : bool
        Draw plots and ``calibration.html`` too.
    label : str
        What stands after the name of the experiment in figures, as ``Preliminary``.
    progress : callable
        Takes the numbers of events done and of all.
    tell : callable
        Takes lines about what was found, as they come.
    note : callable, optional
        Takes what is to be known besides, such as what is hidden; by default that is logged.

    Returns
    -------
    CalibrationResult

    Raises
    ------
    KeyError, ValueError, FileNotFoundError
        A file, selection, run, range or reference that cannot be used; names it.
    KeyboardInterrupt
        It was interrupted; what was finished is kept, and the same call goes on.

    Examples
    --------
    >>> found = na64.calibrate("2023.json", to="constants", executor="iterative", report=False)
    >>> found.calibration.covers
    '8701-8703'
    """
    if ranges and per_run:
        raise ValueError("either ranges of runs, or one a run")
    if least < 10:
        raise ValueError(f"least {least}: expected at least 10 entries, for the errors of fewer mean nothing")
    folder, listener = Path(to), Listener(progress, tell, note)
    known = None if reference is None else load_calibration(reference)
    plan = load_plan(catalogue, selection, runs=runs)
    check_samples(plan.job.selection)
    check_folder(folder, "na64 calibrate")
    check_replaced(folder, plan)
    asked = Pass(plan.path, plan.catalogue, plan.job, "calibrate")
    wish = Wish(name or folder.resolve().name, ranges, per_run, known, least)
    check_wish(plan.job, wish)
    team = Workers(executor, workers, scheduler, cluster)
    with turn(folder, "calibrating", "na64 calibrate"):
        for line in log_pass(asked, known):
            listener.warn(f"calibrate: {line}")
        gathered = gather_sums(
            plan, Purpose.CALIBRATION, folder, team, listener, chunk_events=chunk_events, deadline=deadline
        )
        built = build(plan.catalogue, plan.job, gathered, wish)
        write(folder, built)
        log_product(asked, {"calibration": built.calibration.identity, "runs": built.calibration.covers})
        listener.say(lines_of(built, gathered))
        if report:
            _draw(folder, plan, built, label, listener)
    return CalibrationResult(folder / CALIBRATION, built.calibration, failures=gathered.failures)


def check_replaced(folder: Path, plan: Plan) -> None:
    """Refuse to replace a calibration of other files.

    Raises
    ------
    ValueError
        The folder has one of another catalogue.
    """
    if not (folder / CALIBRATION).exists():
        return
    before = load_calibration(folder).made_of.get("catalogue", "")
    if before != plan.catalogue.identity:
        raise ValueError(
            f"{folder}: holds the calibration of another catalogue, {before[:12]}; name another folder"
        )


def write(folder: Path, built: Built) -> None:
    """Write the constants in their three forms."""
    write_bytes(folder / TABLE, table_of(built.calibration).to_csv())
    write_bytes(folder / CORRECTIONS, to_correctionlib(built.calibration))
    write_bytes(folder / CALIBRATION, to_toml(built.calibration))


def lines_of(built: Built, gathered: Gathered) -> Iterator[str]:
    """What was found, in words: ranges and why, how many cells have what, bad cells, what was not read."""
    calibration: Calibration = built.calibration
    yield f"calibration {calibration.name}, identity {calibration.identity[:12]}: runs {calibration.covers}"
    yield f"made of events: {calibration.made_of['events']}"
    yield from (f"new range at {jump}" for jump in built.jumps[:20])
    if len(built.jumps) > 20:
        yield f"and {len(built.jumps) - 20} cells more that jump"
    for part in calibration.ranges:
        for detector, constants in part.detectors.items():
            measured = ", ".join(
                f"{quantity.value} {constants.values[quantity].n_measured}"
                for quantity in (Quantity.DELAY, Quantity.SCALE, Quantity.NOISE)
            )
            yield f"runs {part.covers}: {detector}: of {constants.n_cells} cells measured: {measured}"
        yield from (
            f"runs {part.covers}: {b.detector} cell {b.cell} {b.defect.value}: {b.reason}" for b in part.bad
        )
    yield from (f"not read: {line}" for line in gathered.failures)


def _draw(folder: Path, plan: Plan, built: Built, status: str, listener: Listener) -> None:
    """Draw plots and page; the constants, which are written, do not depend on it."""
    with listener.outliving("the page is not drawn"):
        # Here, because what draws may fail as soon as it is imported.
        from na64.outputs.control.calibration.heading import heading_of, origin_of  # noqa: PLC0415
        from na64.outputs.control.calibration.page import write_page  # noqa: PLC0415

        label = heading_of(plan.catalogue, plan.job, status)
        origin = origin_of(plan.catalogue)
        path = write_page(folder / PAGE, plan.job, built, label=label, origin=origin)
        listener.tell(f"page: {path}")
