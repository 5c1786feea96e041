"""Read the `Setup` of a period from its tables."""

from __future__ import annotations

from typing import Any

from na64.datasets.basics.sourced_values import FactReader
from na64.datasets.instrument.detector import Detector, Detectors, Setup, ShowerTemplate
from na64.datasets.instrument.further import read_detector, with_further
from na64.datasets.instrument.roles import CALORIMETER, MODULES, STANDARD_DETECTORS, STANDARD_ROLES


def read_setup(facts: FactReader, beam_energy: float) -> Setup:
    """Detectors, trigger, HCAL modules, muon and veto numbers, the shower template, and further features.

    Parameters
    ----------
    facts : FactReader
        Of the whole period.
    beam_energy : float
        GeV.

    Raises
    ------
    KeyError, ValueError
        A missing or wrong entry; names the file and the key.
    """
    there = {name: facts.child(name) for name in STANDARD_ROLES if facts.has(name)}
    detectors = {name: _standard_detector(name, table) for name, table in there.items()}
    setup = Setup(
        Detectors(tuple(detectors.values())),
        facts.child("trigger").integer("physics_mask"),
        template=_template(there[CALORIMETER].child("template")) if CALORIMETER in there else None,
        **(_of_modules(there[MODULES], detectors[MODULES]) if MODULES in there else {}),
    )
    return with_further(setup, facts, beam_energy)


def _standard_detector(name: str, facts: FactReader) -> Detector:
    standard = STANDARD_DETECTORS[name]
    facts.require("shape", "scale", "n_sigma", "expected_time", "time_sigma", *standard.requires)
    return read_detector(name, facts, standard.role)


def _of_modules(facts: FactReader, modules: Detector) -> dict[str, Any]:
    middle, name = modules.middle, modules.name
    if not modules.sums and any(cells != (modules.place(*middle),) for cells in modules.centre_cells):
        raise ValueError(
            f"{facts.place('centre_cells')}: the features of {name} are of the middle cell {list(middle)} of "
            f"each module; those of others are of [[{name}.sum]], or of a [[detector]] with a name of its own"
        )
    return {
        "chosen_modules": _numbers(facts, "modules", modules),
        "subtracted_modules": _numbers(facts, "subtracted_modules", modules),
        "topology_threshold": facts.number("topology_threshold", "GeV"),
        "topology_peripheral_only": facts.flag("topology_peripheral_only"),
        "muon_module_2": facts.number(f"muon_{name}_2", "GeV"),
        "muon_centre": facts.number("muon_centre", "GeV"),
        "muon_module_2_with_centre": facts.number(f"muon_{name}_2_with_centre", "GeV"),
    }


def _numbers(facts: FactReader, key: str, modules: Detector) -> tuple[int, ...]:
    numbers, n_modules = facts.integers(key), modules.shape[0]
    if len(set(numbers)) != len(numbers) or max(numbers, default=n_modules) >= n_modules:
        raise ValueError(f"{facts.place(key)}: {numbers} are not modules of {n_modules}")
    return numbers


def _template(facts: FactReader) -> ShowerTemplate:
    return ShowerTemplate(
        core=facts.number("core", "mm"),
        tail=facts.number("tail", "mm"),
        core_slope=facts.number("core_slope", "mm"),
        tail_slope=facts.number("tail_slope", "mm"),
        core_fraction=facts.number("core_fraction"),
        stochastic=facts.number("stochastic"),
        constant=facts.number("constant"),
        noise=facts.number("noise", "GeV"),
        ring=facts.integer("ring"),
    )
