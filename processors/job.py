"""What one pass over events needs to know, and the keys of what it makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from na64.datasets.basics.identity import identity
from na64.datasets.basics.toml import unknown
from na64.datasets.calibration.constants import Calibration
from na64.datasets.catalogue.build import Catalogue, FileRecord, SampleKind
from na64.datasets.compiled.jit import kernel_digest
from na64.datasets.conditions.bad_spills import BadList
from na64.datasets.conditions.periods import Period, features_of_periods, packaged_periods
from na64.datasets.conditions.reconstruction import ReconstructionTags
from na64.datasets.instrument.features import OWN_CHI2
from na64.datasets.instrument.recipes import feature_index
from na64.datasets.instrument.roles import Role
from na64.datasets.reading.given_features import detectors_of_given
from na64.datasets.reading.layout import Layout, parse_layout
from na64.datasets.reading.layout_rules import check_of_data
from na64.processors.code_digests import feature_digest, result_digest
from na64.processors.counting.tally import N_COMPONENTS_WEIGHTED
from na64.processors.features.plugin import Plugin
from na64.processors.features.varied_features import detectors_of
from na64.processors.run_contexts import RunContext, contexts_of_runs, identity_of
from na64.selections.boxes import check_search
from na64.selections.cut import check_periods
from na64.selections.selection import Selection
from na64.selections.signal_box import SignalBox, of_search
from na64.selections.variations import Effect


@dataclass(frozen=True, slots=True)
class FileContext:
    """What is known about a file before any of its events is read.

    Attributes
    ----------
    sha256 : str
    layout : str
        Name in `Job.layouts`.
    runs : tuple of int
        Runs in the file that are asked for; its other events are passed over.
    """

    sha256: str
    layout: str
    runs: tuple[int, ...]


@dataclass(frozen=True)
class Job:
    """One pass over events: what to select, and what is known of the runs.

    Attributes
    ----------
    selection : Selection
    simulation : bool
        False is blind.
    weighted : bool
        Sum weights beside the counts; simulation only.
    runs : dict of int to RunContext
    layouts : dict of str to Layout
        By name.
    bad : BadList
    plugin : Plugin or None
    calibration : Calibration or None
        Whose constants the set-ups of the runs have.
    hides_as_data : bool
        Of simulation: events are hidden that would be of data.
    """

    selection: Selection
    simulation: bool
    weighted: bool
    runs: dict[int, RunContext]
    layouts: dict[str, Layout]
    bad: BadList = field(default_factory=BadList)
    plugin: Plugin | None = None
    calibration: Calibration | None = None
    hides_as_data: bool = False

    def __post_init__(self) -> None:
        if self.weighted and not self.simulation:
            raise ValueError("weights are for simulation: data are counted")
        defined = tuple(self.plugin.features.values()) if self.plugin else ()
        if self.selection.plugin_features != defined:
            raise ValueError(
                f"selection {self.selection.name} knows {len(self.selection.plugin_features)} features of a "
                f"plug-in, expected the {len(defined)} of this one"
            )
        for run in self.runs:
            self.selection_in(run)  # which refuses a cut that says two things of a run, or nothing
        for run, context in _first_of_periods(self.runs):
            _check_features(self.selection, run, context)
            if self.plugin:
                _check_cells(self.plugin, run, context)
        for layout in self.layouts.values():
            check_of_job(layout, self.selection, simulation=self.simulation)

    @property
    def hides(self) -> bool:
        """Whether events are hidden: always of data."""
        return not self.simulation or self.hides_as_data

    @property
    def n_components(self) -> int:
        """Layers of its tallies."""
        return N_COMPONENTS_WEIGHTED if self.weighted else 1

    @property
    def plugin_text(self) -> str:
        """Text of the plug-in, as sha256; empty without one."""
        return self.plugin.sha256 if self.plugin else ""

    @cached_property
    def profile_chi2(self) -> bool:
        """Whether the shower profile is fitted even where the file has a chi2 of its own."""
        formulas = (formula for context in self.runs.values() for formula in context.setup.formulas)
        asked = self.selection.inputs.union(self.box_features, *(formula.inputs for formula in formulas))
        return OWN_CHI2 in asked or self.plugin is not None

    @cached_property
    def closing_effects(self) -> tuple[Effect, ...]:
        """Effects of variations under which events of data are hidden too."""
        if not self.hides:
            return ()
        return tuple(e for e in self.selection.effects if not self.box_detectors.isdisjoint(e.detectors))

    @cached_property
    def closed_boxes(self) -> tuple[SignalBox, ...]:
        """The different closed boxes of all runs; none where nothing is hidden."""
        boxes = () if not self.hides else (box for context in self.runs.values() for box in context.boxes)
        return tuple(dict.fromkeys(boxes))

    @cached_property
    def box_features(self) -> tuple[str, ...]:
        """Features that say whether an event is hidden."""
        return tuple(dict.fromkeys(name for box in self.closed_boxes for name in box.features))

    @cached_property
    def box_detectors(self) -> frozenset[str]:
        """Detectors that those features are made of."""
        return detectors_of(self.box_features, self.selection.recorded_features)

    def opened_boxes(self, run: int) -> tuple[SignalBox, ...]:
        """The boxes of a run that an opening opens: those of the search of the selection."""
        return of_search(self.runs[run].boxes, self.selection.search)

    def bad_in(self, layout: Layout) -> BadList:
        """Bad runs, spills and events, as far as files of a layout can say which those are."""
        return self.bad.of_whole_runs if "spill" in layout.constants else self.bad

    def selection_in(self, run: int) -> Selection:
        """The selection as it is in a run."""
        return self.selection.in_run(run, self.runs[run].period)

    def hidden_region(self, run: int) -> str:
        """Name what is hidden of a run: its boxes and guard bands, under which set-ups and effects."""
        context = self.runs[run]
        setups = tuple(identity_of(setup) for setup in context.setups) if context.others else ()
        return _identity_of_hidden(context.boxes, self.closing_effects, setups)

    def feature_key(self, file: FileContext, start: int, stop: int) -> str:
        """Return the name of a segment's visible features: all that they depend on, and no resource."""
        return self.feature_keys(file)(start, stop)

    def feature_keys(self, file: FileContext) -> Callable[[int, int], str]:
        """Return what names the features of any segment of a file: its runs are looked at once for all."""
        made_of = self._features_of(file)
        return lambda start, stop: identity([made_of, start, stop])

    def result_key(self, file: FileContext, start: int, stop: int) -> str:
        """Return the name of the tallies of a segment."""
        return self.result_keys(file)(start, stop)

    def result_keys(self, file: FileContext) -> Callable[[int, int], str]:
        """Return what names the tallies of any segment of a file: its runs are looked at once for all."""
        chosen = [[run, dict(self.selection_in(run).chosen)] for run in file.runs]
        made_of = identity([self._features_of(file), self.selection.identity, chosen, result_digest()])
        return lambda start, stop: identity([made_of, start, stop])

    def _features_of(self, file: FileContext) -> str:
        """Name what the features of a file depend on besides the segment."""
        runs = [[run, self._run_parts(run)] for run in file.runs]
        layout, formulas = _identity_of_layout(self.layouts[file.layout].text), self._formula_parts(file.runs)
        return identity([file.sha256, layout, runs, formulas, self._parts_of_all])

    @cached_property
    def _parts_of_all(self) -> str:
        """Name what the features of all files depend on."""
        parts = {
            "kernels": kernel_digest(),
            "features": feature_digest(),
            "simulation": self.simulation,
            "hides": self.hides,
            "weighted": self.weighted,
            "profile_chi2": self.profile_chi2,
            "plugin": self.plugin.identity if self.plugin else None,
            # The rows of a table: a box of one run looks at features that other periods do not have.
            "recorded": [one.name for one in self.selection.period_features],
            # What is hidden under any of them is hidden, and their features are kept with the nominal ones.
            "effects": list(self.selection.effects),
        }
        return identity(parts)

    def _formula_parts(self, runs: Iterable[int]) -> list[object]:
        """Formulas, whatever they are called for people, and the numbers of the periods that they may use."""
        formulas = [[one.name, one.unit, one.text] for one in self.selection.formulas]
        constants = {str(run): _plain(self.runs[run].constants) for run in runs}
        return [formulas, constants] if formulas else []

    def _run_parts(self, run: int) -> list[object]:
        context = self.runs[run]
        bad, setups = self.bad.of_run(run), [identity_of(setup) for setup in context.setups]
        return [setups, identity_of(context.boxes), context.type, identity_of(bad)]


