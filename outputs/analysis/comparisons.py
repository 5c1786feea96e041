"""Results beside each other, and simulations upon data."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from na64.datasets.basics.atomic_file import write_bytes, write_together
from na64.outputs.analysis.hidden_simulation import hide_as_in_data
from na64.outputs.analysis.listening import Listener, Progress, Tell, no_progress, silent
from na64.outputs.comparison import compare as beside
from na64.outputs.comparison import overlay as upon
from na64.outputs.comparison.compare import Comparison
from na64.outputs.comparison.compare_plot import draw_comparison
from na64.outputs.comparison.overlay import Overlay
from na64.outputs.comparison.overlay_plot import pages
from na64.outputs.comparison.overlay_table import lines, table_of
from na64.outputs.comparison.pairing import changes
from na64.outputs.events.analysis import ReopenedResult, reopen
from na64.outputs.report.display import display_of
from na64.outputs.report.drawing import write_figure
from na64.outputs.report.heading import details, heading, italic, read_status
from na64.outputs.result.origin import check_runs
from na64.outputs.result.products import Products
from na64.outputs.result.request import log_use
from na64.outputs.result.store import read_result
from na64.outputs.result.table import Table
from na64.outputs.result.unreplaced import unreplaced

OVERLAY, HIDDEN_ALIKE = "overlay", "overlay_hidden"
"""Folders of data upon whole simulation, and upon simulation that hides what the data hide."""


def compare(
    first: str | Path,
    second: str | Path,
    *,
    after: str | None = None,
    same_events: bool | None = None,
    to: str | Path | None = None,
    tell: Tell = silent,
    note: Tell | None = None,
) -> Comparison:
    """Comparison of two results: cut-flows, runs, and the events gained and lost.

    Parameters
    ----------
    first, second : str or Path
        Where `process` wrote to.
    after : str, optional
        Compare what is left after this cut; by default all cuts.
    same_events : bool, optional
        Match events by run, spill and event, or compare rates; by default events are matched if both are of
        the same files or of the same runs of data.
    to : str or Path, optional
        Folder of tables and figure; by default ``compare`` in the second.
    tell : callable
        Takes lines about the comparison.
    note : callable, optional
        Takes what is to be known besides; by default that is logged.

    Returns
    -------
    na64.outputs.comparison.compare.Comparison

    Raises
    ------
    FileNotFoundError
        A folder holds no result.
    KeyError, ValueError
        A cut that is not there, or files that are not those of the result any more.

    Examples
    --------
    >>> found = na64.compare("out", "out")
    >>> found.same_events
    True
    """
    listener = Listener(tell=tell, note=note)
    folders = (Path(first), Path(second))
    one, other = (read_result(place) for place in folders)
    found = _compared(folders, (one, other), after, same_events, listener)
    listener.say(beside.lines(found))
    folder = Path(to) if to is not None else Path(second) / "compare"
    tables: dict[str, Table[Any]] = {"cutflow": found.cutflow, "runs": found.runs}
    if found.same_events:
        tables["events"] = found.events
    contents = {f"{name}.csv": table.to_csv() for name, table in tables.items()}
    without = {"events.csv"} - contents.keys()  # of a comparison of the same events, before
    headings = (_heading(folders[0], one), _heading(folders[1], other))
    with unreplaced(folders[1], other.summary, "na64 compare"):
        write_together(folder, contents, seal="cutflow.csv", without=without)
        write_figure(folder, "compare", partial(draw_comparison, found, headings))
    tell(f"tables and plot: {folder}")
    return found


def _compared(
    folders: tuple[Path, Path],
    results: tuple[Products, Products],
    after: str | None,
    same_events: bool | None,
    listener: Listener,
) -> Comparison:
    one, other = results
    names = (_name(folders[0], one), _name(folders[1], other))
    for products in (one, other):
        if after is not None and after not in products.cutflow.column("cut"):
            raise KeyError(f'selection {products.summary.selection.name} has no cut "{after}"')
    if not (_is_same(one, other) if same_events is None else same_events):
        return beside.compare_rates((one, other), after=after, names=names)
    analyses = [reopen(folder) for folder in folders]
    for analysis in analyses:
        if analysis.other_code:
            listener.warn(f"note: {analysis.folder} was made by another version of the code")
    _log_look(analyses, "compare", {"choice": f"after {after or 'all cuts'}", "events": "visible"})
    found = list(changes(analyses[0], analyses[1], after))
    n_events = sum(len(events) for _, events in found)
    _log_look(analyses, "listed", {"command": "compare", "events": "visible", "n_events": n_events})
    return beside.compare_events((one, other), found, after=after, names=names)


def _log_look(analyses: Sequence[ReopenedResult], event: str, details: dict[str, object]) -> None:
    """Log that single events of data are looked at, and how many there were, for each result."""
    for analysis in analyses:
        if analysis.products.summary.is_data:
            log_use(analysis.folder, event, details)


def _name(folder: Path, products: Products) -> str:
    summary = products.summary
    return f"{folder.name}, selection {summary.selection.name}, {summary.label}, {summary.scope}"


def _heading(folder: Path, products: Products) -> str:
    """Line about a result above a figure: what it is, its status, exposure, periods and beam."""
    status, known = read_status(folder), details(products.summary)
    name = f"{italic(status)} {_name(folder, products)}" if status else _name(folder, products)
    return f"{name}\n{known}" if known else name


def _is_same(one: Products, other: Products) -> bool:
    """Whether two results are of the same events: of the same files, or of the same runs of real data."""
    files = [
        {value for run in products.summary.runs for name, value in run.identities.items() if "file " in name}
        for products in (one, other)
    ]
    runs = [{run.run for run in products.summary.runs} for products in (one, other)]
    recorded = not (one.summary.has_truth or other.summary.has_truth)
    return bool(files[0] & files[1]) or (recorded and bool(runs[0] & runs[1]))


def overlay(
    data: str | Path,
    *simulations: str | Path,
    only: Sequence[str] | None = None,
    to: str | Path | None = None,
    hide_in_simulation: bool = False,
    progress: Progress = no_progress,
    tell: Tell = silent,
    note: Tell | None = None,
) -> Overlay:
    """Simulations upon data: every histogram that all have, with ratios, chi2 and KS.

    Parameters
    ----------
    data : str or Path
        Where `process` wrote the data to.
    *simulations : str or Path
        Where it wrote simulations to; they are added up.
    only : sequence of str, optional
        Variables that are drawn and tested; by default all.
    to : str or Path, optional
        Folder of table and figures; by default ``overlay`` in that of the data, or ``overlay_hidden`` if
        events are hidden in simulation.
    hide_in_simulation : bool
        Hide in simulation what is hidden in data: its events are counted again without those.
    progress : callable
        Takes the numbers of simulated events counted again and of all.
    tell : callable
        Takes lines about the agreement.
    note : callable, optional
        Takes what is to be known besides; by default that is logged.

    Returns
    -------
    na64.outputs.comparison.overlay.Overlay

    Raises
    ------
    FileNotFoundError
        A folder holds no result.
    KeyError, ValueError
        A variable that is not there, results that do not go together, or nothing that could be hidden alike.

    Examples
    --------
    >>> found = na64.overlay("out", "simulated", only=["ecal"])
    >>> len(found.distributions) > 0
    True
    """
    folders = [Path(one) for one in simulations]
    sources = []
    for folder in folders:
        products = read_result(folder)
        sources.append(upon.ScaledSimulation(folder.name, products))
    recorded = read_result(Path(data))
    upon.check_apart([upon.ScaledSimulation(str(data), recorded), *sources])
    for folder, source in zip(folders, sources, strict=True):
        if source.products.summary.is_data and not hide_in_simulation:
            raise ValueError(f"{folder}: holds recorded events, expected a simulation after the data")
    listener = Listener(progress, tell, note)
    if hide_in_simulation:
        for source in sources:  # before anything is counted
            check_runs(recorded.summary, source.products.summary)
        sources = hide_as_in_data(Path(data), zip(folders, sources, strict=True), listener)
    found = upon.overlay(recorded, sources, only=only)
    listener.say(lines(found))
    place = Path(to) if to is not None else Path(data) / (HIDDEN_ALIKE if hide_in_simulation else OVERLAY)
    with unreplaced(Path(data), recorded.summary, "na64 overlay"):
        write_bytes(place / "overlay.csv", table_of(found).to_csv())
        label = heading(recorded.summary, read_status(Path(data)))
        for name, make in pages(found, label, display_of(recorded.summary, recorded.histograms)):
            write_figure(place, name, make)
    tell(f"table and plots: {place}")
    return found
