"""Momentum from hits of trackers: straight lines before and behind the magnets, and the bend between."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.spectrometer import momentum_of_angle

Floats = NDArray[np.float64]


class Side(Enum):
    """Which side of the magnets a plane is on."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Plane:
    """A tracking plane that measures the coordinate in which the magnets bend.

    Attributes
    ----------
    detector : str
        A tracker of the period.
    z : float
        mm along the beam.
    side : Side
    """

    detector: str
    z: float
    side: Side

    @property
    def position(self) -> str:
        """Feature with the position of its first hit."""
        return f"{self.detector}_first_hit"

    @property
    def n_hits(self) -> str:
        """Feature with the number of its hits."""
        return f"{self.detector}_n_hits"


def slope(x: Floats, z: Floats) -> Floats:
    """Slope of the straight line through hits by least squares, with equal errors.

    Parameters
    ----------
    x : (n_planes, n_events) float64, mm
    z : (n_planes,) float64, mm
        Not all the same.

    Returns
    -------
    (n_events,) float64
    """
    distance = z - z.mean()
    found: Floats = distance @ x / (distance @ distance)
    return found


def bend_of_hits(positions: Mapping[str, Floats], planes: Sequence[Plane]) -> Floats:
    """Angle between the lines before and behind the magnets, (n_events,) float64 rad, whatever its sign.

    Parameters
    ----------
    positions : mapping of str to (n_events,) float64, mm
        By `Plane.position`.
    planes : sequence of Plane
        Two at least on each side.
    """
    before, after = (
        np.arctan(
            slope(
                np.array([positions[plane.position] for plane in planes if plane.side is side]),
                np.array([plane.z for plane in planes if plane.side is side]),
            )
        )
        for side in Side
    )
    angle: Floats = np.abs(after - before)
    return angle


def momentum_of_hits(
    positions: Mapping[str, Floats], planes: Sequence[Plane], field_integral: float
) -> Floats:
    """Momentum of tracks of one hit in each plane, (n_events,) float64 GeV; arguments as of `bend_of_hits`.

    Parameters
    ----------
    positions : mapping of str to (n_events,) float64, mm
    planes : sequence of Plane
    field_integral : float
        T m.
    """
    angle = bend_of_hits(positions, planes)
    found: Floats = momentum_of_angle(1.0, field_integral) / np.maximum(angle, np.finfo(np.float64).tiny)
    return found


def angle_error(planes: Sequence[Plane], position_error: float) -> float:
    """Error of the bend, rad, of planes with one error of their positions, mm."""
    variance = 0.0
    for side in Side:
        z = np.array([plane.z for plane in planes if plane.side is side])
        variance += position_error**2 / float(np.sum((z - z.mean()) ** 2))
    return math.sqrt(variance)
