"""The channels of a search card: a beam, its exposure, and what is counted of what it makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from na64.datasets.basics.sourced_values import FactReader
from na64.datasets.basics.toml import TomlTable, unknown
from na64.outputs.limits.searches.crossing import Exchanged, RadiatedByMuons
from na64.outputs.limits.searches.expected import Category
from na64.outputs.limits.searches.fates import (
    Branching,
    ElectronPair,
    Faint,
    Fate,
    Neutrinos,
    NeutrinosOrBeyond,
    Stretch,
    TwoPhotons,
)
from na64.outputs.limits.searches.heavy_states import HeavyBeyond, HeavyPair
from na64.outputs.limits.searches.kept import Efficiency
from na64.outputs.limits.searches.sources import Annihilated, Converted, Paired, Radiated, Source
from na64.outputs.signal.annihilation import Matter
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.charge_exchange import Layers
from na64.outputs.signal.matter import NUCLEI
from na64.outputs.signal.resonance_corrections import Corrections

E = TypeVar("E", bound=Enum)


class Process(Enum):
    """How a particle is made."""

    RADIATION = "radiation"
    """A boson off the electrons and positrons of the shower, or off muons that cross the target."""
    ANNIHILATION = "annihilation"
    """A boson that decays to dark matter, from positrons on atomic electrons."""
    PRIMAKOFF = "primakoff"
    """An axion-like particle from photons on nuclei."""
    PAIRS = "pairs"
    """Two millicharged particles from a virtual photon."""
    CHARGE_EXCHANGE = "charge_exchange"
    """A neutral meson from pions or kaons on nuclei."""


class Ending(Enum):
    """What a category counts."""

    INVISIBLE = "invisible"
    """Everything: it leaves without a trace."""
    TWO_PHOTONS = "two_photons"
    """A decay to two photons between two places; beyond the first if no last one is stated."""
    ELECTRON_PAIR = "electron_pair"
    """A decay to an electron and a positron between two places; beyond the first if no last one is stated."""
    HEAVY_BEYOND = "heavy_beyond"
    """The heavier state of inelastic dark matter decays beyond a place."""
    HEAVY_PAIR = "heavy_pair"
    """The heavier state decays between two places, and its electron pair is seen."""
    FAINT = "faint"
    """A charge below the one whose ionisation is seen."""
    NEUTRINOS = "neutrinos"
    """A Z' of L_mu - L_tau that decays to neutrinos."""
    NEUTRINOS_OR_BEYOND = "neutrinos_or_beyond"
    """A gauge boson of B - L that decays to neutrinos, or beyond a place."""
    BRANCHING = "branching"
    """A meson that decays to nothing that is seen, as often as the coupling says."""


_MAKES: dict[Ending, tuple[type[Source], ...]] = {
    Ending.INVISIBLE: (Radiated, Annihilated, Converted, Paired, RadiatedByMuons),
    Ending.TWO_PHOTONS: (Converted,),
    Ending.ELECTRON_PAIR: (Radiated,),
    Ending.HEAVY_BEYOND: (Radiated,),
    Ending.HEAVY_PAIR: (Radiated,),
    Ending.FAINT: (Paired,),
    Ending.NEUTRINOS: (RadiatedByMuons,),
    Ending.NEUTRINOS_OR_BEYOND: (Radiated,),
    Ending.BRANCHING: (Exchanged,),
}
"""What makes the particles of an ending, with the same coupling in both."""

RECAST: dict[type, str] = {HeavyBeyond: "invisible", HeavyPair: "visible"}
"""Searches whose results say of a fate what they say of their own particles, by the kind of fate."""

_OF_VECTORS = (Ending.HEAVY_BEYOND, Ending.HEAVY_PAIR, Ending.NEUTRINOS, Ending.NEUTRINOS_OR_BEYOND)
"""Endings whose widths are those of a vector."""


@dataclass(frozen=True, slots=True)
class ParticleModel:
    """What a variant says of the particle.

    Attributes
    ----------
    boson : Boson
    matter : Matter
    alpha_d, ratio, splitting : float
        Coupling of dark matter, m_X / m_chi, and (m_chi2 - m_chi1) / m_chi1; nan where it is not stated.
    corrections : Corrections
        Of resonances.
    ctau : float, mm
        Mean life of a meson times the speed of light; nan where it is not stated.
    """

    boson: Boson
    matter: Matter
    alpha_d: float
    ratio: float
    splitting: float
    corrections: Corrections
    ctau: float = math.nan


