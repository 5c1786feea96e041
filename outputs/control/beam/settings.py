"""Numbers that the beam is measured with: field, window of the SRD, and what tags a particle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from na64.datasets.basics.sourced_values import Fact, FactReader
from na64.datasets.basics.toml import Source, load_table
from na64.datasets.instrument.roles import CALORIMETER, COUNTERS, MODULES
from na64.outputs.control.beam.bend import Plane, Side

PACKAGED = "beam.toml"
"""The packaged numbers; copy, put in your own, and name the copy with --settings."""

Window = tuple[float, float]
"""Values above the first and below the second."""


@dataclass(frozen=True, slots=True)
class BeamSettings:
    """What tags a particle, and what it is bent by.

    Attributes
    ----------
    field_integral : float
        T m.
    field_length : float
        m.
    counter_window : tuple of float
        GeV in a counter, at the beam energy `counter_energy`.
    counter_energy : float
        GeV.
    electron_share, hadron_share : tuple of float
        Share of the beam energy in the calorimeter; in modules 0 to 2 behind it.
    mip_calorimeter, mip_modules : tuple of float
        GeV in the calorimeter; in each module.
    beam_mask : int or None
        Bits of the trigger word of which any makes a beam trigger; None: all events without physics trigger.
    planes : tuple of Plane
        Trackers whose places are known, two or more on each side of the magnets; or none.
    facts : tuple of Fact
        The same with their sources, for the report.
    """

    field_integral: float
    field_length: float
    counter_window: Window
    counter_energy: float
    electron_share: Window
    hadron_share: Window
    mip_calorimeter: Window
    mip_modules: Window
    beam_mask: int | None = None
    planes: tuple[Plane, ...] = ()
    facts: tuple[Fact, ...] = ()

    def counter_window_at(self, beam_energy: float) -> Window:
        """Window of a counter for a beam of another energy (GeV), which goes with its square."""
        scale = (beam_energy / self.counter_energy) ** 2
        return self.counter_window[0] * scale, self.counter_window[1] * scale


def load_settings(path: Path | None = None) -> BeamSettings:
    """Read the numbers of a file; by default the packaged ones.

    Raises
    ------
    KeyError, ValueError
        Names the file and the key.
    """
    source: Source = files(__package__) / PACKAGED if path is None else path
    table = load_table(source)
    listed: list[Fact] = []
    facts = FactReader(table, listed)
    spectrometer, counters, mip = (facts.child(name) for name in ("spectrometer", COUNTERS, "mip"))
    found = BeamSettings(
        field_integral=_positive(spectrometer, "tesla_metres", "1"),
        field_length=_positive(spectrometer, "length", "mm") / 1000,
        counter_window=_window(counters, "window", "GeV"),
        counter_energy=_positive(counters, "energy", "GeV"),
        electron_share=_window(facts.child("electron"), f"{CALORIMETER}_share", "1"),
        hadron_share=_window(facts.child("hadron"), f"{MODULES}_share", "1"),
        mip_calorimeter=_window(mip, CALORIMETER, "GeV"),
        mip_modules=_window(mip, MODULES, "GeV"),
        beam_mask=_beam_mask(facts.child("trigger")) if facts.has("trigger") else None,
        planes=_planes(facts),
    )
    table.done()
    return replace(found, facts=tuple(listed))


def _beam_mask(facts: FactReader) -> int:
    mask = facts.integer("beam_mask")
    if not mask:
        raise ValueError(f"{facts.place('beam_mask')}: 0 has no bits")
    return mask


def _planes(facts: FactReader) -> tuple[Plane, ...]:
    """Trackers with their places; two or more, at different places, on each side."""
    planes = tuple(
        Plane(name, entry.number("z", "mm"), entry.word("side", Side))
        for name, entry in facts.named_children("plane")
    )
    for side in Side:
        places = {plane.z for plane in planes if plane.side is side}
        if planes and len(places) < 2:
            raise ValueError(f"{facts.place('plane')}: a line {side.value} the magnets needs two places z")
    return planes


def _positive(facts: FactReader, key: str, unit: str) -> float:
    value = facts.number(key, unit)
    if not value > 0:
        raise ValueError(f"{facts.place(key)}: {value:g} is not positive")
    return value


def _window(facts: FactReader, key: str, unit: str) -> Window:
    values = facts.numbers(key, unit)
    if len(values) != 2 or not values[0] < values[1]:
        shown = ", ".join(f"{value:g}" for value in values)
        raise ValueError(f"{facts.place(key)}: [{shown}] is not a lower and an upper bound")
    return values[0], values[1]
