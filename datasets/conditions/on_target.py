"""Particles on target by kind: what they are called, and that different kinds are never added."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from na64.datasets.basics.toml import load_table

UNKNOWN = ""
"""Kind of an exposure whose beam nobody stated."""

_LABELS: dict[str, tuple[str, str]] = {UNKNOWN: ("particles OT", "particles on target")} | {
    one.text("name"): (one.text("label"), one.text("words"))
    for one in load_table(files(__package__) / "particles.toml").tables("particles")
}

PARTICLES = tuple(name for name in _LABELS if name != UNKNOWN)
"""Beam particles by name."""


def exposure_label(particle: str) -> str:
    """Unit of an exposure: EOT, e+OT, MOT, piOT and so on."""
    return _LABELS[particle][0]


def on_target(particle: str) -> str:
    """Particles of a kind on target, in words."""
    return _LABELS[particle][1]


@dataclass(frozen=True, slots=True)
class KindExposure:
    """Particles of one kind on target, of the runs of it that have a record.

    Attributes
    ----------
    particle : str
        One of `PARTICLES`, or `UNKNOWN`.
    delivered, live : float or None
        None if no run has a record.
    """

    particle: str
    delivered: float | None
    live: float | None

    @property
    def label(self) -> str:
        """Unit of it."""
        return exposure_label(self.particle)


def add_by_kind(exposures: Iterable[tuple[str, float | None, float | None]]) -> tuple[KindExposure, ...]:
    """Add exposures of runs, each kind for itself, by kind in the order in which they first come.

    Parameters
    ----------
    exposures : iterable of (particle, delivered, live)
    """
    found: dict[str, list[tuple[float | None, float | None]]] = {}
    for particle, delivered, live in exposures:
        found.setdefault(particle, []).append((delivered, live))
    return tuple(
        KindExposure(particle, _sum(d for d, _ in numbers), _sum(live for _, live in numbers))
        for particle, numbers in found.items()
    )


def only_kind(particles: Iterable[str], what: str) -> str:
    """The one kind of particles that something is of; `UNKNOWN` of nothing.

    Raises
    ------
    ValueError
        There are several, which cannot be added: names them.
    """
    kinds = tuple(dict.fromkeys(particles))
    if len(kinds) > 1:
        raise ValueError(f"{what}: {' and '.join(map(on_target, kinds))} are not added to each other")
    return kinds[0] if kinds else UNKNOWN


def only_beam(beams: Iterable[tuple[str, float]], what: str) -> tuple[str, float]:
    """The one particle and energy (GeV) that something is of; `UNKNOWN` and 0 where they are not known.

    Raises
    ------
    ValueError
        There are several, of which neither events nor exposures can be added: names them.
    """
    listed = list(beams)
    particle = only_kind((kind for kind, _ in listed), what)
    energies = sorted({energy for _, energy in listed if energy})
    if len(energies) > 1:
        texts = " and ".join(f"{energy:g} GeV" for energy in energies)
        raise ValueError(f"{what}: beams of {texts} are not added to each other")
    return particle, energies[0] if energies else 0.0


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None
