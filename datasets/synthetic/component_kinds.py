"""Kinds of events that are simulated, and the numbers that each takes."""

from __future__ import annotations

from enum import Enum

from na64.datasets.instrument.roles import CALORIMETER, MODULES, SURROUNDING


class ComponentKind(Enum):
    """How the particles of a component are made."""

    ELECTRON = "electron"
    RADIATED = "radiated"
    UPSTREAM = "upstream"
    DIMUON = "dimuon"
    ELECTRONUCLEAR = "electronuclear"
    HADRON = "hadron"
    MUON = "muon"
    PILE_UP = "pile_up"
    DARK_PHOTON = "dark_photon"
    ANNIHILATION = "annihilation"
    DUMP_ELECTRON = "dump_electron"
    DUMP_HADRON = "dump_hadron"
    DUMP_MUON = "dump_muon"
    DUMP_DIMUON = "dump_dimuon"
    SHORT_KAON = "short_kaon"
    NEUTRAL_HADRON = "neutral_hadron"
    ELECTRON_PAIR = "electron_pair"
    ALP = "alp"
    LEADING_NEUTRAL = "leading_neutral"
    CHARGE_EXCHANGE = "charge_exchange"
    DECAY_IN_FLIGHT = "decay_in_flight"
    UPSTREAM_HADRON = "upstream_hadron"
    BEAM_MUON = "beam_muon"
    MOMENTUM_TAIL = "momentum_tail"
    MUON_LOSS = "muon_loss"
    HADRON_DECAY = "hadron_decay"
    TRIDENT = "trident"
    BEAM_HADRON = "beam_hadron"
    MUON_BOSON = "muon_boson"
    RANDOM = "random"
    LED = "led"


PARAMETERS: dict[ComponentKind, dict[str, str]] = {
    ComponentKind.ELECTRON: {},
    ComponentKind.RADIATED: {"lowest": "GeV", "highest": "GeV", "zero_degree_probability": "1"},
    ComponentKind.UPSTREAM: {
        "lowest": "GeV",
        "slope": "GeV",
        "hadron_probability": "1",
        "extra_tracks": "1",
        f"{SURROUNDING}_mean": "GeV",
    },
    ComponentKind.DIMUON: {"lowest": "GeV", "highest": "GeV"},
    ComponentKind.ELECTRONUCLEAR: {"lowest": "1", "highest": "1", "power": "1", "neutral_fraction": "1"},
    ComponentKind.HADRON: {"pion": "1", "kaon": "1", "proton": "1"},
    ComponentKind.MUON: {},
    ComponentKind.PILE_UP: {"lowest": "GeV", "highest": "GeV"},
    ComponentKind.DARK_PHOTON: {"mass": "GeV", "lowest": "1"},
    ComponentKind.ANNIHILATION: {"lowest": "1", "highest": "1"},
    ComponentKind.DUMP_ELECTRON: {"lowest": "GeV", "highest": "GeV"},
    ComponentKind.DUMP_HADRON: {"pion": "1", "kaon": "1", "proton": "1"},
    ComponentKind.DUMP_MUON: {},
    ComponentKind.DUMP_DIMUON: {"lowest": "GeV", "highest": "GeV"},
    ComponentKind.SHORT_KAON: {
        "lowest": "1",
        "highest": "1",
        "power": "1",
        "neutral_ratio": "1",
        "dalitz": "1",
        "conversion": "1",
    },
    ComponentKind.NEUTRAL_HADRON: {"lowest": "1", "highest": "1", "power": "1"},
    ComponentKind.ELECTRON_PAIR: {"mass": "GeV", "coupling": "1", "lowest": "1", "highest": "1"},
    ComponentKind.ALP: {
        "lowest": "1",
        "highest": "1",
        "decay_length": "mm",
        "decays_from": "mm",
        "decays_to": "mm",
        "first": "mm",
        "response": "1",
        "stochastic": "1",
    },
    ComponentKind.LEADING_NEUTRAL: {"lowest": "1", "highest": "1", "kaon_fraction": "1"},
    ComponentKind.CHARGE_EXCHANGE: {"interaction_lengths": "1", "recoil": "GeV"},
    ComponentKind.DECAY_IN_FLIGHT: {"lowest": "1"},
    ComponentKind.UPSTREAM_HADRON: {
        "lowest": "1",
        "highest": "1",
        "neutral_fraction": "1",
        "extra_tracks": "1",
    },
    ComponentKind.BEAM_MUON: {"scatter": "rad"},
    ComponentKind.MOMENTUM_TAIL: {"scatter": "rad", "tail": "rad"},
    ComponentKind.MUON_LOSS: {"lowest": "GeV", "highest": "GeV", "scatter": "rad"},
    ComponentKind.HADRON_DECAY: {"mass": "GeV"},
    ComponentKind.TRIDENT: {"lowest": "GeV", "highest": "GeV", "scatter": "rad"},
    ComponentKind.BEAM_HADRON: {"lowest": "1", "highest": "1", "showers_from": "GeV", "transverse": "GeV"},
    ComponentKind.MUON_BOSON: {"mass": "GeV", "lowest": "1"},
    ComponentKind.RANDOM: {},
    ComponentKind.LED: {f"{CALORIMETER}_cell": "GeV", f"{MODULES}_cell": "GeV"},
}
"""Parameters of each kind and their units."""

SIGNALS = (
    ComponentKind.DARK_PHOTON,
    ComponentKind.ANNIHILATION,
    ComponentKind.ELECTRON_PAIR,
    ComponentKind.MUON_BOSON,
)
"""Kinds of which a part of the beam's energy is missing, or was until a decay."""

OF_DUMP = (
    ComponentKind.DUMP_ELECTRON,
    ComponentKind.DUMP_HADRON,
    ComponentKind.DUMP_MUON,
    ComponentKind.DUMP_DIMUON,
    ComponentKind.SHORT_KAON,
    ComponentKind.NEUTRAL_HADRON,
    ComponentKind.ELECTRON_PAIR,
)
"""Kinds of a campaign with a dump in front of the ECAL."""

OF_MUONS = (
    ComponentKind.BEAM_MUON,
    ComponentKind.MOMENTUM_TAIL,
    ComponentKind.MUON_LOSS,
    ComponentKind.HADRON_DECAY,
    ComponentKind.TRIDENT,
    ComponentKind.BEAM_HADRON,
    ComponentKind.MUON_BOSON,
)
"""Kinds of a campaign with a beam of muons."""

OF_ANY = (ComponentKind.RANDOM, ComponentKind.LED)
"""Kinds that do without a beam."""
