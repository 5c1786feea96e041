"""Limits that are expected of exposures to come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from na64.outputs.limits.inputs import Background
from na64.outputs.limits.production import BY_ELECTRONS, Production
from na64.outputs.limits.search import EfficiencyFunction, LimitPoint, PeriodChannel, Search
from na64.outputs.result.table import Table
from na64.outputs.signal.beam import ELECTRONS, Beam


@dataclass(frozen=True, slots=True)
class ProjectionRow:
    """Row of `projection.csv`: a mass at an exposure.

    Attributes
    ----------
    eot : float
        Electrons on target.
    background, background_error : float
        Events.
    level : float
    mass : float, GeV
    events_minus2 : float
    events_minus1 : float
    events_median : float
    events_plus1 : float
    events_plus2 : float
        Expected limits on the signal events.
    eps_minus2 : float
    eps_minus1 : float
    eps_median : float
    eps_plus1 : float
    eps_plus2 : float
        The same as limits on the mixing.
    """

    eot: float
    background: float
    background_error: float
    level: float
    mass: float
    events_minus2: float
    events_minus1: float
    events_median: float
    events_plus1: float
    events_plus2: float
    eps_minus2: float
    eps_minus1: float
    eps_median: float
    eps_plus1: float
    eps_plus2: float


class Scaling(Enum):
    """How the background goes with the exposure."""

    LINEAR = "linear"
    """In proportion: the rejection stays as it is."""
    CONSTANT = "constant"
    """Not at all: the rejection improves as the exposure grows."""

    @property
    def words(self) -> str:
        """What it assumes."""
        if self is Scaling.LINEAR:
            return "background in proportion to the exposure, its relative error unchanged"
        return "background and error unchanged: the rejection improves as the exposure grows"


@dataclass(frozen=True, slots=True)
class Projection:
    """The limits expected of an exposure.

    Attributes
    ----------
    eot : float
    background, background_error : float
        Events at this exposure.
    level : float
    points : tuple of LimitPoint
    beam : Beam
    """

    eot: float
    background: float
    background_error: float
    level: float
    points: tuple[LimitPoint, ...]
    beam: Beam = ELECTRONS


def project(
    eot: float,
    background: Background,
    efficiency: EfficiencyFunction,
    production: Production = BY_ELECTRONS,
    *,
    at: float | None = None,
    scaling: Scaling = Scaling.LINEAR,
    level: float = 0.9,
    signal_error: float = 0.1,
    masses: Sequence[float],
) -> Projection:
    """Compute the limits expected of an exposure.

    Parameters
    ----------
    eot : float
        Electrons on target.
    background : Background
    efficiency : EfficiencyFunction
    production : Production
        Dark photons that the beam makes.
    at : float, optional
        Exposure that the background is of; by default it is the one that is asked for.
    scaling : Scaling
    level, signal_error : float
    masses : sequence of float
        GeV.
    """
    for what, value in (("eot", eot), ("exposure of the background", at)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"{what} {value}: expected particles on target above 0")
    factor = eot / at if at is not None and scaling is Scaling.LINEAR else 1.0
    n, error = background.n * factor, background.error * factor
    values, errors, limits = background.values * factor, background.errors(), background.one_sided()
    period = PeriodChannel(
        "projection",
        eot,
        values,
        tuple((name, size * factor) for name, size in errors),
        efficiency,
        None,
        production,
        tuple((name, source.scaled(factor)) for name, source in limits),
    )
    search = Search((period,), signal_error)
    points = tuple(search.point(mass, level) for mass in masses if search.known(mass))
    return Projection(eot, n, error, level, points, production.beam)


def projection_table(projections: Sequence[Projection]) -> Table[ProjectionRow]:
    """Table of limits expected of exposures."""
    rows = [
        ProjectionRow(
            *(p.eot, p.background, p.background_error, p.level, point.mass),
            *point.expected.bands,
            *map(point.eps, point.expected.bands),
        )
        for p in projections
        for point in p.points
    ]
    return Table(ProjectionRow, rows)
