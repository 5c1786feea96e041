"""Read the `Setup` of a period from its tables."""

from __future__ import annotations

import math

from na64.datasets.basics.sourced_values import FactReader
from na64.datasets.instrument.detector import Detector, Setup, ShowerTemplate, Timing


def read_setup(facts: FactReader) -> Setup:
    """Read detectors, trigger, HCAL modules, muon and veto numbers and the shower template.

    Parameters
    ----------
    facts : FactReader
        Of the whole period.

    Raises
    ------
    KeyError, ValueError
        A missing or wrong entry; names the file and the key.
    """
    ecal, hcal, veto = facts.child("ecal"), facts.child("hcal"), facts.child("veto")
    ecal_cells, hcal_cells = _detector("ecal", ecal), _detector("hcal", hcal)
    return Setup(
        ecal=ecal_cells,
        hcal=hcal_cells,
        vhcal=_detector("vhcal", facts.child("vhcal")),
        srd=_detector("srd", facts.child("srd")),
        veto=_detector("veto", veto),
        physics_trigger_mask=facts.child("trigger").integer("physics_mask"),
        beam_cell=_beam_cell(ecal, ecal_cells),
        cell_pitch=ecal.number("cell_pitch", "mm"),
        hcal_modules=_modules(hcal, "modules", hcal_cells),
        hcal_subtracted_modules=_modules(hcal, "subtracted_modules", hcal_cells),
        topology_threshold=hcal.number("topology_threshold", "GeV"),
        topology_peripheral_only=hcal.flag("topology_peripheral_only"),
        muon_hcal_2=hcal.number("muon_hcal_2", "GeV"),
        muon_centre=hcal.number("muon_centre", "GeV"),
        muon_hcal_2_with_centre=hcal.number("muon_hcal_2_with_centre", "GeV"),
        veto_mip=veto.number("mip", "GeV"),
        veto_balance=veto.number("balance"),
        template=_template(ecal.child("template")),
    )


def _detector(name: str, facts: FactReader) -> Detector:
    shape = facts.integers("shape")
    if len(shape) != 3 or 0 in shape:
        raise ValueError(f"{facts.place('shape')}: {shape} is not (planes or modules, n_x, n_y)")
    n_cells = math.prod(shape)
    with_pedestal, with_paddles = facts.has("pedestal"), facts.has("sigma_of_cell")
    return Detector(
        name=name,
        shape=(shape[0], shape[1], shape[2]),
        scale=facts.each("scale", "1", n_cells),
        pedestal=facts.number("pedestal", "GeV") if with_pedestal else -math.inf,
        timing=_timing(facts, n_cells),
        sigma_of_cell=facts.integers("sigma_of_cell") if with_paddles else tuple(range(n_cells)),
    )


def _timing(facts: FactReader, n_cells: int) -> Timing:
    timing = Timing(
        n_sigma=facts.number("n_sigma"),
        half_width=facts.number("half_width", "ns") if facts.has("half_width") else None,
        expected=facts.each("expected_time", "ns", n_cells),
        sigma=facts.each("time_sigma", "ns", n_cells),
    )
    widths = [timing.n_sigma, *timing.sigma, *([] if timing.half_width is None else [timing.half_width])]
    if min(widths) <= 0:
        raise ValueError(f"{facts.place()}: a time window of width {min(widths):g} keeps nothing")
    return timing


def _beam_cell(facts: FactReader, ecal: Detector) -> tuple[int, int]:
    cell = facts.integers("beam_cell")
    if len(cell) != 2 or cell[0] >= ecal.shape[1] or cell[1] >= ecal.shape[2]:
        raise ValueError(f"{facts.place('beam_cell')}: {cell} is not a cell of {ecal.shape[1:]}")
    return (cell[0], cell[1])


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
