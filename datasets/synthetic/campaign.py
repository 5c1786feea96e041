"""A campaign: what to simulate, as data; every number carries where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from na64.datasets.basics.toml import unknown
from na64.datasets.conditions.conditions import RunType
from na64.datasets.instrument.columns import DETECTORS
from na64.datasets.synthetic.component_kinds import OF_ANY, OF_DUMP, OF_MUONS, ComponentKind
from na64.datasets.synthetic.electromagnetic import Grid
from na64.datasets.synthetic.further_detectors import Dump, FurtherDetector, check_apparatus
from na64.datasets.synthetic.muon_mode import MuonMode


class Trigger(Enum):
    """What made the data acquisition record an event."""

    BEAM = "beam"
    PHYSICS = "physics"
    RANDOM = "random"
    CALIBRATION = "calibration"


TRIGGER_BITS = {Trigger.BEAM: 2, Trigger.PHYSICS: 4, Trigger.RANDOM: 8, Trigger.CALIBRATION: 16}
"""Bits of the trigger word: physics [V: EJ], the others an assumption."""


@dataclass(frozen=True, slots=True)
class Component:
    """One kind of event.

    Attributes
    ----------
    name : str
    kind : ComponentKind
    trigger : Trigger
        A physics component has only events that the emulated physics trigger takes; other events
        get the physics bit too if it would have taken them.
    rates : dict of RunType to float
        Recorded events per live particle on target, by type of run.
    bias : float
        Generated that many times more often, with weight ``1 / bias``.
    parameters : dict of str to float
        As in `PARAMETERS`.
    """

    name: str
    kind: ComponentKind
    trigger: Trigger
    rates: dict[RunType, float]
    bias: float
    parameters: dict[str, float]

    def __post_init__(self) -> None:
        if self.bias <= 0:
            raise ValueError(f"component {self.name}: bias {self.bias} is not positive")
        if any(rate < 0 for rate in self.rates.values()):
            raise ValueError(f"component {self.name}: negative rate")


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its share of the events, its spills and in how many files it is written."""

    run: int
    type: RunType
    share: float
    n_spills: int
    n_files: int

    def __post_init__(self) -> None:
        if self.share <= 0 or self.n_spills < 1 or self.n_files < 1:
            raise ValueError(f"run {self.run}: share, spills and files have to be positive")


@dataclass(frozen=True, slots=True)
class BadSpill:
    """An entry of the bad list, and a factor on what the calorimeter has of the events in it."""

    run: int
    spill: int | None
    start: int | None
    stop: int | None
    calorimeter_gain: float


@dataclass(frozen=True, slots=True)
class CellFault:
    """What is wrong with cells of a detector in the recorded files; the trigger does not see it.

    Attributes
    ----------
    detector : str
        One of `na64.datasets.instrument.columns.DETECTORS`.
    cells : tuple of int
        As the detectors of a period number them; empty is all of them.
    gain : float
        Factor on the energy; 0 is a dead cell.
    delay : float
        ns, added to the recorded time.
    noise : float
        Factor on the noise of the detector.
    pedestal : float
        GeV, added to what is recorded in every event.
    first_run, last_run : int
        Both included.
    """

    detector: str
    cells: tuple[int, ...]
    gain: float = 1.0
    delay: float = 0.0
    noise: float = 1.0
    pedestal: float = 0.0
    first_run: int = 0
    last_run: int = 2**32

    def __post_init__(self) -> None:
        if self.detector not in DETECTORS:
            raise ValueError(f"cell fault: {unknown('detector', self.detector, DETECTORS)}")
        if self.gain < 0 or self.noise < 0:
            raise ValueError(f"cell fault of {self.detector}: gain {self.gain} or noise {self.noise} below 0")
        if self.first_run > self.last_run:
            raise ValueError(
                f"cell fault of {self.detector}: first run {self.first_run} is after {self.last_run}"
            )

    def has_run(self, run: int) -> bool:
        """Whether it is there in a run."""
        return self.first_run <= run <= self.last_run


@dataclass(frozen=True, slots=True)
class Geometry:
    """An ECAL the campaign can be simulated with, and what is added to its run numbers then."""

    grid: Grid
    run_shift: int


@dataclass(frozen=True, slots=True)
class SimulatedBeam:
    """Particle, energy (GeV), relative spread; size and centre of the spot in the beam cell, mm."""

    particle: str
    energy: float
    spread: float
    spot: float
    centre: tuple[float, float]
    live_fraction: float


@dataclass(frozen=True, slots=True)
class DetectorResponse:
    """Noise and zero suppression (GeV), resolution, stored sigma and delay after the trigger (ns)."""

    noise: float
    threshold: float
    resolution: float
    sigma: float
    delay: float


