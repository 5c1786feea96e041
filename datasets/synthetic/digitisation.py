"""From deposited energy to the columns that an experiment records: noise, times, tracks, counters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from na64.datasets.instrument.columns import DETECTORS, Array, Cells
from na64.datasets.instrument.roles import PADDLES
from na64.datasets.synthetic.campaign import CellFault, DetectorResponse, PileUp, Response
from na64.datasets.synthetic.deposits import NO_SHOWER, NO_TRACK, Deposits
from na64.datasets.synthetic.further_detectors import Dump, FurtherDetector
from na64.datasets.synthetic.library import Floats
from na64.datasets.synthetic.pile_up import PileUpOverlay
from na64.datasets.synthetic.scintillators import cell_energies

_MASTER_LOW, _MASTER_HIGH = 86.5, 113.5
_MASTER_OUTSIDE = 0.01
_CHI2_WIDTH, _CHI2_TAIL = 0.45, 0.04


def master_time(n: int, rng: np.random.Generator) -> Floats:
    """Draw times of the trigger: flat over the phase of the clock, a few outside [V: EJ, D: RC].

    Returns
    -------
    (n,) float64, ns
    """
    time = rng.uniform(_MASTER_LOW + 0.5, _MASTER_HIGH - 0.5, n)
    outside = rng.random(n) < _MASTER_OUTSIDE
    return np.where(outside, rng.uniform(60.0, 140.0, n), time)


def cells(
    deposits: Deposits,
    second: PileUpOverlay,
    master: Floats,
    *,
    response: Response,
    pile_up: PileUp,
    faults: Iterable[CellFault] = (),
    rng: np.random.Generator,
    further: tuple[FurtherDetector, ...] = (),
    dump: Dump | None = None,
) -> dict[str, Cells]:
    """Digitise all detectors.

    Parameters
    ----------
    deposits : Deposits
        ``n`` events.
    second : PileUpOverlay
        Second particles of some of them.
    master : (n,) float64, ns
        Time of the trigger; the times expected in the cells follow it.
    response : Response
    pile_up : PileUp
    faults : iterable of CellFault
        Of the run; they draw no random numbers, so that nothing else changes.
    rng : numpy.random.Generator
    further : tuple of FurtherDetector
    dump : Dump or None

    Returns
    -------
    dict of str to Cells
        By detector; energies in GeV, times in ns, all float64.
    """
    listed = tuple(faults)
    recorded = {
        name: _detector(
            _flat(name, deposits),
            _flat(name, second.deposits),
            second,
            master,
            faults=[fault for fault in listed if fault.detector == name],
            response=response.detectors[name],
            saturation=response.paddle_saturation if name == PADDLES else math.inf,
            unresolved=pile_up.unresolved,
            cells_of_sigma=2 if name == PADDLES else 1,
            rng=rng,
        )
        for name in DETECTORS
    }
    for one in further:
        first, other = (cell_energies(one, part, dump, rng) for part in (deposits, second.deposits))
        recorded[one.name] = _detector(
            first, other, second, master, response=one, unresolved=pile_up.unresolved, rng=rng
        )
    return recorded


def without_signal(cells: Cells) -> Cells:
    """Cells (n, n_cells) of a detector that is not there: no energy, at no time."""
    nothing = np.zeros_like(cells.energy)
    return replace(cells, energy=nothing, time=nothing)


def _detector(
    energy: Floats,
    other: Floats,
    second: PileUpOverlay,
    master: Floats,
    *,
    response: DetectorResponse | FurtherDetector,
    unresolved: float,
    rng: np.random.Generator,
    saturation: float = math.inf,
    cells_of_sigma: int = 1,
    faults: Iterable[CellFault] = (),
) -> Cells:
    """What is recorded of the energy (n, n_cells) of first and (n_second, n_cells) of second particles."""
    energy = energy.copy()
    delay = np.zeros_like(energy)
    n_cells = energy.shape[1]
    first = energy[second.rows]
    energy[second.rows], delay[second.rows] = _merge(first, other, second.delay[:, None], unresolved)
    wrong = _faults_of_cells(faults, n_cells)
    energy = _saturate(energy, saturation) * wrong.gain
    threshold = np.asarray(response.threshold)
    noise = wrong.noise * np.asarray(response.noise)
    noisy = energy + noise * rng.standard_normal(energy.shape) + wrong.pedestal
    kept = noisy > threshold
    spread = response.resolution * _cell_pattern(n_cells, 5, 7, 0.1)
    expected = master[:, None] + response.delay + 2.0 * (_cell_pattern(n_cells, 7, 11, 1.0) - 1)
    time = expected + delay + wrong.delay + spread * rng.standard_normal(energy.shape)
    only_noise = energy < threshold
    time = np.where(only_noise, expected + rng.uniform(-100.0, 150.0, energy.shape), time)
    sigma = response.sigma * _cell_pattern(n_cells, 5, 7, 0.1)
    sigma = sigma[::cells_of_sigma]
    return Cells(
        energy=np.where(kept, noisy, 0.0),
        time=np.where(kept, time, 0.0),
        expected_time=expected,
        time_sigma=np.broadcast_to(sigma, (len(energy), len(sigma))),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _CellFaults:
    """What is wrong with each cell of a detector: (n_cells,) float64 each; GeV, ns."""

    gain: Floats
    delay: Floats
    noise: Floats
    pedestal: Floats


def _faults_of_cells(faults: Iterable[CellFault], n_cells: int) -> _CellFaults:
    """Combine faults cell by cell: of a dead cell nothing is recorded, noise neither.

    Raises
    ------
    ValueError
        A fault is of a cell that is not there; names it.
    """
    gain, delay, noise, pedestal = np.ones(n_cells), np.zeros(n_cells), np.ones(n_cells), np.zeros(n_cells)
    for fault in faults:
        cells = np.array(fault.cells or range(n_cells), np.int64)
        if cells.min() < 0 or cells.max() >= n_cells:
            raise ValueError(f"cell fault of {fault.detector}: cell {cells.max()} is not one of {n_cells}")
        gain[cells] *= fault.gain
        delay[cells] += fault.delay
        noise[cells] *= fault.noise
        pedestal[cells] += fault.pedestal
    dead = gain == 0
    noise[dead], pedestal[dead] = 0.0, 0.0
    return _CellFaults(gain, delay, noise, pedestal)


def _flat(name: str, deposits: Deposits) -> Floats:
    energy = deposits.in_standard(name)
    return energy.reshape(len(energy), math.prod(energy.shape[1:]))


def _merge(first: Floats, second: Floats, delay: Floats, unresolved: float) -> tuple[Floats, Floats]:
    """Energy and delay of a cell with two pulses: close ones add up, of others the larger is kept."""
    close = np.abs(delay) < unresolved
    both = first + second
    weight = np.divide(second, both, out=np.zeros_like(both), where=both > 0)
    later = second > first
    energy = np.where(close, both, np.maximum(first, second))
    return energy, np.where(close, weight * delay, np.where(later, delay, 0.0))


def _saturate(energy: Floats, largest: float) -> Floats:
    """Energy that a photomultiplier reports, which comes near to `largest` (GeV) but never reaches it."""
    seen: Floats = energy if math.isinf(largest) else -largest * np.expm1(-energy / largest)
    return seen


def _cell_pattern(n_cells: int, step: int, period: int, size: float) -> Floats:
    """Small fixed differences between cells, around 1: (n_cells,) float64."""
    return 1 + size * (((step * np.arange(n_cells)) % period) / (period - 1) * 2 - 1)


def tracks(deposits: Deposits, response: Response, rng: np.random.Generator) -> dict[str, Array]:
    """Reconstruct track, straws and shower shape: the one-value columns that depend on the particles."""
    n = len(deposits)
    failed = (rng.random(n) < response.track_failures) | (deposits.momentum >= NO_TRACK)
    smeared = deposits.momentum * (1 + response.track_resolution * rng.standard_normal(n))
    angle = response.angle_sigma * np.hypot(*rng.standard_normal((2, n)))
    return {
        "track_momentum": np.where(failed, NO_TRACK, smeared),
        "track_pvalue": np.where(failed, 0.0, rng.random(n)),
        "track_angle": np.where(failed, NO_TRACK / 1000, angle),
        **{f"straw{plane}": _station_hits(deposits, response, rng) for plane in ("3_x", "3_y", "4_x", "4_y")},
        "shower_chi2": _shower_chi2(deposits, rng),
    }


def _station_hits(deposits: Deposits, response: Response, rng: np.random.Generator) -> Array:
    seen = (rng.random(len(deposits)) >= response.hit_inefficiency) & (deposits.momentum < NO_TRACK)
    return seen * (1 + rng.poisson(response.further_hits + deposits.hit_mean))


def _shower_chi2(deposits: Deposits, rng: np.random.Generator) -> Floats:
    n = len(deposits)
    chi2 = deposits.chi2_median * np.exp(_CHI2_WIDTH * rng.standard_normal(n))
    chi2 = np.where(rng.random(n) < _CHI2_TAIL, chi2 + rng.exponential(4.0, n), chi2)
    return np.where(deposits.chi2_median > 0, chi2, NO_SHOWER)
