"""What is known of runs before any event is read: set-up, boxes, type, and what else hides events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

from na64.datasets.basics.identity import identity
from na64.datasets.calibration.constants import Calibration
from na64.datasets.conditions.bad_spills import BadList
from na64.datasets.conditions.conditions import RunFacts, RunType
from na64.datasets.conditions.periods import Period, packaged_periods, period_of_run
from na64.datasets.instrument.calibrated_detector import CalibratedDetector
from na64.datasets.instrument.detector import Detector, Setup
from na64.datasets.instrument.features import FEATURES
from na64.datasets.instrument.roles import CALORIMETER, PADDLES
from na64.processors.features.varied_features import detectors_of
from na64.selections.boxes import boxes_of, check_declared, default_box
from na64.selections.signal_box import PLANE, SignalBox

_NOT_OF_BOX = frozenset(
    {
        "detectors",
        "topology_threshold",
        "topology_peripheral_only",
        "muon_module_2",
        "muon_centre",
        "muon_module_2_with_centre",
        "template",
        "columns",
        "formulas",
        "constants",
    }
)
"""Parts of a set-up that neither the trigger depends on nor an energy that boxes below two energies look at;
whatever is added to it may."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """What is known about a run before any of its events is read.

    Attributes
    ----------
    period : str
    setup : Setup
    boxes : tuple of SignalBox
        The closed boxes of all searches; what any of them hides is hidden.
    type : RunType
    packaged : Setup or None
        The set-up of the packaged period that has the run, if other events may be hidden under it than under
        `setup`: of data, what is hidden under either is hidden.
    beam_energy : float
        GeV; nan where nobody said it.
    uncalibrated : Setup or None
        The set-up of the period, if `setup` has the constants of a calibration: of data, what is hidden under
        it stays hidden.
    """

    period: str
    setup: Setup
    boxes: tuple[SignalBox, ...]
    type: RunType
    packaged: Setup | None = None
    beam_energy: float = math.nan
    uncalibrated: Setup | None = None

    @property
    def constants(self) -> dict[str, float]:
        """Numbers that formulas may use, `na64.datasets.instrument.formula.CONSTANTS`."""
        detectors = self.setup.detectors
        return {
            "beam_energy": self.beam_energy,
            "cell_pitch": self.setup.cell_pitch if CALORIMETER in detectors else math.nan,
            f"{PADDLES}_mip": self.setup.paddle_mip if PADDLES in detectors else math.nan,
        }

    @property
    def setups(self) -> tuple[Setup, ...]:
        """The set-ups under any of which an event of data is hidden; the run's own first."""
        return (self.setup, *self.others)

    @property
    def others(self) -> tuple[Setup, ...]:
        """Those besides its own."""
        return tuple(setup for setup in (self.packaged, self.uncalibrated) if setup is not None)


def contexts_of_runs(
    runs: Iterable[int],
    periods: Mapping[str, Period],
    stated: Mapping[int, RunFacts] | None = None,
    *,
    simulation: bool = False,
    calibration: Calibration | None = None,
) -> dict[int, RunContext]:
    """Return what is known of runs.

    Parameters
    ----------
    runs : iterable of int
    periods : mapping of str to Period
    stated : mapping of int to RunFacts, optional
        What other sources know, e.g. the catalogue.
    simulation : bool
        Nothing is hidden, so that nothing has to say what is.
    calibration : Calibration, optional
        Constants of cells in place of those of the periods.

    Raises
    ------
    ValueError
        A run is outside every period, or every range of the calibration; or nothing says what is to be hidden
        of it.
    """
    contexts: dict[int, RunContext] = {}
    boxes: dict[str, tuple[SignalBox, ...]] = {}
    for run in sorted(runs):
        period = period_of_run(run, periods)
        if period is None:
            covered = "; ".join(f"{p.name} covers {p.covers}" for p in periods.values())
            raise ValueError(f"run {run} is outside every period: {covered}")
        if period.name not in boxes:
            if not simulation:
                check_declared(period)
            boxes[period.name] = boxes_of(period)
        facts = period.facts(run, (stated or {}).get(run))
        packaged = None if simulation else _packaged_setup(run, period, facts, boxes[period.name])
        setup = period.setup if calibration is None else calibration.setup_of(run, period.name, period.setup)
        contexts[run] = RunContext(
            period.name,
            setup,
            boxes[period.name],
            facts.type,
            packaged,
            period.beam_energy,
            uncalibrated=None if calibration is None else period.setup,
        )
    return contexts


def _packaged_setup(run: int, period: Period, facts: RunFacts, boxes: tuple[SignalBox, ...]) -> Setup | None:
    """Return the packaged set-up of a run of data where it may hide other events than that of its period.

    Raises
    ------
    ValueError
        The packaged period states another type of the run, or other cells.
    """
    known = period_of_run(run, packaged_periods())
    if known is None:
        return None
    known.facts(run, RunFacts(run, facts.type))  # refuses a run type that contradicts a packaged one
    for name in sorted(detectors_of((name for box in boxes for name in box.features), FEATURES)):
        if name not in period.setup.detectors:
            raise ValueError(
                f"period {period.name}: has no [{name}], but run {run} is one of packaged period {known.name}"
            )
        own, packaged = period.setup.detectors[name].shape, known.setup.detectors[name].shape
        if own != packaged:
            raise ValueError(
                f"period {period.name}: {name}.shape is {own}, but {packaged} in packaged period "
                f"{known.name}, so what that hides of run {run} cannot be hidden"
            )
    same = hiding_identity(period.setup, boxes) == hiding_identity(known.setup, boxes)
    return None if same else known.setup


@lru_cache(maxsize=64)
def hiding_identity(setup: Setup, boxes: tuple[SignalBox, ...]) -> str:
    """Return the name of what a set-up hides by some boxes: all that trigger and features are made of."""
    if not {name for box in boxes for name in box.features} <= {*default_box().features}:
        return identity_of(setup)
    names = [entry.name for entry in fields(Setup) if entry.name not in _NOT_OF_BOX]
    parts = {name: getattr(setup, name) for name in names}
    return identity([parts, {name: _cells_of(setup.detectors.get(name)) for name in PLANE}])


def _cells_of(detector: Detector | None) -> list[object]:
    """All of a detector that energies of it depend on."""
    if detector is None:
        return []
    calibration: list[object] = [detector.scale, detector.pedestal, detector.timing, detector.sigma_of_cell]
    if isinstance(detector, CalibratedDetector):
        calibration += [detector.delay, detector.measured_sigma, detector.baseline]
    return [detector.shape, detector.cell_order, *calibration]


@lru_cache(maxsize=1024)
def identity_of(value: Setup | tuple[SignalBox, ...] | BadList) -> str:
    """Name of a set-up, of boxes or of a bad list by content, kept: it is asked for with every run."""
    return identity(value)