def read_model(facts: FactReader) -> ParticleModel:
    """Read what a variant says of the particle; what it does not need may be left out."""

    def number(key: str) -> float:
        return facts.number(key) if facts.has(key) else math.nan

    def flag(key: str) -> bool:
        return facts.flag(key) if facts.has(key) else False

    return ParticleModel(
        facts.choice("boson", Boson) if facts.has("boson") else Boson.VECTOR,
        facts.choice("matter", Matter) if facts.has("matter") else Matter.DIRAC,
        number("alpha_d"),
        number("mass_ratio"),
        number("splitting"),
        Corrections(flag("electron_motion"), flag("initial_state_radiation")),
        facts.number("ctau", "mm") if facts.has("ctau") else math.nan,
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
    exposure = facts.number("exposure")
    if not exposure > 0:
        raise ValueError(f"{facts.place('exposure')}: {exposure:g}: expected above 0")
    made = [_member(table, "production", text, Process) for text in table.texts("production")]
    if not made:
        raise ValueError(f"{table.place('production')}: there is none")
    sources = tuple(_source(one, (particle, energy), table, facts, model) for one in made)
    fate = _fate(table, facts, model, particle)
    _check_ending(table, particle, made, sources, model)
    efficiency, background = _efficiency(facts), facts.numbers("background")
    if len(background) != 2:
        raise ValueError(f"{facts.place('background')}: expected two values, events and their error")
    observed = facts.integer("observed") if facts.has("observed") else None
    return Category(
        name=name,
        exposure=exposure,
        efficiency=efficiency,
        background=background[0],
        background_error=background[1],
        observed=observed,
        sources=sources,
        fate=fate,
        box=table.text("box", ""),
        period=table.text("period", ""),
        recast=_recast(table, fate),
    )


def _recast(table: TomlTable, fate: Fate | None) -> str:
    """Search whose stored results count a channel, if it is not that of the card."""
    name = table.text("recast", "")
    of = RECAST.get(type(fate))
    if name and (name != of or not table.has("box")):
        expected = f'"{of}" beside a box' if of else "none"
        raise ValueError(f'{table.place("recast")}: "{name}": expected {expected}')
    return name


def _efficiency(facts: FactReader) -> Efficiency:
    values = facts.numbers("efficiency")
    masses = facts.numbers("efficiency_masses", "GeV") if facts.has("efficiency_masses") else ()
    energies = facts.numbers("efficiency_energies", "GeV") if facts.has("efficiency_energies") else ()
    try:
        return Efficiency(values, masses, energies)
    except ValueError as error:
        raise ValueError(f"{facts.place('efficiency')}: {error}") from None


def _member(table: TomlTable, key: str, text: str, kind: type[E]) -> E:
    names = [member.value for member in kind]
    if text not in names:
        raise ValueError(f"{table.place(key)}: {unknown(kind.__name__.lower(), text, names)}")
    return kind(text)


def _source(
    process: Process, beam: tuple[str, float], table: TomlTable, facts: FactReader, model: ParticleModel
) -> Source:
    particle, energy = beam
    if process is Process.CHARGE_EXCHANGE:
        return Exchanged(particle, energy, _layers(table, facts))
    threshold = facts.number("threshold", "GeV")
    if process is Process.PAIRS:
        return Paired(particle, energy, threshold)
    if process is Process.RADIATION and particle in ("mu-", "mu+"):
        return RadiatedByMuons(model.boson, energy, threshold, facts.number("radiation_lengths"))
    shower, target = Beam(particle, energy), _target(facts)
    if process is Process.RADIATION:
        return Radiated(model.boson, shower, threshold, target)
    if target != "Pb":
        raise ValueError(f"{facts.place('target')}: {process.value} is known in lead only")
    if process is Process.PRIMAKOFF:
        return Converted(shower, threshold)
    return Annihilated(
        model.boson, model.matter, model.alpha_d, model.ratio, shower, threshold, model.corrections
    )


def _target(facts: FactReader) -> str:
    if not facts.has("target"):
        return "Pb"
    name = facts.text("target")
    if name not in NUCLEI:
        raise ValueError(f"{facts.place('target')}: {unknown('nucleus', name, NUCLEI)}")
    return name


def _layers(table: TomlTable, facts: FactReader) -> Layers:
    names = table.texts("nuclei")
    for name in names:
        if name not in NUCLEI:
            raise ValueError(f"{table.place('nuclei')}: {unknown('nucleus', name, NUCLEI)}")
    densities, lengths = facts.numbers("areal_densities"), facts.number("interaction_lengths")
    try:
        return Layers(tuple(NUCLEI[name] for name in names), densities, lengths)
    except ValueError as error:
        raise ValueError(f"{facts.place('areal_densities')}: {error}") from None


def _stretch(facts: FactReader) -> Stretch:
    first = facts.number("first", "mm")
    return _between(facts, first, facts.number("last", "mm") if facts.has("last") else math.inf)


def _beyond(facts: FactReader) -> Stretch:
    return _between(facts, facts.number("first", "mm"), math.inf)


def _between(facts: FactReader, first: float, last: float) -> Stretch:
    if not 0 <= first < last:
        raise ValueError(f"{facts.place('last')}: {last:g} mm: expected above the first, {first:g} mm")
    if not facts.has("radiation_length"):
        return Stretch(first, last)
    length = facts.number("radiation_length", "mm")
    if length < 0:
        raise ValueError(f"{facts.place('radiation_length')}: {length:g} mm: expected 0 or more")
    return Stretch(first, last, length)


def _check_ending(
    table: TomlTable, particle: str, made: Sequence[Process], sources: Sequence[Source], model: ParticleModel
) -> None:
    """Refuse an ending of other particles than those that are made, or of another coupling."""
    ending = Ending(table.text("counts"))
    if ending in _OF_VECTORS and model.boson is not Boson.VECTOR:
        what = f"{ending.value} is an ending of vectors, the boson is {model.boson.value}"
        raise ValueError(f"{table.place('counts')}: {what}")
    for process, source in zip(made, sources, strict=True):
        if not isinstance(source, _MAKES[ending]):
            makes = f"what {process.value} by {particle} makes"
            raise ValueError(f"{table.place('counts')}: {ending.value} is no ending of {makes}")


def _fate(table: TomlTable, facts: FactReader, model: ParticleModel, particle: str) -> Fate | None:
    ending = _member(table, "counts", table.text("counts"), Ending)
    if ending is Ending.INVISIBLE:
        return None
    made: dict[Ending, Callable[[], Fate]] = {
        Ending.TWO_PHOTONS: lambda: TwoPhotons(_stretch(facts)),
        Ending.ELECTRON_PAIR: lambda: ElectronPair(_stretch(facts), model.boson),
        Ending.HEAVY_BEYOND: lambda: HeavyBeyond(_beyond(facts), *_heavy(model)),
        Ending.HEAVY_PAIR: lambda: _heavy_pair(table, facts, model),
        Ending.FAINT: lambda: Faint(facts.number("largest_charge")),
        Ending.NEUTRINOS: Neutrinos,
        Ending.NEUTRINOS_OR_BEYOND: lambda: NeutrinosOrBeyond(_beyond(facts)),
        Ending.BRANCHING: lambda: _branching(facts, model, particle),
    }
    return made[ending]()


def _heavy_pair(table: TomlTable, facts: FactReader, model: ParticleModel) -> HeavyPair:
    least, lost = facts.number("pair_threshold", "GeV"), facts.number("lost", "GeV")
    return HeavyPair(_stretch(facts), *_heavy(model), least, lost, table.text("adds_up"))


def _heavy(model: ParticleModel) -> tuple[float, float, float]:
    return model.ratio, model.splitting, model.alpha_d


def _branching(facts: FactReader, model: ParticleModel, particle: str) -> Branching:
    """A meson that decays where it is made; neutral kaons fly, and may interact before."""
    if not particle.startswith("K"):
        return Branching()
    if not model.ctau > 0:
        raise ValueError(
            f"{facts.place('counts')}: branching of neutral kaons, which fly: the variant has to state ctau "
            "above 0"
        )
    length = facts.number("neutral_interaction_length", "mm")
    if not length > 0:
        raise ValueError(f"{facts.place('neutral_interaction_length')}: {length:g} mm: expected above 0")
    return Branching(model.ctau, length)
