"""What the beam triggers of a run add up to: spectra, tagged particles, and what the SRD does with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.roles import CALORIMETER, COUNTERS, MODULES
from na64.outputs.control.beam.bend import Plane, momentum_of_hits
from na64.outputs.control.beam.names import TAGS
from na64.outputs.control.beam.settings import BeamSettings, Window

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOMENTUM_BINS = np.linspace(0.0, 2.0, 4001)
"""Of the momentum over the beam energy."""
DIFFERENCE_BINS = np.linspace(-1.0, 1.0, 4001)
"""Of the difference of two momenta over the beam energy."""
ANGLE_BINS = np.linspace(0.0, 0.02, 2001)
"""Of the angle, rad."""
POSITION_BINS = np.linspace(-2000.0, 2000.0, 8001)
"""Of a position, mm."""
COUNTER_BINS = np.linspace(0.0, 1.25, 101)
"""Of the energy in a counter over the upper end of its window."""

_COUNTER = re.compile(rf"{COUNTERS}_\d+")
_EACH = tuple(f"{MODULES}_{number}" for number in range(3))
_BEHIND = f"{MODULES}_012"


@dataclass(slots=True, eq=False)
class TagSums:
    """Events of a tag, and what the counters have of them.

    Attributes
    ----------
    n_counters : int
    n_events, n_passed : int
        Events, and those with every counter in its window.
    n_in_window : (n_counters,) int64
    total, square : (n_counters + 1,) float64
        Sums of the energy in each counter and in all, GeV, and of its square.
    spectra : (n_counters, n_bins) int64
        In `COUNTER_BINS`; what is beyond is in the last bin.
    """

    n_counters: int
    n_events: int = 0
    n_passed: int = 0
    n_in_window: Counts = field(init=False)
    total: Floats = field(init=False)
    square: Floats = field(init=False)
    spectra: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.n_in_window = np.zeros(self.n_counters, np.int64)
        self.total, self.square = np.zeros(self.n_counters + 1), np.zeros(self.n_counters + 1)
        self.spectra = np.zeros((self.n_counters, len(COUNTER_BINS) - 1), np.int64)

    def __iadd__(self, other: TagSums) -> TagSums:
        self.n_events += other.n_events
        self.n_passed += other.n_passed
        for name in ("n_in_window", "total", "square", "spectra"):
            getattr(self, name)[...] += getattr(other, name)
        return self

    def add(self, energy: Floats, window: Window) -> None:
        """Add events with the energy of every counter, (n_counters, n_events) GeV, nan if it is absent."""
        is_there: Mask = np.asarray(np.isfinite(energy).any(axis=1, keepdims=True))
        inside = (energy > window[0]) & (energy < window[1])
        self.n_events += energy.shape[1]
        self.n_passed += int((inside | ~is_there).all(axis=0).sum()) if is_there.any() else 0
        self.n_in_window += inside.sum(axis=1)
        energy = np.nan_to_num(energy)
        seen = np.vstack([energy, energy.sum(axis=0)])
        self.total += seen.sum(axis=1)
        self.square += (seen * seen).sum(axis=1)
        for counter, values in enumerate(energy):
            self.spectra[counter] += _filled(values / window[1], COUNTER_BINS)


@dataclass(slots=True, eq=False)
class BeamSums:
    """Beam triggers of one run, or of several of one beam.

    Attributes
    ----------
    counters, positions : tuple of str
        Features: energies of SRD counters, and positions.
    n_events : int
    known : set of str
        Features that have a number in any event: the detectors of the others are not in the files.
    momentum, angle : (n_bins,) int64
        In `MOMENTUM_BINS` and `ANGLE_BINS`, of the events that have one.
    places : mapping of str to (n_bins,) int64
        In `POSITION_BINS`, by feature.
    hits, hits_less_track : (n_bins,) int64
        Momentum from hits in `MOMENTUM_BINS`, and less that of the track in `DIFFERENCE_BINS`, of events with
        one hit in each plane.
    tags : mapping of str to TagSums
    """

    counters: tuple[str, ...]
    positions: tuple[str, ...]
    n_events: int = 0
    known: set[str] = field(default_factory=set)
    momentum: Counts = field(init=False)
    angle: Counts = field(init=False)
    places: dict[str, Counts] = field(init=False)
    hits: Counts = field(init=False)
    hits_less_track: Counts = field(init=False)
    tags: dict[str, TagSums] = field(init=False)

    def __post_init__(self) -> None:
        self.momentum = np.zeros(len(MOMENTUM_BINS) - 1, np.int64)
        self.angle = np.zeros(len(ANGLE_BINS) - 1, np.int64)
        self.places = {name: np.zeros(len(POSITION_BINS) - 1, np.int64) for name in self.positions}
        self.hits = np.zeros(len(MOMENTUM_BINS) - 1, np.int64)
        self.hits_less_track = np.zeros(len(DIFFERENCE_BINS) - 1, np.int64)
        self.tags = {tag: TagSums(len(self.counters)) for tag in TAGS}

    def __iadd__(self, other: BeamSums) -> BeamSums:
        """Add another run: what is not in the files of both is in those of neither."""
        self.n_events += other.n_events
        self.known &= other.known
        for name in ("momentum", "angle", "hits", "hits_less_track"):
            getattr(self, name)[...] += getattr(other, name)
        for name, counts in other.places.items():
            self.places[name] += counts
        for tag, sums in other.tags.items():
            self.tags[tag] += sums
        return self

    @property
    def n_untagged(self) -> int:
        """Events with no tag."""
        return self.n_events - sum(sums.n_events for sums in self.tags.values())

    @property
    def can_tag(self) -> tuple[str, ...]:
        """Tags whose detectors are there."""
        wanted = {"electron": {CALORIMETER}, "hadron": {CALORIMETER, _BEHIND}, "muon": {CALORIMETER, *_EACH}}
        return tuple(tag for tag in TAGS if wanted[tag] <= self.known)

    @property
    def seen_counters(self) -> tuple[int, ...]:
        """SRD counters that are there, by their place in `counters`."""
        return tuple(place for place, name in enumerate(self.counters) if name in self.known)

    def add(self, features: Mapping[str, Floats], beam_energy: float, settings: BeamSettings) -> None:
        """Add events.

        Parameters
        ----------
        features : mapping of str to (n_events,) float64
        beam_energy : float
            GeV.
        settings : BeamSettings
        """
        momentum = features["track_momentum"]
        self.n_events += len(momentum)
        self.known |= {name for name, values in features.items() if np.isfinite(values).any()}
        self.momentum += _filled(momentum / beam_energy, MOMENTUM_BINS)
        self.angle += _filled(np.abs(features["track_angle"]), ANGLE_BINS)
        for name in self.positions:
            self.places[name] += _filled(features[name], POSITION_BINS)
        if settings.planes:
            self._add_hits(features, beam_energy, settings)
        window = settings.counter_window_at(beam_energy)
        energy = np.array([features[name] for name in self.counters]).reshape(-1, len(momentum))
        for tag, rows in tagged(features, beam_energy, settings).items():
            self.tags[tag].add(energy[:, rows], window)

    def _add_hits(self, features: Mapping[str, Floats], beam_energy: float, settings: BeamSettings) -> None:
        """Add the momentum from hits of events with one hit in each plane."""
        alone = np.logical_and.reduce([features[plane.n_hits] == 1 for plane in settings.planes])
        positions = {plane.position: features[plane.position][alone] for plane in settings.planes}
        found = momentum_of_hits(positions, settings.planes, settings.field_integral)
        self.hits += _filled(found / beam_energy, MOMENTUM_BINS)
        less = (found - features["track_momentum"][alone]) / beam_energy
        self.hits_less_track += _filled(less, DIFFERENCE_BINS)


def tagged(features: Mapping[str, Floats], beam_energy: float, settings: BeamSettings) -> dict[str, Mask]:
    """Which events are tagged as what; none twice.

    An electron has all its energy in the ECAL. A hadron has a minimum-ionising signal there and all its
    energy in HCAL modules 0 to 2, a muon a minimum-ionising signal in the ECAL and in each of the modules.

    Parameters
    ----------
    features : mapping of str to (n_events,) float64
    beam_energy : float
        GeV.
    settings : BeamSettings

    Returns
    -------
    dict of str to (n_events,) bool
        By tag.
    """
    is_mip = _inside(features[CALORIMETER], settings.mip_calorimeter)
    modules = [_inside(features[name], settings.mip_modules) for name in _EACH]
    electron = _inside(features[CALORIMETER] / beam_energy, settings.electron_share) & ~is_mip
    muon = is_mip & np.logical_and.reduce(modules)
    hadron = is_mip & ~muon & _inside(features[_BEHIND] / beam_energy, settings.hadron_share)
    return dict(zip(TAGS, (electron, hadron, muon), strict=True))


def counters_in(index: Iterable[str]) -> tuple[str, ...]:
    """Energies of single SRD counters among features."""
    return tuple(name for name in index if _COUNTER.fullmatch(name))


def needed(
    counters: Sequence[str], positions: Sequence[str], planes: Sequence[Plane] = ()
) -> tuple[str, ...]:
    """Features that events are added with."""
    hits = (name for plane in planes for name in (plane.position, plane.n_hits))
    fixed = ("track_momentum", "track_angle", CALORIMETER, *_EACH, _BEHIND)
    return tuple(dict.fromkeys((*fixed, *counters, *positions, *hits)))


def _inside(values: Floats, window: Window) -> Mask:
    return (values >= window[0]) & (values < window[1])


def _filled(values: Floats, edges: Floats) -> Counts:
    """Entries of equal bins; what is beyond them is in the first and last, what is nan in none."""
    values = values[~np.isnan(values)]
    width = (edges[-1] - edges[0]) / (len(edges) - 1)
    places = np.clip(np.floor((values - edges[0]) / width), 0, len(edges) - 2).astype(np.int64)
    return np.bincount(places, minlength=len(edges) - 1).astype(np.int64)
