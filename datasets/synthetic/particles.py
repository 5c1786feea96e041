"""Single particles in the detector: parametrised electrons; hadrons and muons from the library."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from na64.datasets.synthetic.campaign import Response, SimulatedBeam
from na64.datasets.synthetic.deposits import Deposits, concatenate, empty
from na64.datasets.synthetic.electromagnetic import Grid, fluctuate, mean_cells
from na64.datasets.synthetic.further_detectors import PLACES, Dump, FurtherDetector
from na64.datasets.synthetic.library import Floats, Integers, load_library, shift_cells
from na64.datasets.synthetic.muon_mode import MuonMode

ELECTRON_CHI2, DIMUON_CHI2, HADRON_CHI2 = 1.0, 1.3, 4.0
"""Medians of the shower chi2: dimuons [D: RC], the others assumptions."""

NEUTRAL_HADRONS = ("K0L_80GeV", "n_80GeV")
CHARGED_HADRONS = ("pim_50GeV", "pim_80GeV", "pim_100GeV")
"""Of rising energy. Positive pions and kaons shower like the negative ones of the library: nuclei of lead and
iron have nearly as many protons as neutrons."""
LOSS_OF_VISIBLE = 0.65
"""Energy that a muon loses in an HCAL module, 1.6 GeV in 1.2 m of iron [D], over the visible 2.5 GeV [D]."""
_SLOW_MUON, _FAST_MUON = 20.0, 100.0
"""GeV, of the muons in the library."""
_ZERO_DEGREE_MODULE = 3
_LEAST_VARIED = 1.0
"""GeV; the factors on library showers of less vary no more."""


@dataclass(frozen=True, slots=True)
class Gun:
    """What every particle needs: beam, ECAL grid, response, random numbers, and what is before the ECAL."""

    beam: SimulatedBeam
    grid: Grid
    response: Response
    rng: np.random.Generator
    further: tuple[FurtherDetector, ...] = ()
    dump: Dump | None = None
    muon_mode: MuonMode | None = None

    def beam_energy(self, n: int) -> Floats:
        """Draw energies: (n,) float64, GeV."""
        return self.beam.energy * (1 + self.beam.spread * self.rng.standard_normal(n))

    def impact(self, n: int) -> tuple[Floats, Floats]:
        """Draw x and y on the ECAL from the centre of the beam cell: two (n,) float64, mm."""
        x, y = self.rng.standard_normal((2, n)) * self.beam.spot
        return x + self.beam.centre[0], y + self.beam.centre[1]


def electrons(gun: Gun, energy: Floats, momentum: Floats) -> Deposits:
    """Shower electrons that reach the ECAL with `energy` and passed the magnet with `momentum`, GeV."""
    n = len(energy)
    leaks = _from_library(gun, np.zeros(n, dtype=np.int64), ("em_100GeV",), energy / 100)
    absorbed = np.maximum(energy - leaks.modules.sum(axis=(1, 2, 3)), 0.0)
    cells = mean_cells(absorbed, *gun.impact(n), gun.grid, gun.rng)
    return replace(
        leaks,
        calorimeter=fluctuate(cells, gun.response.calorimeter_stochastic, gun.rng),
        counters=synchrotron(gun, momentum),
        momentum=momentum,
        chi2_median=np.full(n, ELECTRON_CHI2),
        electromagnetic=energy,
        hadronic=np.zeros(n),
        first_shower=np.full(n, -1, dtype=np.int64),
        charged=np.ones((n, len(PLACES))),
    )


def synchrotron(gun: Gun, momentum: Floats) -> Floats:
    """Energy in each counter of the SRD of electrons that pass the magnet: (n, n_counters) float64, GeV."""
    shape, means = gun.response.counter_shape, np.array(gun.response.counter_means)
    mean = means * ((momentum / gun.beam.energy) ** 2)[:, None]
    return gun.rng.standard_gamma(shape, (len(momentum), len(means))) * mean / shape


def nearest_pions(energy: float) -> dict[str, float]:
    """Share of each sample of the library in pions of an energy (GeV): of the nearest ones below and above.

    Showers of either are scaled to the energy. What is visible of a pion grows slowly with its energy, so
    that the mean of the two, linear in the logarithm, is right; beyond the library the last one is scaled.
    """
    names, library = CHARGED_HADRONS, load_library()
    place = float(
        np.interp(math.log(energy), [math.log(library[n].energy) for n in names], range(len(names)))
    )
    below = min(int(place), len(names) - 2)
    shares = {names[below]: below + 1 - place, names[below + 1]: place - below}
    return {name: share for name, share in shares.items() if share > 0}


def beam_pions(energy: float) -> dict[str, float]:
    """The same of pions of the beam: from the last sample on, of the last two as many as they have events."""
    library = load_library()
    *_, before, last = CHARGED_HADRONS
    if energy < library[last].energy:
        return nearest_pions(energy)
    return {last: 5 / 7, before: 2 / 7}


def beam_hadrons(gun: Gun, n: int, fractions: dict[str, float], *, spot: float | None = None) -> Deposits:
    """Send hadrons of the beam's momentum into the detector.

    Parameters
    ----------
    gun : Gun
    n : int
    fractions : dict of str to float
        By sample of the library.
    spot : float or None
        mm; showers of the library are taken where the beam is, or within a spot of another size.
    """
    energy = gun.beam_energy(n)
    names = tuple(fractions)
    share = np.array(list(fractions.values()))
    samples = gun.rng.choice(len(names), n, p=share / share.sum()).astype(np.int64)
    library = load_library()
    scale = energy / np.array([library[name].energy for name in names])[samples]
    return as_beam(gun, _from_library(gun, samples, names, scale, spot=spot), energy)


def beam_muons(gun: Gun, n: int) -> Deposits:
    """Send muons of the beam's momentum into the detector."""
    energy = gun.beam_energy(n)
    return as_beam(gun, muons(gun, energy), energy)


