"""Hits of tracking planes to the momentum of a track through a dipole: p = q B r.

The track is straight in front of the uniform field, on a circle of radius r in it, and straight behind it.
Its parameters are the position and the slope at the front face and the curvature 1 / r, with the sign of the
bend. Of small angles positions are linear in all three; the linear fit is corrected with the residuals from
the circle itself until these do not change, so that nothing is approximated but the derivatives.
"""

# ruff: noqa: PLR0917 (a kernel takes arrays and numbers, all in order)

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.datasets.compiled.jit import jit_inline, jit_lent

Floats = NDArray[np.float64]

FEATURES = ("momentum", "error", "chi2", "bend", "slope", "planes")
"""What is made of an event, in this order."""

GEV_PER_TESLA_MM = 0.299792458e-3
"""Momentum of a unit charge over field and radius: the speed of light [D: SI]."""

N_PARAMETERS = 3
WORK = 18
"""Scratch: parameters, their changes, normal matrix and its inverse, both by rows of the lower triangle."""

_ROUNDS = 30
_CLOSE = 1e-9
_SMALL = 1e-12
"""Determinant of the normal matrix over the product of its diagonal; with less, planes fix no track."""


@jit_inline
def place_at(z: float, first: float, last: float, start: float, sine: float, curvature: float) -> float:
    """Position at z of a track that enters the field at `start` with `sine`; nan if it turns back."""
    if z <= first:
        return start + (z - first) * sine / math.sqrt(1.0 - sine * sine)
    depth = min(z, last) - first
    leaving = sine + curvature * depth
    if abs(leaving) >= 1.0:
        return np.nan
    # The chord of a circle is inclined by the mean of both angles: right for a curvature of zero too.
    cosines = math.sqrt(1.0 - sine * sine) + math.sqrt(1.0 - leaving * leaving)
    place = start + depth * (sine + leaving) / cosines
    return place + max(z - last, 0.0) * leaving / math.sqrt(1.0 - leaving * leaving)


@jit_inline
def bend_at(z: float, first: float, last: float) -> float:
    """How far a small unit of curvature moves a track at z."""
    depth = min(max(z - first, 0.0), last - first)
    return depth * (depth / 2.0 + max(z - last, 0.0))


@jit_inline
def add_plane(weight: float, along: float, bend: float, matrix: Floats) -> None:
    """Add a plane to the normal matrix, of which the lower triangle is kept."""
    matrix[0] += weight
    matrix[1] += weight * along
    matrix[2] += weight * along * along
    matrix[3] += weight * bend
    matrix[4] += weight * bend * along
    matrix[5] += weight * bend * bend


@jit_inline
def invert(matrix: Floats, inverse: Floats) -> bool:
    """Invert a symmetric matrix of three rows; False if it has next to no determinant."""
    a, b, d, c, e, f = matrix[0], matrix[1], matrix[2], matrix[3], matrix[4], matrix[5]
    inverse[0], inverse[1], inverse[2] = d * f - e * e, c * e - b * f, a * f - c * c
    inverse[3], inverse[4], inverse[5] = b * e - c * d, b * c - a * e, a * d - b * b
    determinant = a * inverse[0] + b * inverse[1] + c * inverse[3]
    if not determinant > _SMALL * a * d * f:
        return False
    for number in range(6):
        inverse[number] /= determinant
    return True


@jit_inline
def add_planes(
    places: Floats, z: Floats, resolution: Floats, first: float, last: float, matrix: Floats
) -> int:
    """Make the normal matrix of the planes that have a position, and count them."""
    matrix[:] = 0.0
    n_planes = 0
    for plane in range(z.size):
        if not math.isnan(places[plane]):
            weight = 1.0 / (resolution[plane] * resolution[plane])
            add_plane(weight, z[plane] - first, bend_at(z[plane], first, last), matrix)
            n_planes += 1
    return n_planes


@jit_inline
def find_residuals(
    places: Floats,
    z: Floats,
    resolution: Floats,
    first: float,
    last: float,
    found: Floats,
    change: Floats,
) -> float:
    """Residuals from a track, weighted by the derivatives of its parameters, and their chi2."""
    chi2 = 0.0
    change[:] = 0.0
    sine = found[1] / math.sqrt(1.0 + found[1] * found[1])
    for plane in range(z.size):
        if not math.isnan(places[plane]):
            place = place_at(z[plane], first, last, found[0], sine, found[2])
            off = (places[plane] - place) / resolution[plane]
            chi2 += off * off
            change[0] += off / resolution[plane]
            change[1] += off / resolution[plane] * (z[plane] - first)
            change[2] += off / resolution[plane] * bend_at(z[plane], first, last)
    return chi2


@jit_inline
def step(found: Floats, change: Floats, inverse: Floats) -> None:
    """Change the parameters by what the residuals say."""
    one, two, three = change[0], change[1], change[2]
    found[0] += inverse[0] * one + inverse[1] * two + inverse[3] * three
    found[1] += inverse[1] * one + inverse[2] * two + inverse[4] * three
    found[2] += inverse[3] * one + inverse[4] * two + inverse[5] * three


@jit_inline
def put_track(
    found: Floats,
    variance: float,
    chi2: float,
    spare: int,
    field: float,
    depth: float,
    made: Floats,
    event: int,
) -> None:
    """Make the features of a track with these parameters; none of one that is straight or turns back."""
    sine = found[1] / math.sqrt(1.0 + found[1] * found[1])
    leaving = sine + found[2] * depth
    if math.isnan(chi2) or found[2] == 0.0 or abs(leaving) >= 1.0:
        return
    momentum = GEV_PER_TESLA_MM * abs(field / found[2])
    made[0, event] = momentum
    made[1, event] = momentum * math.sqrt(variance) / abs(found[2])
    made[2, event] = chi2 / max(spare, 1)
    made[3, event] = math.asin(leaving) - math.asin(sine)
    made[4, event] = found[1]


@jit_lent
def fit_tracks(
    positions: Floats,
    z: Floats,
    resolution: Floats,
    field: float,
    first: float,
    last: float,
    work: Floats,
    made: Floats,
) -> None:
    """Fit the track of every event to the planes that have a position.

    Parameters
    ----------
    positions : (n_events, n_planes) float64, mm
        From the straight axis; nan where a plane is not to be used.
    z, resolution : (n_planes,) float64, mm
    field : float, T
    first, last : float, mm
        Faces of the magnet.
    work : (WORK,) float64, scratch
    made : (6, n_events) float64, output
        As `FEATURES`: GeV, GeV, 1, rad, 1, 1; all but the number of planes nan where there is no fit.
    """
    found, change, matrix, inverse = work[:3], work[3:6], work[6:12], work[12:18]
    for event in range(positions.shape[0]):
        places = positions[event]
        n_planes = add_planes(places, z, resolution, first, last, matrix)
        made[:, event] = np.nan
        made[5, event] = n_planes
        if n_planes < N_PARAMETERS or not invert(matrix, inverse):
            continue
        found[:] = 0.0
        chi2 = before = np.nan
        for _ in range(_ROUNDS):
            before, chi2 = chi2, find_residuals(places, z, resolution, first, last, found, change)
            if abs(chi2 - before) <= _CLOSE * (chi2 + 1e-3):
                break
            step(found, change, inverse)
        put_track(found, inverse[5], chi2, n_planes - N_PARAMETERS, field, last - first, made, event)
