"""Our cuts and counts as a coffea processor."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from coffea.processor import ProcessorABC

from na64.datasets.calibration.calibration_file import load_calibration
from na64.datasets.calibration.constants import Calibration
from na64.datasets.catalogue.geometry import check_layout
from na64.datasets.catalogue.layout_columns import with_columns_of
from na64.datasets.conditions.bad_spills import BadList
from na64.datasets.conditions.periods import Period, features_of_periods, packaged_periods, period_of_run
from na64.datasets.instrument.columns import EventColumns
from na64.datasets.reading.layout import Layout, parse_layout
from na64.datasets.reading.layout_differences import TRUTH, has_packaged_truth, warning_of
from na64.datasets.reading.layout_rules import check_keys
from na64.datasets.reading.read import read
from na64.datasets.reading.schema import columns_of, is_closed
from na64.processors.counting.tally import Tally
from na64.processors.events.segment import process_columns
from na64.processors.events.visible_events import runs_of
from na64.processors.execution.tasks import Options, describe
from na64.processors.features.plugin import Plugin, PluginError
from na64.processors.job import FileContext, Job, with_features_of
from na64.processors.run_contexts import contexts_of_runs
from na64.selections.cut import check_periods
from na64.selections.selection import Selection, load_selection

T = TypeVar("T")


class EventError(RuntimeError):
    """Events of data could not be processed; the message holds no value of any event."""


class NA64Processor(ProcessorABC):  # type: ignore[misc]
    """Our cuts and counts under coffea's own `Runner`, for events made with `NA64Schema`.

    The result is ``{dataset: {run: Tally}}``. It is blind unless ``simulation`` is said.

    Parameters
    ----------
    selection : str, Path or Selection
        Name of a packaged selection, path of one, or one.
    simulation : bool
        The events are simulated, and say so: none is hidden, and their weights are summed too.
    layout : Layout, optional
        By default the one that the schema found.
    periods : mapping of str to Period, optional
        By default `na64.datasets.conditions.periods.packaged_periods`.
    plugin : Plugin, optional
        User code, see `na64.processors.features.plugin`.
    calibration : str, Path or Calibration, optional
        Constants of cells, as `na64 calibrate` wrote them; what is hidden without them stays hidden. From
        which production of files they were made is not compared: nothing here says that of the files.

    Examples
    --------
    >>> from coffea.processor import IterativeExecutor, Runner
    >>> runner = Runner(IterativeExecutor(status=False), schema=na64.NA64Schema)
    >>> processor, files = na64.NA64Processor("dimuon_2023"), ["data/run_8701.root"]
    >>> counts = runner({"demo": files}, processor, treename="tout")  # doctest: +ELLIPSIS
    Preprocessing ...
    >>> list(counts["demo"])
    [8701]
    """

    def __init__(
        self,
        selection: str | Path | Selection,
        *,
        simulation: bool = False,
        layout: Layout | None = None,
        periods: Mapping[str, Period] | None = None,
        plugin: Plugin | None = None,
        calibration: str | Path | Calibration | None = None,
    ) -> None:
        known = dict(packaged_periods() if periods is None else periods)
        if not simulation:
            _check_calibration(known)
        if layout is not None:
            known = with_columns_of([layout], known)
        if not isinstance(selection, Selection):
            selection = load_selection(
                selection,
                extra_features=plugin.features if plugin else None,
                other_features=features_of_periods(known.values(), together=False),
            )
        if layout is not None:
            check_keys(layout)
            if text := warning_of(layout, frozenset().union(*(one.closed for one in known.values()))):
                warnings.warn(text, stacklevel=2)
        self.selection = selection
        self.simulation = simulation
        self.layout = layout
        self.periods = known
        check_periods(selection.cuts, {*self.periods, *packaged_periods()})
        self.plugin = plugin
        if isinstance(calibration, str | Path):
            calibration = load_calibration(calibration)
        self.calibration = calibration

    def process(self, events: Any) -> dict[str, dict[int, Tally]]:
        """Count the events of one chunk."""
        layout = self.layout or parse_layout(
            events.layout.purelist_parameter("na64_layout"), "layout of the events"
        )
        columns = self._quietly(lambda: _columns(events, layout))
        if self.simulation and not self._is_simulated(columns, layout):
            raise ValueError(
                "events do not say what was simulated: na64 catalogue --simulation --reason takes such files"
            )
        runs = tuple(runs_of(columns))
        job, file = self._job(runs, layout), FileContext("", layout.name, runs)
        return {events.metadata["dataset"]: self._quietly(lambda: process_columns(columns, job, file))}

    def postprocess(self, accumulator: Any) -> Any:
        """Return the sum as it is."""
        return accumulator

    def _quietly(self, act: Callable[[], T]) -> T:
        """Do something with events; of data, an error says its kind and place and holds nothing of an event.

        Raises
        ------
        PluginError
            User code failed.
        EventError
            Something else did.
        """
        if self.simulation:
            return act()
        try:
            return act()
        except PluginError as error:
            plugin, text = True, str(error)
        except Exception as error:
            plugin, text = False, describe(error, Options()).reason
        # Raised out here, so that no exception whose text or frames may hold event values is attached.
        raise PluginError(text) if plugin else EventError(text)

    def _is_simulated(self, columns: EventColumns, layout: Layout) -> bool:
        return TRUTH in columns.event and has_packaged_truth(layout)

    def _job(self, runs: tuple[int, ...], layout: Layout) -> Job:
        periods = with_columns_of([layout], self.periods)
        for period in filter(None, (period_of_run(run, periods) for run in runs)):
            if reason := check_layout(layout, period):
                raise ValueError(reason)
        contexts = contexts_of_runs(runs, periods, simulation=self.simulation, calibration=self.calibration)
        return Job(
            selection=with_features_of(self.selection, contexts, periods),
            simulation=self.simulation,
            weighted=self.simulation,
            runs=contexts,
            layouts={layout.name: layout},
            bad=sum((period.bad for period in self.periods.values()), BadList()),
            plugin=self.plugin,
            calibration=self.calibration,
        )


@dataclass(frozen=True, slots=True)
class _File:
    """Where coffea found events."""

    path: str
    tree: str


def _columns(events: Any, layout: Layout) -> EventColumns:
    """Take the columns out of events, or of the file they are from if they do not show them."""
    if not is_closed(events):
        return columns_of(events, layout)
    known = events.metadata or {}
    if not {"filename", "entrystart", "entrystop"} <= {*known}:
        raise ValueError("events without columns that coffea's Runner did not make")
    start, stop = int(known["entrystart"]), int(known["entrystop"])
    if len(events) != stop - start:
        raise ValueError(
            f"{len(events)} events of {stop - start}: some were left out before they were counted"
        )
    return read(_File(str(known["filename"]), str(known.get("treename") or "")), layout, start, stop)


def _check_calibration(periods: Mapping[str, Period]) -> None:
    """Refuse other energies or times for data of known runs: events of the box could leave it by them."""
    for known in packaged_periods().values():
        for period in periods.values():
            if period.shares_runs_with(known) and period.setup != known.setup:
                raise ValueError(
                    f"period {period.name}: its set-up is not that of {known.name}, which has the same runs; "
                    "with another one data would not be blind"
                )