def check_of_job(layout: Layout, selection: Selection, *, simulation: bool) -> None:
    """Refuse a layout for data that says what decides if they are hidden, or whose features do not vary.

    Raises
    ------
    ValueError
        Names the layout, and what of it is wrong.
    """
    if not simulation:
        check_of_data(layout)
    for variation in selection.variations:
        for name in layout.given_features:
            if touched := set(detectors_of_given(name, variation.effect.detectors)):
                raise ValueError(
                    f"variation {variation.name} of selection {selection.name} changes cells of "
                    f"{' and '.join(sorted(touched))}, but layout {layout.name} has {name} ready made"
                )


def _plain(constants: Mapping[str, float]) -> dict[str, float | None]:
    """Constants for an identity, which has no word for what nobody knows."""
    return {name: None if math.isnan(value) else value for name, value in constants.items()}


def _first_of_periods(contexts: Mapping[int, RunContext]) -> list[tuple[int, RunContext]]:
    """A run of each set-up: there may be thousands of runs, all of the same."""
    found = {(context.period, id(context.setup)): (run, context) for run, context in contexts.items()}
    return list(found.values())


def _check_cells(plugin: Plugin, run: int, context: RunContext) -> None:
    """Refuse functions of cells of a detector that the period of a run does not have, or not by cells."""
    there = [one.name for one in context.setup.detectors.values() if one.role is not Role.TRACKER]
    for feature, detector in plugin.detectors.items():
        if detector not in there:
            raise ValueError(
                f"plug-in {plugin.name}, feature {feature}: not in period {context.period} of run {run}, "
                f"{unknown('detector', detector, there)}"
            )


