"""Our cuts and counts as a coffea processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from coffea.processor import ProcessorABC

from na64.datasets.conditions.bad import BadList
from na64.datasets.conditions.periods import Period, load_periods
from na64.datasets.reading.layout import Layout, parse_layout
from na64.datasets.reading.schema import columns_of
from na64.processors.counting.tally import Tally
from na64.processors.events.segment import process_columns
from na64.processors.events.visible_events import runs_of
from na64.processors.execution.tasks import Options, describe
from na64.processors.features.plugin import Plugin, PluginError
from na64.processors.job import FileContext, Job, contexts_of_runs
from na64.selections.selection import Selection, load_selection

__all__ = ["EventError", "NA64Processor", "process_columns"]


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
        The events are simulated: none is hidden, and their weights are summed too.
    layout : Layout, optional
        By default the one that the schema found.
    periods : mapping of str to Period, optional
        By default `na64.datasets.conditions.periods.load_periods`.
    plugin : Plugin, optional
        User code, see `na64.processors.features.plugin`.
    """

    def __init__(
        self,
        selection: str | Path | Selection,
        *,
        simulation: bool = False,
        layout: Layout | None = None,
        periods: Mapping[str, Period] | None = None,
        plugin: Plugin | None = None,
    ) -> None:
        if not isinstance(selection, Selection):
            selection = load_selection(selection, extra_features=plugin.features if plugin else None)
        self.selection = selection
        self.simulation = simulation
        self.layout = layout
        self.periods = dict(load_periods() if periods is None else periods)
        if not simulation:
            _check_calibration(self.periods)
        self.plugin = plugin

    def process(self, events: Any) -> dict[str, dict[int, Tally]]:
        """Count the events of one chunk."""
        layout = self.layout or parse_layout(
            events.layout.purelist_parameter("na64_layout"), "layout of the events"
        )
        columns = self._quietly(lambda: columns_of(events, layout))
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

    def _job(self, runs: tuple[int, ...], layout: Layout) -> Job:
        return Job(
            selection=self.selection,
            simulation=self.simulation,
            weighted=self.simulation,
            runs=contexts_of_runs(runs, self.periods),
            layouts={layout.name: layout},
            bad=sum((period.bad for period in self.periods.values()), BadList()),
            plugin=self.plugin,
        )


def _check_calibration(periods: Mapping[str, Period]) -> None:
    """Refuse other energies or times for data of known runs: events of the box could leave it by them."""
    for known in load_periods().values():
        for period in periods.values():
            if _overlap(period, known) and period.setup != known.setup:
                raise ValueError(
                    f"period {period.name}: its set-up is not that of {known.name}, which has the same runs; "
                    "with another one data would not be blind"
                )


def _overlap(one: Period, other: Period) -> bool:
    return any(a <= d and c <= b for a, b in one.runs for c, d in other.runs)
