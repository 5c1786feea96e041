"""What was known about the detectors in a period: geometry, timing, calibration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from na64.datasets.instrument.features import Feature
from na64.datasets.instrument.formula import Formula
from na64.datasets.instrument.roles import CALORIMETER, MODULES, PADDLES, STANDARD_ROLES, CellOrder, Role
from na64.datasets.instrument.spectrometer import Spectrometer


@dataclass(frozen=True, slots=True)
class Timing:
    """Which pulses of a detector are in time.

    A pulse is in time if ``|time - expected| < half_width``, where the half width is ``n_sigma`` times the
    resolution of the cell, or the fixed ``half_width`` where that is given.

    Attributes
    ----------
    n_sigma : float
    half_width : float or None
        ns; replaces ``n_sigma`` times the resolution.
    expected : tuple of float
        ns, one a cell; used where the file has no expected times. Empty if nobody knows.
    sigma : tuple of float
        ns, one a cell; used where the file has no resolutions. Empty if nobody knows.
    """

    n_sigma: float
    half_width: float | None
    expected: tuple[float, ...]
    sigma: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """Planes, modules, counters or paddles of a detector that are added to a feature of their own."""

    name: str
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Detector:
    """Cells, calibration and timing of one detector.

    Attributes
    ----------
    name : str
    shape : tuple of int
        (planes or modules, n_x, n_y); the cell index is ``(plane * n_x + ix) * n_y + iy``.
    scale : tuple of float
        Factor on the energy of each cell.
    pedestal : float
        GeV; a cell at or below it counts as zero. ``-inf`` keeps every cell.
    timing : Timing
    sigma_of_cell : tuple of int
        Which entry of the file's resolutions belongs to each cell (veto: one a paddle).
    role : Role
    cell_order : CellOrder
        How files number the cells; everything here is numbered as `shape` says.
    threshold : float
        GeV in time; a cell, or a paddle, with more is hit.
    mip : float or None
        GeV that a minimum-ionising particle leaves in a plane, module, counter or paddle.
    balance : float
        If one photomultiplier of a paddle has less than this fraction of the other, the larger is taken.
    beam_cell : tuple of int or None
        (ix, iy) of the cell of each plane that the beam hits.
    cell_pitch : float or None
        mm.
    centre_cells : tuple of tuple of int
        Index within the module of the centre cells of each module; empty if nobody said it.
    sums : tuple of Sum
    resolution : float or None
        Relative, at 1 GeV.
    x0, interaction_length : float or None
        Depth in radiation lengths, in nuclear interaction lengths.
    z : float or None
        mm along the beam.
    """

    name: str
    shape: tuple[int, int, int]
    scale: tuple[float, ...]
    pedestal: float
    timing: Timing
    sigma_of_cell: tuple[int, ...]
    role: Role = field(kw_only=True)
    cell_order: CellOrder = field(default=CellOrder.Y_FASTEST, kw_only=True)
    threshold: float = field(default=0.0, kw_only=True)
    mip: float | None = field(default=None, kw_only=True)
    balance: float = field(default=0.0, kw_only=True)
    beam_cell: tuple[int, int] | None = field(default=None, kw_only=True)
    cell_pitch: float | None = field(default=None, kw_only=True)
    centre_cells: tuple[tuple[int, ...], ...] = field(default=(), kw_only=True)
    sums: tuple[Sum, ...] = field(default=(), kw_only=True)
    resolution: float | None = field(default=None, kw_only=True)
    x0: float | None = field(default=None, kw_only=True)
    interaction_length: float | None = field(default=None, kw_only=True)
    z: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if STANDARD_ROLES.get(self.name, self.role) is not self.role:
            raise ValueError(
                f"detector {self.name}: {self.role.value}, not {STANDARD_ROLES[self.name].value}"
            )
        for what, values in (("scale", self.scale), ("sigma_of_cell", self.sigma_of_cell)):
            if len(values) != self.n_cells:
                raise ValueError(f"{self.name}: {len(values)} values of {what} for {self.n_cells} cells")
        for what, times in (("expected", self.timing.expected), ("sigma", self.timing.sigma)):
            if len(times) not in (0, self.n_cells):
                raise ValueError(f"{self.name}: {len(times)} values of {what} for {self.n_cells} cells")

    @property
    def n_cells(self) -> int:
        """Cells of all planes or modules together."""
        return math.prod(self.shape)

    @property
    def n_parts(self) -> int:
        """Planes, modules, counters or paddles."""
        return {Role.COUNTERS: self.n_cells, Role.PADDLES: self.n_cells // 2}.get(self.role, self.shape[0])

    def place(self, ix: int, iy: int) -> int:
        """Index of a cell within its plane or module."""
        return ix * self.shape[2] + iy

    @property
    def middle(self) -> tuple[int, int]:
        """(ix, iy) of the cell in the middle of a plane or module; of two, the one with the larger number."""
        return self.shape[1] // 2, self.shape[2] // 2

    @property
    def order(self) -> tuple[int, ...]:
        """Number that files give to each cell, in the order of the cells here."""
        planes, n_x, n_y = self.shape
        if self.cell_order is CellOrder.Y_FASTEST:
            return tuple(range(self.n_cells))
        return tuple(
            (plane * n_y + iy) * n_x + ix for plane in range(planes) for ix in range(n_x) for iy in range(n_y)
        )


@dataclass(frozen=True, slots=True)
class Detectors(Mapping[str, Detector]):
    """The detectors of a period by name, in the order in which its file has them."""

    parts: tuple[Detector, ...]

    def __getitem__(self, name: str) -> Detector:
        """One detector."""
        for detector in self.parts:
            if detector.name == name:
                return detector
        raise KeyError(f"detector {name}: not one of {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return (detector.name for detector in self.parts)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.parts)


@dataclass(frozen=True, slots=True)
class ShowerTemplate:
    """Expected shower profile for `ecal_chi2`; parameters of the lateral shape, fractions and errors.

    Expected fraction of the shower energy in a cell: the integral over the cell of the two-component radial
    profile of Grindhammer and Peters (hep-ex/0001020), ``p`` core and ``1 - p`` tail, at the impact point.

    Attributes
    ----------
    core, tail : float
        mm, the two radii at 1 GeV.
    core_slope, tail_slope : float
        mm per unit of ln(E / GeV).
    core_fraction : float
    stochastic, constant : float
        Relative error of a cell is ``stochastic / sqrt(E_cell / GeV)`` and ``constant`` in quadrature.
    noise : float
        GeV, error of an empty cell.
    ring : int
        Cells on each side of the largest that enter (1: 3x3, 2: 5x5).
    """

    core: float
    tail: float
    core_slope: float
    tail_slope: float
    core_fraction: float
    stochastic: float
    constant: float
    noise: float
    ring: int


@dataclass(frozen=True, slots=True)
class Setup:
    """The whole detector of a period, as the kernels need it.

    Attributes
    ----------
    detectors : Detectors
        The standard ones first.
    physics_trigger_mask : int
        Bits of the trigger word of which any makes a physics trigger.
    chosen_modules : tuple of int
        Modules whose sum is `hcal`.
    subtracted_modules : tuple of int
        Modules whose in-time sum is subtracted in `hcal_out_of_time`.
    topology_threshold : float
        GeV, a struck cell of HCAL module 0.
    topology_peripheral_only : bool
        Count only the eight outer cells as struck.
    muon_module_2 : float
        GeV; more in module 2 is a muon.
    muon_centre : float
        GeV; more in the centre of modules 0 and 1, with ``muon_module_2_with_centre`` in module 2, is a muon.
    muon_module_2_with_centre : float
    template : ShowerTemplate or None
        None in a period without ECAL.
    spectrometers : tuple of Spectrometer
        Magnets between trackers.
    columns : tuple of Feature
        Columns of the event that files of the period have besides the standard ones.
    formulas : tuple of Formula
        Features that the period makes of others, each after those that it is made of.
    constants : tuple of (str, float)
        Numbers that those formulas use.
    """

    detectors: Detectors
    physics_trigger_mask: int
    chosen_modules: tuple[int, ...] = ()
    subtracted_modules: tuple[int, ...] = ()
    topology_threshold: float = 0.0
    topology_peripheral_only: bool = False
    muon_module_2: float = 0.0
    muon_centre: float = 0.0
    muon_module_2_with_centre: float = 0.0
    template: ShowerTemplate | None = None
    spectrometers: tuple[Spectrometer, ...] = ()
    columns: tuple[Feature, ...] = ()
    formulas: tuple[Formula, ...] = ()
    constants: tuple[tuple[str, float], ...] = ()

    @property
    def calorimeter(self) -> Detector:
        """The calorimeter that stops the beam."""
        return self.detectors[CALORIMETER]

    @property
    def modules(self) -> Detector:
        """The modules behind it, which stop hadrons."""
        return self.detectors[MODULES]

    @property
    def paddles(self) -> Detector:
        """The veto paddles between them."""
        return self.detectors[PADDLES]

    @property
    def beam_cell(self) -> tuple[int, int]:
        """(ix, iy) of the cell of the calorimeter that the beam hits."""
        return self.calorimeter.beam_cell or (0, 0)

    @property
    def cell_pitch(self) -> float:
        """Pitch of the cells of the calorimeter, mm."""
        return self.calorimeter.cell_pitch or 0.0

    @property
    def paddle_mip(self) -> float:
        """GeV that a minimum-ionising particle leaves in a paddle."""
        return self.paddles.mip or 0.0

    @property
    def further(self) -> tuple[Detector, ...]:
        """Detectors that not every period has."""
        return tuple(one for one in self.detectors.values() if one.name not in STANDARD_ROLES)

    @property
    def by_recipes(self) -> tuple[Detector, ...]:
        """Detectors with features by the recipes of their role: further ones, standard ones of their sums."""
        return tuple(one for one in self.detectors.values() if one.name not in STANDARD_ROLES or one.sums)

    def with_detectors(self, *detectors: Detector) -> Setup:
        """The set-up with some of its detectors replaced, and others added."""
        known = {one.name: one for one in (*self.detectors.values(), *detectors)}
        return replace(self, detectors=Detectors(tuple(known.values())))
