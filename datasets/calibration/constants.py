"""Constants of cells by range of runs, and the set-up that they make of that of a period."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from itertools import pairwise

from na64.datasets.basics.identity import identity
from na64.datasets.instrument.calibrated_detector import calibrate_detector
from na64.datasets.instrument.detector import Detector, Setup, ShowerTemplate

KEPT = "kept"
"""Method of a value that was not measured and is the one from before."""


class Quantity(Enum):
    """What is known of a cell. The last four are recorded signals, to which later ones can be compared."""

    SCALE = "scale"
    DELAY = "delay"
    SIGMA = "sigma"
    BASELINE = "baseline"
    NOISE = "noise"
    OCCUPANCY = "occupancy"
    ELECTRONS = "electrons"
    MUONS = "muons"
    LED = "led"


UNITS = {
    Quantity.SCALE: "1",
    Quantity.DELAY: "ns",
    Quantity.SIGMA: "ns",
    Quantity.OCCUPANCY: "1",
}
"""Units that are not GeV as recorded."""

REQUIRED = (Quantity.SCALE, Quantity.DELAY, Quantity.SIGMA, Quantity.BASELINE)
"""What changes features; every detector of a range has all of them."""


def unit_of(quantity: Quantity) -> str:
    """Unit of the values of a quantity."""
    return UNITS.get(quantity, "GeV")


class Defect(Enum):
    """What is wrong with a bad cell."""

    DEAD = "dead"
    NOISY = "noisy"


@dataclass(frozen=True, slots=True)
class BadCell:
    """A cell that is not to be trusted; a noisy one counts as empty.

    Attributes
    ----------
    detector : str
    cell : int
    defect : Defect
    reason : str
    """

    detector: str
    cell: int
    defect: Defect
    reason: str


@dataclass(frozen=True, slots=True)
class CellValues:
    """One quantity of all cells of a detector.

    Attributes
    ----------
    values : tuple of float
        One a cell, in `unit_of` the quantity; a sigma of 0 is that of the file or the period, a signal of 0
        was not seen.
    errors : tuple of float
        Statistical; 0 where the value was not measured.
    entries : tuple of int
        Pulses or events that each was measured with.
    methods : tuple of str
        How: `KEPT` where it was not.
    """

    values: tuple[float, ...]
    errors: tuple[float, ...]
    entries: tuple[int, ...]
    methods: tuple[str, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.values), len(self.errors), len(self.entries), len(self.methods)}
        if len(lengths) != 1:
            raise ValueError(f"{sorted(lengths)} values, errors, entries and methods, not equally many")
        if not all(math.isfinite(number) for number in (*self.values, *self.errors)):
            raise ValueError("a value or an error is not finite")

    @property
    def n_measured(self) -> int:
        """Cells whose value was measured."""
        return len(self.methods) - self.methods.count(KEPT)

    def is_measured(self, cell: int) -> bool:
        """Whether the value of a cell was measured."""
        return self.methods[cell] != KEPT


@dataclass(frozen=True, slots=True)
class DetectorConstants:
    """Constants of the cells of a detector.

    Attributes
    ----------
    base : str
        `base_of` the detector of the period that they were made with.
    values : dict of Quantity to CellValues
    """

    base: str
    values: Mapping[Quantity, CellValues]

    def __post_init__(self) -> None:
        for quantity in REQUIRED:
            if quantity not in self.values:
                raise ValueError(f"{quantity.value} is missing")
        if len({len(listed.values) for listed in self.values.values()}) > 1:
            raise ValueError("not equally many cells of all quantities")
        for quantity in (Quantity.SCALE, Quantity.SIGMA):
            if min(self.values[quantity].values) < 0:
                raise ValueError(f"{quantity.value} {min(self.values[quantity].values):g} is below 0")

    @property
    def n_cells(self) -> int:
        """Cells of the detector."""
        return len(self.values[Quantity.SCALE].values)


@dataclass(frozen=True, slots=True)
class RunRange:
    """What holds from one run to another one, both included.

    Attributes
    ----------
    first, last : int
    period : str
        Name of the period that it was made with.
    detectors : dict of str to DetectorConstants
    bad : tuple of BadCell
    template : ShowerTemplate or None
        Of electrons in the ECAL; None: that of the period.
    template_errors : dict of str to float
        Statistical errors of its parameters; a parameter that is not there was not fitted.
    """

    first: int
    last: int
    period: str
    detectors: Mapping[str, DetectorConstants]
    bad: tuple[BadCell, ...] = ()
    template: ShowerTemplate | None = None
    template_errors: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise ValueError(f"runs {self.first} to {self.last} are none")
        for entry in self.bad:
            known = self.detectors.get(entry.detector)
            if known is None or not 0 <= entry.cell < known.n_cells:
                raise ValueError(f"runs {self.covers}: bad cell {entry.detector} {entry.cell} is not there")

    @property
    def covers(self) -> str:
        """The runs, as ``8396-8458``."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def masked(self, detector: str) -> frozenset[int]:
        """Cells of a detector that count as empty: the noisy ones."""
        return frozenset(
            entry.cell for entry in self.bad if entry.detector == detector and entry.defect is Defect.NOISY
        )

    def applied(self, setup: Setup, where: str) -> Setup:
        """Set-up with these constants in place of its own.

        Raises
        ------
        ValueError
            A detector is not there or is not what they were made for; begins with `where`.
        """
        changed = []
        for name, constants in self.detectors.items():
            if name not in setup.detectors:
                raise ValueError(f"{where} has no detector {name}")
            detector = setup.detectors[name]
            if constants.n_cells != detector.n_cells or constants.base != base_of(detector):
                raise ValueError(
                    f"{where}: {name} is not what it was made for: {constants.n_cells} cells then and "
                    f"{detector.n_cells} now, or another order of cells or other expected times"
                )
            changed.append(self._calibrated(detector, constants))
        found = setup.with_detectors(*changed)
        return found if self.template is None else replace(found, template=self.template)

    def _calibrated(self, detector: Detector, constants: DetectorConstants) -> Detector:
        masked = self.masked(detector.name)
        scale = constants.values[Quantity.SCALE].values
        return calibrate_detector(
            detector,
            scale=tuple(0.0 if cell in masked else value for cell, value in enumerate(scale)),
            delay=constants.values[Quantity.DELAY].values,
            sigma=constants.values[Quantity.SIGMA].values,
            baseline=constants.values[Quantity.BASELINE].values,
        )