@dataclass(frozen=True, slots=True)
class Response:
    """How deposited energy becomes what is recorded.

    Attributes
    ----------
    detectors : dict of str to DetectorResponse
    calorimeter_stochastic : float
        Square root of GeV, of parametrised showers.
    calorimeter_photostatistics, modules_photostatistics : float
        Square root of GeV, added to library showers.
    muon_modules_scale : float
        Factor on what muons of the library leave in the modules.
    library_spread : float
        Square root of GeV: stochastic term of the factors on the energy of a shower from the library in the
        calorimeter and in the modules, so that events made of the same one differ.
    paddle_scale, paddle_photostatistics : float
        Factor on the energy of the library; relative width at 1 MIP of one photomultiplier.
    paddle_saturation : float
        Largest energy that a photomultiplier of a paddle reports, GeV; the response bends towards it.
    counter_means : tuple of float
        GeV a counter of synchrotron radiation, of beam electrons.
    counter_shape : float
        Shape of the gamma distribution of a counter.
    counter_accidental : float
        Probability of a signal in a counter without an electron.
    counter_accidental_mean : float
        GeV, mean of such a signal.
    track_resolution : float
    track_failures : float
        Fraction of events without a reconstructed track.
    angle_sigma : float
        rad, each plane.
    further_hits : float
        Mean number of further hits in a plane of a station.
    hit_inefficiency : float
    zero_degree_median, zero_degree_width : float
        Median (GeV) and logarithmic width of the energy in HCAL module 3 of dimuons and hadrons.
    """

    detectors: dict[str, DetectorResponse]
    calorimeter_stochastic: float
    calorimeter_photostatistics: float
    modules_photostatistics: float
    muon_modules_scale: float
    library_spread: float
    paddle_scale: float
    paddle_photostatistics: float
    paddle_saturation: float
    counter_means: tuple[float, ...]
    counter_shape: float
    counter_accidental: float
    counter_accidental_mean: float
    track_resolution: float
    track_failures: float
    angle_sigma: float
    further_hits: float
    hit_inefficiency: float
    zero_degree_median: float
    zero_degree_width: float


@dataclass(frozen=True, slots=True)
class TriggerEmulation:
    """Central main ECAL below and central preshower above a threshold (GeV), with the relative resolution."""

    calorimeter_below: float
    preshower_above: float
    resolution: float


@dataclass(frozen=True, slots=True)
class PileUp:
    """A second particle: how often, when (ns, ``start`` to ``stop``), and how often it is a hadron.

    Attributes
    ----------
    probability : float
    start, stop : float
    hadron_fraction : float
    proton_fraction : float
        Of the hadrons; the others are pions.
    unresolved : float
        ns; pulses that are closer add up.
    """

    probability: float
    start: float
    stop: float
    hadron_fraction: float
    proton_fraction: float
    unresolved: float


@dataclass(frozen=True, slots=True)
class Campaign:
    """Everything that `simulate` needs; see the packaged TOML files for the form.

    Attributes
    ----------
    layout : str
        Packaged layout in which its files are written unless another one is asked for.
    absent : tuple of str
        Detectors that were not installed: their cells are empty.
    further : tuple of FurtherDetector
        Detectors besides the standard ones.
    dump : Dump or None
        What the beam hits in front of the ECAL, if there is something.
    muon_mode : MuonMode or None
        Set-up of a beam of muons.
    faults : tuple of CellFault
        What a calibration has to find.
    """

    name: str
    description: str
    seed: int
    n_events: int
    beam: SimulatedBeam
    geometries: tuple[Geometry, ...]
    trigger: TriggerEmulation
    response: Response
    pile_up: PileUp
    components: tuple[Component, ...]
    runs: tuple[Run, ...]
    bad: tuple[BadSpill, ...]
    layout: str = "tout2023"
    absent: tuple[str, ...] = ()
    further: tuple[FurtherDetector, ...] = ()
    dump: Dump | None = None
    muon_mode: MuonMode | None = None
    faults: tuple[CellFault, ...] = ()

    def __post_init__(self) -> None:
        if self.n_events < 1:
            raise ValueError(f"campaign {self.name}: {self.n_events} events")
        try:
            check_apparatus(self.further, self.dump, DETECTORS)
            if self.muon_mode is not None:
                self.muon_mode.check_cells({one.name: one.n_cells for one in self.further})
        except ValueError as error:
            raise ValueError(f"campaign {self.name}: {error}") from error
        self._check_kinds()
        if unknown_names := sorted(set(self.absent) - set(DETECTORS)):
            raise ValueError(
                f"campaign {self.name}: absent: {unknown('detector', unknown_names[0], DETECTORS)}"
            )
        numbers = [run.run for run in self.runs]
        if len(set(numbers)) != len(numbers):
            raise ValueError(f"campaign {self.name}: a run is listed twice")
        for entry in self.bad:
            if entry.run not in numbers:
                raise ValueError(f"campaign {self.name}: bad entry of run {entry.run}, which is not listed")
        for component in self.components:
            if component.parameters.get("proton"):
                self._check_protons(f"component {component.name}")
        if self.pile_up.proton_fraction:
            self._check_protons("pile_up")
        for run in self.runs:
            if self.rate(run.type) <= 0:
                raise ValueError(f"campaign {self.name}: no component has a rate for {run.type.value} runs")

    def _check_kinds(self) -> None:
        for component in self.components:
            for kinds, there, what in (
                (OF_DUMP, self.dump is not None, "a dump"),
                (OF_MUONS, self.muon_mode is not None, "a beam of muons"),
            ):
                if component.kind not in OF_ANY and (component.kind in kinds) != there:
                    other = "without" if there else "with"
                    raise ValueError(
                        f"campaign {self.name}: component {component.name} is of kind "
                        f"{component.kind.value}, which is for campaigns {other} {what}"
                    )

    def _check_protons(self, what: str) -> None:
        if self.beam.particle.endswith("-"):
            raise ValueError(f"campaign {self.name}: {what} has protons in a beam of {self.beam.particle}")

    @property
    def detectors(self) -> tuple[str, ...]:
        """Names of all that is simulated."""
        trackers = () if self.muon_mode is None else self.muon_mode.trackers
        return (*DETECTORS, *(one.name for one in self.further), *trackers)

    def rate(self, run_type: RunType) -> float:
        """Generated events per live particle on target in a run of this type."""
        return sum(component.rates.get(run_type, 0.0) * component.bias for component in self.components)
