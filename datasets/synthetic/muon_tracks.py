"""Where muons go: straight, on a circle in a dipole, and straight; what planes and counters see of them.

A track is (x, y, slope in x, slope in y, momentum, kick): mm, 1, GeV with the sign of the charge over that of
the beam, and a kick in the middle of its magnet, rad. A momentum of 0 is no track. Of each event the first is
the one that comes in, at the front face of the upstream magnet; the others leave the target.
"""

from __future__ import annotations

import numpy as np

from na64.datasets.instrument.columns import TrackerHits
from na64.datasets.synthetic.library import Floats, Integers
from na64.datasets.synthetic.muon_mode import BeamCounter, Dipole, MuonMode, Station, is_inside

N_TRACKS, N_NUMBERS = 4, 6
"""One that comes in and up to three that leave the target; numbers of each."""
X, Y, SLOPE_X, SLOPE_Y, MOMENTUM, KICK = range(N_NUMBERS)

_GEV_PER_TESLA_MM = 0.299792458e-3
"""Momentum of a unit charge over field and radius [D: SI]."""


def place_in_bend(tracks: Floats, dipole: Dipole, start: float, z: float) -> Floats:
    """Position in y at z of tracks (..., N_NUMBERS) that begin at `start` in front of a dipole: (...), mm."""
    momentum = np.where(tracks[..., MOMENTUM] == 0, np.nan, tracks[..., MOMENTUM])
    entering = np.arctan(tracks[..., SLOPE_Y])
    face = tracks[..., Y] + tracks[..., SLOPE_Y] * (min(z, dipole.first) - start)
    if z <= dipole.first:
        return np.where(np.isnan(momentum), np.nan, face)
    radius = momentum / (_GEV_PER_TESLA_MM * dipole.field)
    depth = min(z, dipole.last) - dipole.first
    with np.errstate(invalid="ignore"):  # a track that turns back in the field is nowhere
        leaving = np.arcsin(np.sin(entering) + depth / radius)
    place = face + radius * (np.cos(entering) - np.cos(leaving))
    place = place + np.tan(leaving) * max(z - dipole.last, 0.0)
    behind: Floats = place + tracks[..., KICK] * max(z - dipole.middle, 0.0)
    return behind


def slope_behind(tracks: Floats, dipole: Dipole) -> Floats:
    """Slope in y of tracks (..., N_NUMBERS) behind a dipole, (...)."""
    near, far = (place_in_bend(tracks, dipole, dipole.first, dipole.last + off) for off in (0.0, 1000.0))
    found: Floats = (far - near) / 1000.0
    return found


def place_across(tracks: Floats, start: float, z: float) -> Floats:
    """Position in x at z of tracks (..., N_NUMBERS) that begin at `start`: (...), mm."""
    return np.where(tracks[..., MOMENTUM] == 0, np.nan, tracks[..., X] + tracks[..., SLOPE_X] * (z - start))


def at_target(incoming: Floats, mode: MuonMode, nominal: float) -> Floats:
    """Incoming tracks (n, N_NUMBERS) where they leave the target, from the axis of the nominal momentum."""
    start, z = mode.upstream.first, mode.target_z
    axis = np.zeros(N_NUMBERS)
    axis[MOMENTUM] = nominal
    found = incoming.copy()
    found[:, X] = place_across(incoming, start, z)
    found[:, Y] = place_in_bend(incoming, mode.upstream, start, z) - place_in_bend(
        axis, mode.upstream, start, z
    )
    found[:, SLOPE_Y] = slope_behind(incoming, mode.upstream) - slope_behind(axis, mode.upstream)
    found[:, KICK] = 0.0
    return found


def places(tracks: Floats, mode: MuonMode, z: float) -> tuple[Floats, Floats]:
    """Positions at z of the tracks (n, N_TRACKS, N_NUMBERS) that are there: x and y, (n, n_there) mm each."""
    if z < mode.target_z:
        there, dipole, start = tracks[:, :1], mode.upstream, mode.upstream.first
    else:
        there, dipole, start = tracks[:, 1:], mode.downstream, mode.target_z
    return place_across(there, start, z), place_in_bend(there, dipole, start, z)


def counter_energies(tracks: Floats, mode: MuonMode, rng: np.random.Generator) -> Floats:
    """Energy that tracks (n, N_TRACKS, N_NUMBERS) leave in every counter: (n, n_counters) float64, GeV."""
    energies = np.zeros((len(tracks), len(mode.counters)))
    for counter in mode.counters:
        struck = is_inside(counter, *places(tracks, mode, counter.z))
        energies[:, counter.cell] = (struck * _each(counter, struck.shape, rng)).sum(axis=1)
    return energies


def _each(counter: BeamCounter, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """What single particles leave: a Moyal number, without the tail below (one in 800)."""
    moyal = np.maximum(-2 * np.log(np.maximum(np.abs(rng.standard_normal(shape)), 1e-9)), -2.0)
    energy: Floats = np.maximum(counter.mip * (1 + counter.width * moyal), 0.0)
    return energy


def hits_of(
    tracks: tuple[Floats, ...],
    rows: tuple[Integers, ...],
    n_events: int,
    mode: MuonMode,
    rng: np.random.Generator,
) -> dict[str, TrackerHits]:
    """Hits in every plane, of all tracks of each event and of nothing.

    Parameters
    ----------
    tracks : tuple of (n, N_TRACKS, N_NUMBERS) float64
        Of first, second, ... particles.
    rows : tuple of (n,) int64
        To which event those belong.
    n_events : int
    mode : MuonMode
    rng : numpy.random.Generator
    """
    found = {}
    for station in mode.stations:
        at = [places(one, mode, station.z) for one in tracks]
        for axis, name in enumerate("xy"):
            parts = [_seen(station, axis, pair, own, rng) for pair, own in zip(at, rows, strict=True)]
            parts.append(_noise(station, axis, n_events, rng))
            found[f"{station.name}{name}"] = _in_events(parts, n_events)
    return found


def _seen(
    station: Station, axis: int, at: tuple[Floats, Floats], rows: Integers, rng: np.random.Generator
) -> tuple[Integers, Floats]:
    """Events and recorded positions of the tracks that a plane sees."""
    inside = np.ones(at[0].shape, np.bool_)
    for place, centre, half in zip(at, station.centre, station.half_width, strict=True):
        inside &= np.abs(place - centre) < half
    inside &= rng.random(inside.shape) < station.efficiency
    smeared = at[axis] + station.resolution * rng.standard_normal(inside.shape)
    event, _ = np.nonzero(inside)
    return rows[event], smeared[inside] + station.origin[axis]


def _noise(station: Station, axis: int, n_events: int, rng: np.random.Generator) -> tuple[Integers, Floats]:
    counts = rng.poisson(station.noise, n_events)
    off = station.half_width[axis] * rng.uniform(-1, 1, int(counts.sum()))
    return np.repeat(np.arange(n_events), counts), off + station.centre[axis] + station.origin[axis]


def _in_events(parts: list[tuple[Integers, Floats]], n_events: int) -> TrackerHits:
    event = np.concatenate([part[0] for part in parts])
    x = np.concatenate([part[1] for part in parts])
    offsets = np.zeros(n_events + 1, np.int64)
    np.cumsum(np.bincount(event, minlength=n_events), out=offsets[1:])
    return TrackerHits(offsets, x[np.argsort(event, kind="stable")])
