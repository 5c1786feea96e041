"""What was known about the detector in a period: geometry, timing, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass

from na64.datasets.instrument.columns import DETECTORS


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
        ns, one a cell; used where the file has no expected times.
    sigma : tuple of float
        ns, one a cell; used where the file has no resolutions.
    """

    n_sigma: float
    half_width: float | None
    expected: tuple[float, ...]
    sigma: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Detector:
    """Cells, calibration and timing of one detector.

    Attributes
    ----------
    name : str
        One of `na64.datasets.instrument.columns.DETECTORS`.
    shape : tuple of int
        (planes or modules, n_x, n_y); the cell index is ``(plane * n_x + ix) * n_y + iy``.
    scale : tuple of float
        Factor on the energy of each cell.
    pedestal : float
        GeV; a cell at or below it counts as zero. ``-inf`` keeps every cell.
    timing : Timing
    sigma_of_cell : tuple of int
        Which entry of the file's resolutions belongs to each cell (veto: one a paddle).
    """

    name: str
    shape: tuple[int, int, int]
    scale: tuple[float, ...]
    pedestal: float
    timing: Timing
    sigma_of_cell: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.name not in DETECTORS:
            raise KeyError(f"detector {self.name}: not one of {', '.join(DETECTORS)}")
        for what, values in (
            ("scale", self.scale),
            ("expected", self.timing.expected),
            ("sigma", self.timing.sigma),
            ("sigma_of_cell", self.sigma_of_cell),
        ):
            if len(values) != self.n_cells:
                raise ValueError(f"{self.name}: {len(values)} values of {what} for {self.n_cells} cells")

    @property
    def n_cells(self) -> int:
        """Cells of all planes or modules together."""
        return math.prod(self.shape)


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
    ecal, hcal, vhcal, srd, veto : Detector
    physics_trigger_mask : int
        Bits of the trigger word of which any makes a physics trigger.
    beam_cell : tuple of int
        (ix, iy) of the ECAL cell the beam hits.
    cell_pitch : float
        mm, ECAL.
    hcal_modules : tuple of int
        Modules whose sum is `hcal`.
    hcal_subtracted_modules : tuple of int
        Modules whose in-time sum is subtracted in `hcal_out_of_time`.
    topology_threshold : float
        GeV, a struck cell of HCAL module 0.
    topology_peripheral_only : bool
        Count only the eight outer cells as struck.
    muon_hcal_2 : float
        GeV; more in module 2 is a muon.
    muon_centre : float
        GeV; more in the centre of modules 0 and 1, with ``muon_hcal_2_with_centre`` in module 2, is a muon.
    muon_hcal_2_with_centre : float
    veto_mip : float
        GeV in one paddle (geometric mean of its photomultipliers) of a minimum-ionising particle.
    veto_balance : float
        If one photomultiplier has less than this fraction of the other, the larger is taken.
    template : ShowerTemplate
    """

    ecal: Detector
    hcal: Detector
    vhcal: Detector
    srd: Detector
    veto: Detector
    physics_trigger_mask: int
    beam_cell: tuple[int, int]
    cell_pitch: float
    hcal_modules: tuple[int, ...]
    hcal_subtracted_modules: tuple[int, ...]
    topology_threshold: float
    topology_peripheral_only: bool
    muon_hcal_2: float
    muon_centre: float
    muon_hcal_2_with_centre: float
    veto_mip: float
    veto_balance: float
    template: ShowerTemplate