def _check_features(selection: Selection, run: int, context: RunContext) -> None:
    """Refuse a selection that uses what the period of a run does not have."""
    there = feature_index(context.setup)
    of_periods = {feature.name for feature in selection.period_features} & selection.inputs
    for name in selection.features:
        if name in of_periods and name not in there:
            raise ValueError(
                f'selection {selection.name}: period {context.period} of run {run} has no feature "{name}"'
            )


@lru_cache(maxsize=1024)
def _identity_of_hidden(
    boxes: tuple[SignalBox, ...], effects: tuple[Effect, ...], setups: tuple[str, ...]
) -> str:
    return identity([list(boxes), list(effects), list(setups)])


@lru_cache(maxsize=64)
def _identity_of_layout(text: str) -> str:
    return parse_layout(text, "layout").identity


def build_job(
    catalogue: Catalogue,
    selection: Selection,
    *,
    runs: Collection[int] | None = None,
    periods: Mapping[str, Period] | None = None,
    plugin: Plugin | None = None,
    calibration: Calibration | None = None,
) -> Job:
    """Return the job of counting a selection over the good files of a catalogue.

    Parameters
    ----------
    catalogue : Catalogue
        Of simulation, or of data, which are blind.
    selection : Selection
    runs : collection of int, optional
        Only these; all runs of the catalogue by default.
    periods : mapping of str to Period, optional
        By default those of the catalogue.
    plugin : Plugin, optional
        The one the selection was loaded with.
    calibration : Calibration, optional
        Constants of cells in place of those of the periods.

    Raises
    ------
    KeyError
        A run that is asked for is not in the catalogue.
    ValueError
        A run is outside every period, or every range of the calibration; its facts contradict those of its
        period; or it is of data and nothing says what is to be hidden of it.
    """
    known = catalogue.known_periods() if periods is None else periods
    check_periods(selection.cuts, {*known, *packaged_periods()})
    wanted = _wanted(catalogue, runs)
    simulation = catalogue.kind is SampleKind.SIMULATION
    check_production(calibration, catalogue)
    contexts = contexts_of_runs(
        wanted, known, catalogue.run_facts, simulation=simulation, calibration=calibration
    )
    for context in () if simulation else contexts.values():
        check_search(selection.search, context.period, context.boxes)
    return Job(
        selection=with_features_of(selection, contexts, known),
        simulation=simulation,
        weighted=simulation and any(record.truth for record in catalogue.good),
        runs=contexts,
        layouts={name: catalogue.layout(name) for name in sorted({r.layout for r in catalogue.good})},
        bad=_bad_of_runs(wanted, [catalogue.bad, *(period.bad for period in known.values())]),
        plugin=plugin,
        calibration=calibration,
    )


def check_production(calibration: Calibration | None, catalogue: Catalogue) -> None:
    """Refuse constants that were made of files which were made otherwise, where both are known.

    Raises
    ------
    ValueError
        Names both productions.
    """
    unstated = str(ReconstructionTags())
    then = unstated if calibration is None else calibration.made_of.get("production", unstated)
    for record in catalogue.good[:1]:
        now = str(record.production)
        if calibration is not None and unstated not in (then, now) and then != now:
            raise ValueError(
                f"calibration {calibration.name} was made of files of production {then}, those of the "
                f"catalogue are of production {now}"
            )


def with_features_of(
    selection: Selection, contexts: Mapping[int, RunContext], periods: Mapping[str, Period]
) -> Selection:
    """The selection with the features of the periods of runs in its tables, and of no other.

    Raises
    ------
    ValueError
        It uses a feature that the period of a run does not have; names them.
    """
    for run, context in _first_of_periods(contexts):
        _check_features(selection, run, context)
    there = {context.period for context in contexts.values()}
    chosen = [period for name, period in sorted(periods.items()) if name in there]
    return selection.with_period_features(features_of_periods(chosen).values())


def file_context(record: FileRecord, job: Job) -> FileContext:
    """Return what a job needs to know of a file of the catalogue."""
    return FileContext(
        record.sha256, record.layout, tuple(run for run in sorted(record.runs) if run in job.runs)
    )


def _wanted(catalogue: Catalogue, runs: Collection[int] | None) -> list[int]:
    there = catalogue.runs
    if runs is None:
        return list(there)
    for run in sorted(runs):
        if run not in there:
            raise KeyError(f"run {run} is in no good file of the catalogue")
    return sorted(runs)


def _bad_of_runs(runs: Iterable[int], lists: Iterable[BadList]) -> BadList:
    everything = BadList(tuple(entry for part in lists for entry in part.entries))
    return BadList(tuple(entry for run in runs for entry in everything.of_run(run).entries))