def hadrons(gun: Gun, energy: Floats, names: tuple[str, ...]) -> Deposits:
    """Shower secondary hadrons of the given energies: of the nearest energy in the library, scaled."""
    library = load_library()
    energies = np.array([library[name].energy for name in names])
    distance = np.abs(np.log(energies) - np.log(energy)[:, None])
    nearest = distance == distance.min(axis=1, keepdims=True)
    samples = np.argmax(nearest * gun.rng.random(nearest.shape), axis=1)
    return _from_library(gun, samples, names, energy / energies[samples])


def muons(gun: Gun, energy: Floats) -> Deposits:
    """Send muons of the given energies through; one that has lost its energy leaves nothing further.

    What a muon radiates is proportional to its energy: between those of the library the two are mixed. Where
    it crosses the beam cell does not matter, so all of the few library muons serve equally often.
    """
    share = (energy - _SLOW_MUON) / (_FAST_MUON - _SLOW_MUON)
    samples = (gun.rng.random(len(energy)) < share).astype(np.int64)
    names = ("mum_20GeV", "mum_100GeV")
    deposits = _from_library(gun, samples, names, np.ones(len(energy)), spot=math.inf)
    lost = LOSS_OF_VISIBLE * deposits.modules.sum(axis=(2, 3)).cumsum(axis=1)
    before = np.concatenate([np.zeros((len(energy), 1)), lost[:, :-1]], axis=1)
    allowed = np.clip(energy[:, None] - before, 0.0, lost - before)
    factor = np.divide(allowed, lost - before, out=np.zeros_like(lost), where=lost > before)
    radiated = deposits.calorimeter.sum(axis=(1, 2, 3))
    within = energy / np.maximum(radiated, energy)
    return replace(
        deposits,
        calorimeter=deposits.calorimeter * within[:, None, None, None],
        modules=gun.response.muon_modules_scale * deposits.modules * factor[:, :, None, None],
        hadronic=energy,
        chi2_median=np.full(len(energy), DIMUON_CHI2),
    )


def as_beam(gun: Gun, deposits: Deposits, energy: Floats) -> Deposits:
    """Particles that come with the beam a track and the accidental signals of the SRD."""
    n = len(energy)
    shape = (n, len(gun.response.counter_means))
    fired = gun.rng.random(shape) < gun.response.counter_accidental
    accidental = fired * gun.rng.exponential(gun.response.counter_accidental_mean, shape)
    charged = np.ones((n, len(PLACES)))
    return replace(deposits, momentum=energy, hadronic=energy, counters=accidental, charged=charged)


