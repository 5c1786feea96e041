"""Scans of bounds of a selection, beside the closed box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from na64.datasets.basics.atomic_file import write_bytes
from na64.outputs.analysis.listening import Listener, Progress, Tell, no_progress, silent
from na64.outputs.analysis.plans import store_of
from na64.outputs.background.estimate import Settings
from na64.outputs.background.inputs import check_simulation
from na64.outputs.background.sidebands import plane_of
from na64.outputs.events.analysis import ReopenedResult, reopen
from na64.outputs.limits.scan.axes import ScanAxis, axes_of, selection_at
from na64.outputs.limits.scan.candidates import find_candidates, find_signal
from na64.outputs.limits.scan.figures import scan_figure
from na64.outputs.limits.scan.steps import Scan, Scanner, Signal, same_range
from na64.outputs.limits.scan.table import FIGURE, TABLE, lines, scanned_before, table_of
from na64.outputs.report.display import display_of
from na64.outputs.report.drawing import write_figure
from na64.outputs.report.heading import heading, read_status
from na64.outputs.result.lacks import check_values
from na64.outputs.result.request import catalogue_path, log_use, read_request
from na64.outputs.result.store import require_result
from na64.outputs.result.unreplaced import unreplaced


def scan(
    folder: str | Path,
    cuts: Mapping[str, tuple[float, float]],
    *,
    steps: int | Sequence[int] = 20,
    signal: str | Path | None = None,
    component: int | None = None,
    end: float | None = None,
    start: float | None = None,
    hcal_start: float | None = None,
    hcal_stop: float = 20.0,
    one_slope: bool = False,
    store: str | Path | None = None,
    to: str | Path | None = None,
    reason: str = "",
    progress: Progress = no_progress,
    tell: Tell = silent,
) -> Scan:
    """Other values of one or two bounds: background beside the box, efficiency and expected limit of each.

    Features are read once, whatever the number of steps. Nothing is read in the hidden region of data.

    Parameters
    ----------
    folder : str or Path
        Where `process` wrote to.
    cuts : mapping of str to (float, float)
        First and last value by ``"CUT.FEATURE.BOUND"``, in the unit of the selection's file; two make a map.
    steps : int or sequence of int
        Values of each bound, both ends included.
    signal : str or Path, optional
        Result of a simulated signal with the same selection: gives the efficiency.
    component : int, optional
        ``truth_component`` of the signal in that result; by default everything in it is signal.
    end, start, hcal_start, hcal_stop, one_slope
        Of the fits to the sidebands, as `background` takes them.
    store : str or Path, optional
        Folder of the feature store; by default ``features`` beside the catalogue.
    to : str or Path, optional
        Folder of table and figure; by default ``scan`` in that of the result.
    reason : str
        Why the signal is right although it is of something else, or does not say what it is of.
    progress : callable
        Takes the numbers of events read and of all.
    tell : callable
        Takes lines about the steps.

    Returns
    -------
    na64.outputs.limits.scan.steps.Scan

    Raises
    ------
    FileNotFoundError
        The folder holds no result.
    KeyError
        The selection has no such bound; names the nearest.
    ValueError
        A range that is none, a signal of something else, a cut on what no event has a value of, or too
        little beside the box.
    na64.outputs.result.unreplaced.ReplacedError
        Another result came into the folder meanwhile (a ``RuntimeError``).

    Examples
    --------
    >>> found = na64.scan("out", {"vhcal.vhcal_total.below": (0.5, 3.0)}, steps=3)
    >>> [step.values[0] for step in found.steps]
    [0.5, 1.75, 3.0]
    """
    place = Path(folder)
    require_result(place)
    n_steps = [steps] * len(cuts) if isinstance(steps, int) else list(steps)
    request = read_request(place)
    axes = axes_of(place, request, cuts, n_steps)
    analysis = reopen(place)
    check_values(analysis.products.summary, str(place))
    plane_of(analysis.products)  # weighted simulation has no counts to fit
    for corner in zip(*((axis.values[0], axis.values[-1]) for axis in axes), strict=True):
        selection_at(place, request, analysis.selection, axes, corner)
    scanned = {axis.bound.cut for axis in axes}
    asked = Settings(None, end, hcal_stop, start=start, hcal_start=hcal_start, one_slope=one_slope)
    settings = same_range(analysis.products, asked)  # refuses what cannot be estimated before events are read
    found_signal = (
        _signal(place, analysis, Path(signal), scanned, component=component, reason=reason)
        if signal
        else None
    )
    _log(place, analysis, axes)
    scanner = Scanner(
        folder=place,
        analysis=analysis,
        axes=axes,
        candidates=find_candidates(analysis, scanned, store=_store(place, store), progress=progress),
        settings=settings,
        signal=found_signal,
    )
    nominal, *others = scanner.run()
    summary = analysis.products.summary
    found = Scan(
        axes=axes,
        steps=tuple(others),
        nominal=nominal,
        others=scanner.candidates.n_events,
        counted=summary.totals["selected"],
        fit_end=scanner.settings.end,
        selection=summary.selection.name,
        label=summary.label,
    )
    Listener(tell=tell).say(lines(found))
    written = Path(to) if to is not None else place / "scan"
    with unreplaced(place, summary, "na64 scan"):
        table = table_of(found).to_csv()
        if (written / TABLE).exists() and (earlier := (written / TABLE).read_bytes()) != table:
            tell(f"replaced: {scanned_before(earlier)} in {written}; --out DIR keeps both")
        write_bytes(written / TABLE, table)
        label = heading(summary, read_status(place))
        display = display_of(summary, analysis.products.histograms, analysis.units)
        write_figure(written, FIGURE, lambda: scan_figure(found, label, display))
    tell(f"table and figure: {written}")
    return found


def _signal(
    folder: Path,
    analysis: ReopenedResult,
    signal: Path,
    scanned: set[str],
    *,
    component: int | None,
    reason: str,
) -> Signal:
    """Candidates of a simulated signal, checked to be of the same selection and periods."""
    require_result(signal)
    simulated = reopen(signal)
    one, other = (each.selection for each in (analysis, simulated))
    if component is not None and component < 0:
        raise ValueError(f"component {component}: expected a number from 0 on")
    if simulated.products.summary.is_data:
        raise ValueError(f"{signal}: holds recorded events, not a simulated signal")
    if replace(one, variations=()).identity != replace(other, variations=()).identity:
        raise ValueError(
            f"{signal}: went through selection {other.name} with other cuts than those of {folder}: "
            "na64 process the simulation with the same selection"
        )
    check_values(simulated.products.summary, str(signal))
    stated = check_simulation(analysis.products, simulated.products, str(signal), str(folder), reason=reason)
    if stated and analysis.products.summary.is_data:
        log_use(folder, "stated", {"command": "scan", "stated": [stated]})
    return Signal(find_signal(simulated, scanned, component), simulated.products)


def _store(folder: Path, store: str | Path | None) -> Path:
    return store_of(store, catalogue_path(folder, read_request(folder)))


def _log(folder: Path, analysis: ReopenedResult, axes: tuple[ScanAxis, ...]) -> None:
    """Log that bounds are scanned with visible events of data."""
    if analysis.products.summary.is_data:
        ranges = [
            f"{axis.bound.path} from {axis.values[0]:g} to {axis.values[-1]:g} in {len(axis.values)} steps"
            for axis in axes
        ]
        log_use(folder, "scan", {"choice": ranges, "events": "visible"})
