"""Cells and beam triggers of a catalogue against run and spill."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.turns import turn
from na64.outputs.analysis.event_passes import PassResult, gather_sums
from na64.outputs.analysis.listening import Listener, Progress, Tell, no_progress, silent
from na64.outputs.analysis.plans import Plan, load_plan
from na64.outputs.analysis.workers import Workers
from na64.outputs.control.calibration.monitoring import (
    Monitoring,
    bad_cells_file,
    lines_of,
    monitor_runs,
    proposals_file,
    to_csv,
)
from na64.outputs.control.calibration.passes import Pass, check_folder, log_pass, log_product
from na64.processors.calibration.gathering import Purpose
from na64.processors.calibration.samples import check_samples

TABLE, BAD_CELLS, PROPOSED, PAGE = "monitoring.csv", "bad_cells.csv", "proposed_bad.csv", "monitoring.html"
"""Files: all that is followed, bad cells, spills proposed for the bad list, and what is to be looked at."""


@dataclass(frozen=True, slots=True)
class MonitorResult(PassResult):
    """What `monitor` has found.

    Attributes
    ----------
    folder : Path
    monitoring : Monitoring
        Series, outliers, bad cells and proposed spills.
    """

    folder: Path
    monitoring: Monitoring


def monitor(
    catalogue: str | Path,
    *,
    to: str | Path,
    runs: str | Collection[int] | None = None,
    selection: str | Path = "calibration",
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
) -> MonitorResult:
    """Gain, time, occupancy and noise of every cell against run and spill, outliers, and proposed bad spills.

    Only beam, random and light-pulser triggers are looked at, of data those that are not hidden. Nothing that
    is found changes a result: proposed spills are in the form of a bad list for whoever agrees with them.

    Parameters
    ----------
    catalogue : str or Path
        Made by `catalogue`.
    to : str or Path
        Folder of tables, plots and a page.
    runs : str or collection of int, optional
        Only these, as ``"8396-8458,8500"`` or one by one.
    selection : str or Path
        What the samples of events are, one cut each: ``calibration``, or a TOML file on that base.
    executor : {"dask", "processes", "iterative"}, optional
        By default this process, or a Dask cluster of this machine where that saves time.
    workers : int, optional
        By default the number of cores.
    scheduler : str, optional
        Address of a Dask cluster.
    cluster : str or Path, optional
        Where workers come from: ``slurm``, ``htcondor``, ... or a TOML file.
    chunk_events : int, optional
        Most events read at a time; without influence on what is found.
    deadline : int
        Longest time in s for one piece of a file.
    report : bool
        Draw plots and ``monitoring.html`` too.
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
    MonitorResult

    Raises
    ------
    KeyError, ValueError, FileNotFoundError
        A file, selection or run that cannot be used; names it.
    KeyboardInterrupt
        It was interrupted; what was finished is kept, and the same call goes on.

    Examples
    --------
    >>> watched = na64.monitor("2023.json", to="watched", executor="iterative", report=False)
    >>> watched.monitoring.limit.n_looks > 100
    True
    """
    folder, listener = Path(to), Listener(progress, tell, note)
    plan = load_plan(catalogue, selection, runs=runs)
    check_samples(plan.job.selection)
    check_folder(folder, "na64 monitor")
    asked = Pass(plan.path, plan.catalogue, plan.job, "monitor")
    team = Workers(executor, workers, scheduler, cluster)
    with turn(folder, "monitoring", "na64 monitor"):
        for line in log_pass(asked):
            listener.warn(f"monitor: {line}")
        gathered = gather_sums(
            plan, Purpose.MONITORING, folder, team, listener, chunk_events=chunk_events, deadline=deadline
        )
        found = monitor_runs(plan.job, gathered)
        write_bytes(folder / TABLE, to_csv(found))
        write_bytes(folder / BAD_CELLS, bad_cells_file(found))
        write_bytes(folder / PROPOSED, proposals_file(found))
        log_product(asked, {"n_proposed": len(found.proposed)})
        listener.say(lines_of(found))
        listener.say(f"not read: {line}" for line in gathered.failures)
        if report:
            _draw(folder, plan, found, label, listener)
    return MonitorResult(folder, found, failures=gathered.failures)


def _draw(folder: Path, plan: Plan, found: Monitoring, status: str, listener: Listener) -> None:
    """Draw plots and page; the tables, which are written, do not depend on it."""
    with listener.outliving("the page is not drawn"):
        # Here, because what draws may fail as soon as it is imported.
        from na64.outputs.control.calibration.heading import heading_of  # noqa: PLC0415
        from na64.outputs.control.calibration.monitor_page import write_page  # noqa: PLC0415

        label = heading_of(plan.catalogue, plan.job, status)
        listener.tell(f"page: {write_page(folder / PAGE, plan.catalogue, found, label)}")