def _from_library(
    gun: Gun, samples: Integers, names: tuple[str, ...], scale: Floats, *, spot: float | None = None
) -> Deposits:
    """One library event for each event, from sample ``names[samples]``, its energies scaled.

    Events near the beam spot are taken more often, or near one of another size `spot` (mm).
    """
    near = gun.beam.spot if spot is None else spot
    n = len(samples)
    parts = empty(n, gun.grid, len(gun.response.counter_means))
    calorimeter, modules, paddles, first = (
        parts.calorimeter,
        parts.modules,
        np.zeros((n, 3)),
        np.empty(n, dtype=np.int64),
    )
    library = load_library()
    for index, name in enumerate(names):
        sample, rows = library[name], np.flatnonzero(samples == index)
        picked = sample.pick(len(rows), spot=near, centre=gun.beam.centre, rng=gun.rng)
        calorimeter[rows] = shift_cells(
            sample.calorimeter[picked], n_x=gun.grid.n_x, n_y=gun.grid.n_y, beam_cell=gun.grid.beam_cell
        )
        modules[rows], paddles[rows] = sample.modules[picked], sample.paddles[picked]
        first[rows] = sample.first + picked
    response, factor = gun.response, scale[:, None, None, None]
    calorimeter, modules = _vary(gun, calorimeter * factor), _vary(gun, modules * factor)
    return replace(
        parts,
        calorimeter=fluctuate(calorimeter, response.calorimeter_photostatistics, gun.rng),
        modules=fluctuate(modules, response.modules_photostatistics, gun.rng),
        paddles=_photomultipliers(gun, paddles * scale[:, None]),
        chi2_median=np.full(n, HADRON_CHI2),
        hadronic=scale * np.array([library[name].energy for name in names])[samples],
        first_shower=first,
    )


def _vary(gun: Gun, cells: Floats) -> Floats:
    """Cells (n, ...) of a detector times one factor an event, such that events of one library shower differ.

    The factor's relative width is a stochastic term: a constant one would dominate at high energy.
    """
    axes = tuple(range(1, cells.ndim))
    energy = np.maximum(cells.sum(axis=axes, keepdims=True), _LEAST_VARIED)
    width = gun.response.library_spread / np.sqrt(energy)
    result: Floats = cells * np.exp(width * gun.rng.standard_normal(energy.shape))
    return result


def _photomultipliers(gun: Gun, paddles: Floats) -> Floats:
    """Share of the energy (n, 3) of the paddles seen by each of their two photomultipliers, (n, 6)."""
    response = gun.response
    mip = 0.0102 * response.paddle_scale
    light = np.repeat(paddles * response.paddle_scale, 2, axis=1)
    return fluctuate(light, response.paddle_photostatistics * np.sqrt(mip), gun.rng)


def power_law(low: float, high: float, power: float, uniform: Floats) -> Floats:
    """Turn uniform numbers into ones of density x^-power between `low` and `high`; power is not 1."""
    first, last = low ** (1 - power), high ** (1 - power)
    result: Floats = (first + uniform * (last - first)) ** (1 / (1 - power))
    return result


def off_axis(gun: Gun, n: int) -> Floats:
    """Energy in the zero-degree HCAL module, which the library has on the beam axis: (n,) GeV."""
    response = gun.response
    return gun.rng.lognormal(np.log(response.zero_degree_median), response.zero_degree_width, n)


def with_zero_degree(deposits: Deposits, energy: Floats) -> Deposits:
    """Replace what the library has in the last HCAL module by `energy` (n,) GeV."""
    modules = deposits.modules.copy()
    modules[:, _ZERO_DEGREE_MODULE] = 0.0
    modules[:, _ZERO_DEGREE_MODULE, 1, 1] = energy
    return replace(deposits, modules=modules)


def add_to(deposits: Deposits, rows: Integers, second: Deposits) -> Deposits:
    """Add the events of `second` to the events `rows`."""
    order = np.full(len(deposits), len(second))
    order[rows] = np.arange(len(second))
    blank = Grid(deposits.calorimeter.shape[2], deposits.calorimeter.shape[3], (0, 0))
    nothing = empty(1, blank, deposits.counters.shape[1])
    return deposits + concatenate([second, nothing]).take(order)
