"""Magnets between tracking planes, and the features of the track that is fitted through them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from na64.datasets.basics.sourced_values import FactReader
from na64.datasets.instrument.features import Feature, Range

FEWEST_PLANES = 3
"""As many as the track has parameters."""

_MADE: tuple[tuple[str, str, str, Range | None], ...] = (
    ("", "GeV", "momentum of the track through {magnet}; nan without a fit", (200, 0.0, 200.0)),
    ("_error", "GeV", "standard deviation of {name} by the resolution of the planes", (100, 0.0, 20.0)),
    ("_chi2", "1", "chi2 per degree of freedom of the track; 0 without one to spare", (100, 0.0, 20.0)),
    (
        "_bend",
        "rad",
        "angle by which the field bends the track, positive to larger positions",
        (100, -0.05, 0.05),
    ),
    ("_slope", "1", "slope of the track in front of the field", (100, -0.02, 0.02)),
    ("_planes", "1", "planes with exactly one hit, which the track is fitted to", (16, -0.5, 15.5)),
)


@dataclass(frozen=True, slots=True)
class Spectrometer:
    """A dipole with a uniform field, and tracking planes in front of and behind it.

    Attributes
    ----------
    name : str
        Of the momentum; the other features begin with it.
    field : float
        T, across the direction that the planes measure; the sign does not matter.
    first, last : float
        mm along the beam: faces of the magnet.
    planes : tuple of str
        Trackers that measure one and the same coordinate.
    z : tuple of float
        mm along the beam, one a plane.
    origin : tuple of float
        mm: what files record for a hit on the straight axis of the track, one a plane.
    resolution : tuple of float
        mm, one a plane.
    """

    name: str
    field: float
    first: float
    last: float
    planes: tuple[str, ...]
    z: tuple[float, ...]
    origin: tuple[float, ...]
    resolution: tuple[float, ...]

    def features(self) -> tuple[Feature, ...]:
        """Momentum, its error, chi2, bend, slope and number of planes, in the order of the kernel."""
        magnet = ", ".join(self.planes)
        return tuple(
            Feature(self.name + end, unit, text.format(magnet=magnet, name=self.name), axis, self.planes)
            for end, unit, text, axis in _MADE
        )


def read_spectrometer(name: str, facts: FactReader, trackers: Collection[str]) -> Spectrometer:
    """Read a ``[[spectrometer]]`` of a period.

    Parameters
    ----------
    name : str
    facts : FactReader
        Of the spectrometer.
    trackers : collection of str
        Those that the period has.

    Raises
    ------
    KeyError, ValueError
        A wrong entry, or planes from which no momentum follows; names the file, the key and the value.
    """
    planes = facts.words("planes")
    for plane in planes:
        if plane not in trackers or planes.count(plane) > 1:
            known = ", ".join(trackers) or "none"
            raise ValueError(
                f'{facts.place("planes")}: "{plane}" is not a tracker of the period, each once: {known}'
            )
    facts.remember("planes", ", ".join(planes), "1", "names of trackers")
    found = Spectrometer(
        name=name,
        field=facts.number("field", "T"),
        first=facts.number("first", "mm"),
        last=facts.number("last", "mm"),
        planes=planes,
        z=facts.each("z", "mm", len(planes)),
        origin=facts.each("origin", "mm", len(planes)),
        resolution=facts.each("resolution", "mm", len(planes)),
    )
    _check(found, facts)
    return found


def _check(found: Spectrometer, facts: FactReader) -> None:
    if found.field == 0:
        raise ValueError(f"{facts.place('field')}: without a field there is no momentum")
    if not found.first < found.last:
        raise ValueError(f"{facts.place('last')}: {found.last:g} mm is not behind {found.first:g} mm")
    if min(found.resolution, default=1.0) <= 0:
        raise ValueError(f"{facts.place('resolution')}: {min(found.resolution):g} mm is not positive")
    before = {z for z in found.z if z <= found.first}
    behind = {z for z in found.z if z > found.first}
    if len(before | behind) < FEWEST_PLANES or not before or not behind:
        raise ValueError(
            f"{facts.place('z')}: {len(before)} planes in front of the magnet and {len(behind)} behind: a "
            f"momentum needs both, and {FEWEST_PLANES} at least"
        )