def base_of(detector: Detector) -> str:
    """Name of all of a detector that constants of its cells stand on: cells, their order, expected times."""
    return identity([detector.shape, detector.cell_order, detector.timing.expected])[:12]


@dataclass(frozen=True)
class Calibration:
    """Constants of cells for ranges of runs.

    Attributes
    ----------
    name : str
    ranges : tuple of RunRange
        Ascending and apart.
    made_of : dict of str to str
        What it was made of, in words and hashes; says nothing that changes a feature.
    """

    name: str
    ranges: tuple[RunRange, ...]
    made_of: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.ranges:
            raise ValueError(f"calibration {self.name}: has no range of runs")
        for one, other in pairwise(self.ranges):
            if other.first <= one.last:
                raise ValueError(
                    f"calibration {self.name}: runs {other.covers} are not after runs {one.covers}"
                )

    @cached_property
    def identity(self) -> str:
        """Name of all that it says of cells, whatever it is called and was made of."""
        return identity([list(self._plain())])

    def _plain(self) -> Iterator[object]:
        for part in self.ranges:
            detectors = {
                name: [constants.base, {q.value: values for q, values in constants.values.items()}]
                for name, constants in part.detectors.items()
            }
            ends = [part.first, part.last, part.period]
            yield [*ends, detectors, part.bad, part.template, dict(part.template_errors or {})]

    @property
    def covers(self) -> str:
        """The run ranges in words."""
        return ", ".join(part.covers for part in self.ranges)

    def range_of(self, run: int) -> RunRange:
        """What holds for a run.

        Raises
        ------
        ValueError
            The run is in no range; names both.
        """
        for part in self.ranges:
            if part.first <= run <= part.last:
                return part
        raise ValueError(f"run {run} has no calibration: {self.name} covers runs {self.covers}")

    def setup_of(self, run: int, period: str, setup: Setup) -> Setup:
        """Set-up of a run with its constants; equal for all runs of a range.

        Raises
        ------
        ValueError
            The run is in no range, or its detectors are not those that the constants were made for.
        """
        part = self.range_of(run)
        key = (part.first, identity_of_setup(setup))
        if key not in self._setups:
            where = f"calibration {self.name}, runs {part.covers}: period {period}"
            self._setups[key] = part.applied(setup, where)
        return self._setups[key]

    @cached_property
    def _setups(self) -> dict[tuple[int, int], Setup]:
        return {}

    def masked_cells(self, runs: Iterable[int]) -> list[str]:
        """Lines that name the cells which count as empty in some of the runs, and those that are dead."""
        wanted = set(runs)
        return [
            f"runs {part.covers}: {entry.detector} cell {entry.cell} is {entry.defect.value}: {entry.reason}"
            for part in self.ranges
            if any(part.first <= run <= part.last for run in wanted)
            for entry in part.bad
        ]


def identity_of_setup(setup: Setup) -> int:
    """Number of a set-up within this process, to make that of a range once for all its runs."""
    return hash(setup)
