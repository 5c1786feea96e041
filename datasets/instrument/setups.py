"""Read the `Setup` of a period from its tables."""

from __future__ import annotations

from typing import Any

from na64.datasets.basics.sourced_values import FactReader
from na64.datasets.instrument.detector import Detector, Detectors, Setup, ShowerTemplate
from na64.datasets.instrument.further import read_detector, with_further
from na64.datasets.instrument.roles import STANDARD_ROLES


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
        template=_template(there["ecal"].child("template")) if "ecal" in there else None,
        **(_hcal(there["hcal"], detectors["hcal"]) if "hcal" in there else {}),
    )
    return with_further(setup, facts, beam_energy)


_REQUIRED = {
    "ecal": ("beam_cell", "cell_pitch"),
    "veto": ("mip", "balance"),
}
"""What the table of a detector has to state besides cells, calibration and timing."""


def _standard_detector(name: str, facts: FactReader) -> Detector:
    facts.require("shape", "scale", "n_sigma", "expected_time", "time_sigma", *_REQUIRED.get(name, ()))
    return read_detector(name, facts, STANDARD_ROLES[name])


def _hcal(facts: FactReader, hcal: Detector) -> dict[str, Any]:
    middle = hcal.middle
    if not hcal.sums and any(cells != (hcal.place(*middle),) for cells in hcal.centre_cells):
        raise ValueError(
            f"{facts.place('centre_cells')}: the features of hcal are of the middle cell {list(middle)} of "
            "each module; those of others are of [[hcal.sum]], or of a [[detector]] with a name of its own"
        )
    return {
        "hcal_modules": _modules(facts, "modules", hcal),
        "hcal_subtracted_modules": _modules(facts, "subtracted_modules", hcal),
        "topology_threshold": facts.number("topology_threshold", "GeV"),
        "topology_peripheral_only": facts.flag("topology_peripheral_only"),
        "muon_hcal_2": facts.number("muon_hcal_2", "GeV"),
        "muon_centre": facts.number("muon_centre", "GeV"),
        "muon_hcal_2_with_centre": facts.number("muon_hcal_2_with_centre", "GeV"),
    }


def _modules(facts: FactReader, key: str, hcal: Detector) -> tuple[int, ...]:
    modules = facts.integers(key)
    if len(set(modules)) != len(modules) or max(modules, default=hcal.shape[0]) >= hcal.shape[0]:
        raise ValueError(f"{facts.place(key)}: {modules} are not modules of {hcal.shape[0]}")
    return modules


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
