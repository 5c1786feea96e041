"""The channels of a search card: a beam, its exposure, and what is counted of what it makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from na64.datasets.basics.sourced_values import FactReader
from na64.datasets.basics.toml import TomlTable, unknown
from na64.outputs.limits.searches.expected import Category
from na64.outputs.limits.searches.fates import Faint, Fate, HeavyBeyond, TwoPhotons
from na64.outputs.limits.searches.sources import Annihilated, Converted, Paired, Radiated, Source
from na64.outputs.signal.annihilation import Matter
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.bosons import Boson


class Process(Enum):
    """How a particle is made."""

    RADIATION = "radiation"
    """A boson off the electrons and positrons of the shower."""
    ANNIHILATION = "annihilation"
    """A boson that decays to dark matter, from positrons on atomic electrons."""
    PRIMAKOFF = "primakoff"
    """An axion-like particle from photons on nuclei."""
    PAIRS = "pairs"
    """Two millicharged particles from a virtual photon."""


class Ending(Enum):
    """What a category counts."""

    INVISIBLE = "invisible"
    """Everything: it leaves without a trace."""
    TWO_PHOTONS = "two_photons"
    """A decay to two photons between two places; beyond the first if no last one is stated."""
    HEAVY_BEYOND = "heavy_beyond"
    """The heavier state of inelastic dark matter decays beyond a place."""
    FAINT = "faint"
    """A charge below the one whose ionisation is seen."""


@dataclass(frozen=True, slots=True)
class ParticleModel:
    """What a variant says of the particle.

    Attributes
    ----------
    boson : Boson
    matter : Matter
    alpha_d, ratio, splitting : float
        Coupling of dark matter, m_X / m_chi, and (m_chi2 - m_chi1) / m_chi1; nan where it is not stated.
    """

    boson: Boson
    matter: Matter
    alpha_d: float
    ratio: float
    splitting: float


def read_model(facts: FactReader) -> ParticleModel:
    """Read what a variant says of the particle; what it does not need may be left out."""

    def number(key: str) -> float:
        return facts.number(key) if facts.has(key) else math.nan

    return ParticleModel(
        facts.choice("boson", Boson) if facts.has("boson") else Boson.VECTOR,
        facts.choice("matter", Matter) if facts.has("matter") else Matter.DIRAC,
        number("alpha_d"),
        number("mass_ratio"),
        number("splitting"),
    )


def read_category(table: TomlTable, facts: FactReader, name: str, model: ParticleModel) -> Category:
    """Read a channel for a particle.

    Parameters
    ----------
    table : TomlTable
        Of the channel.
    facts : FactReader
        Of the same table.
    name : str
    model : ParticleModel
    """
    particle, energy = facts.text("particle"), facts.number("energy", "GeV")
    exposure, threshold = _above_zero(facts, "exposure", math.inf), facts.number("threshold", "GeV")
    efficiency, background = _above_zero(facts, "efficiency", 1.0), facts.numbers("background")
    if len(background) != 2:
        raise ValueError(f"{facts.place('background')}: expected two values, events and their error")
    observed = facts.integer("observed") if facts.has("observed") else None
    made = [_choice(table, "production", text, Process) for text in table.texts("production")]
    return Category(
        name=name,
        exposure=exposure,
        efficiency=efficiency,
        background=background[0],
        background_error=background[1],
        observed=observed,
        sources=tuple(_source(one, particle, energy, threshold, model=model) for one in made),
        fate=_fate(table, facts, model),
    )


def _above_zero(facts: FactReader, key: str, most: float) -> float:
    value = facts.number(key)
    if not 0 < value <= most:
        raise ValueError(
            f"{facts.place(key)}: {value:g}: expected above 0" + (" and up to 1" if most == 1 else "")
        )
    return value


def _choice(table: TomlTable, key: str, text: str, kind: type[Process]) -> Process:
    names = [member.value for member in kind]
    if text not in names:
        raise ValueError(f"{table.place(key)}: {unknown('process', text, names)}")
    return kind(text)


def _source(
    process: Process, particle: str, energy: float, threshold: float, *, model: ParticleModel
) -> Source:
    if process is Process.PAIRS:
        return Paired(particle, energy, threshold)
    beam = Beam(particle, energy)
    if process is Process.RADIATION:
        return Radiated(model.boson, beam, threshold)
    if process is Process.PRIMAKOFF:
        return Converted(beam, threshold)
    return Annihilated(model.boson, model.matter, model.alpha_d, model.ratio, beam, threshold)


def _fate(table: TomlTable, facts: FactReader, model: ParticleModel) -> Fate | None:
    text, names = table.text("counts"), [ending.value for ending in Ending]
    if text not in names:
        raise ValueError(f"{table.place('counts')}: {unknown('ending', text, names)}")
    ending = Ending(text)
    if ending is Ending.TWO_PHOTONS:
        first = facts.number("first", "mm")
        return TwoPhotons(first, facts.number("last", "mm") if facts.has("last") else math.inf)
    if ending is Ending.HEAVY_BEYOND:
        return HeavyBeyond(facts.number("first", "mm"), model.ratio, model.splitting, model.alpha_d)
    return Faint(facts.number("largest_charge")) if ending is Ending.FAINT else None
