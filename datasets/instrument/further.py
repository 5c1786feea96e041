"""What the file of a period declares besides the standard detectors: detectors, columns and formulas."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from na64.datasets.basics.sourced_values import FactReader
from na64.datasets.basics.toml import unknown
from na64.datasets.basics.units import UNITS
from na64.datasets.instrument.columns import COLUMNS, detector_columns
from na64.datasets.instrument.detector import Detector, Setup, Sum, Timing
from na64.datasets.instrument.features import FEATURES, Feature
from na64.datasets.instrument.formula import FUNCTIONS, Formula, read_formulas
from na64.datasets.instrument.recipes import further_features, part_noun
from na64.datasets.instrument.roles import CALORIMETER, PADDLES, STANDARD_ROLES, CellOrder, Role
from na64.datasets.instrument.spectrometer import read_spectrometer
from na64.datasets.instrument.taken_names import TAKEN

_MOST_CELLS = 4096
_ONLY_OF = {"beam_cell": Role.CALORIMETER, "centre_cells": Role.MODULES, "balance": Role.PADDLES}
_CONSTANTS = {"mip": "GeV", "cell_pitch": "mm", "z": "mm"}
"""What of a detector formulas of the period may use, as ``<detector>_mip`` and so on."""


def with_further(setup: Setup, facts: FactReader, beam_energy: float) -> Setup:
    """The set-up with all detectors, spectrometers, columns and formulas that a period lists.

    Parameters
    ----------
    setup : Setup
        The standard part of it.
    facts : FactReader
        Of the whole period.
    beam_energy : float
        GeV.

    Raises
    ------
    KeyError, ValueError
        A wrong entry, or a name that something else has; names the file, the key and the name.
    """
    for name, entry in facts.named_children("detector"):
        setup = setup.with_detectors(_further_detector(name, entry, setup))
    spectrometers = tuple(
        read_spectrometer(name, entry, _trackers(setup))
        for name, entry in facts.named_children("spectrometer")
    )
    setup = replace(setup, spectrometers=spectrometers)
    columns = tuple(_column(name, entry) for name, entry in facts.named_children("column"))
    setup = replace(setup, columns=columns)
    constants = _constants(setup, facts, beam_energy)
    known = FEATURES | {feature.name: feature for feature in further_features(setup)}
    units = {name: unit for name, (_, unit) in constants.items()}
    formulas = facts.read(lambda table: read_formulas(table, known, units))
    for formula in formulas:
        facts.remember(f"feature.{formula.name}", formula.text, formula.unit, "formula of the period")
    setup = replace(setup, formulas=formulas, constants=_used(constants, formulas))
    _check_names(setup, constants, facts)
    return setup


def _further_detector(name: str, facts: FactReader, setup: Setup) -> Detector:
    if name in STANDARD_ROLES:
        raise ValueError(f'{facts.place("name")}: "{name}" is a table [{name}] of its own')
    if name in setup.detectors:
        raise ValueError(f'{facts.place("name")}: "{name}" is there twice')
    role = facts.word("role", Role)
    for column in detector_columns(name, role):
        if column.name in COLUMNS:
            raise ValueError(f'{facts.place("name")}: column "{column.name}" is of something else already')
    if role is Role.TRACKER:
        return _tracker(name, facts)
    return read_detector(name, facts, role)


def _trackers(setup: Setup) -> tuple[str, ...]:
    return tuple(one.name for one in setup.further if one.role is Role.TRACKER)


def _tracker(name: str, facts: FactReader) -> Detector:
    z = facts.number("z", "mm") if facts.has("z") else None
    return Detector(
        name, (1, 1, 1), (1.0,), -math.inf, Timing(1.0, None, (), ()), (0,), role=Role.TRACKER, z=z
    )


def read_detector(name: str, facts: FactReader, role: Role) -> Detector:
    """Cells, calibration, timing and geometry of a detector, as the file of a period has them.

    Parameters
    ----------
    name : str
    facts : FactReader
        Of the detector.
    role : Role
    """
    _refuse_unused(facts, role)
    shape = _shape(facts)
    n_cells = math.prod(shape)
    if role is Role.PADDLES and n_cells % 2:
        raise ValueError(f"{facts.place('shape')}: {n_cells} photomultipliers, not two a paddle")
    plain = Detector(name, shape, (1.0,) * n_cells, 0.0, Timing(1.0, None, (), ()), (0,) * n_cells, role=role)
    detector = replace(
        plain,
        scale=facts.each("scale", "1", n_cells) if facts.has("scale") else plain.scale,
        pedestal=facts.number("pedestal", "GeV") if facts.has("pedestal") else -math.inf,
        timing=_timing(facts, n_cells),
        sigma_of_cell=_sigma_of_cell(facts, n_cells),
        cell_order=facts.word("cell_order", CellOrder, CellOrder.Y_FASTEST),
        threshold=_optional(facts, "threshold", "GeV") or 0.0,
        mip=_positive(facts, "mip", "GeV"),
        balance=_optional(facts, "balance") or 0.0,
        beam_cell=_beam_cell(facts, plain) if facts.has("beam_cell") else None,
        cell_pitch=_positive(facts, "cell_pitch", "mm"),
        centre_cells=_centre_cells(facts, plain) if facts.has("centre_cells") else (),
        sums=tuple(_sum(one, entry, plain) for one, entry in facts.named_children("sum")),
        resolution=_positive(facts, "resolution"),
        x0=_positive(facts, "x0"),
        interaction_length=_positive(facts, "interaction_length"),
        z=_optional(facts, "z", "mm"),
    )
    return _as_here(detector, has_shared=facts.has("sigma_of_cell"))


def _refuse_unused(facts: FactReader, role: Role) -> None:
    """Refuse a key that makes nothing for this role, so that nobody waits for its feature."""
    for key, of in _ONLY_OF.items():
        if role is not of and facts.has(key):
            raise ValueError(f"{facts.place(key)}: is a key of the role {of.value}, not of {role.value}")


def _shape(facts: FactReader) -> tuple[int, int, int]:
    shape = facts.integers("shape")
    if len(shape) != 3 or 0 in shape or math.prod(shape) > _MOST_CELLS:
        raise ValueError(
            f"{facts.place('shape')}: {shape} is not (planes or modules, n_x, n_y), up to {_MOST_CELLS} cells"
        )
    return (shape[0], shape[1], shape[2])


def _timing(facts: FactReader, n_cells: int) -> Timing:
    half_width, n_sigma = _optional(facts, "half_width", "ns"), _optional(facts, "n_sigma")
    if half_width is None and n_sigma is None:
        raise KeyError(f"{facts.place()}: n_sigma or half_width is missing: which pulses are in time?")
    expected, sigma = (
        facts.each(key, "ns", n_cells) if facts.has(key) else () for key in ("expected_time", "time_sigma")
    )
    narrowest = min(width for width in (half_width, n_sigma, *sigma) if width is not None)
    if narrowest <= 0:
        raise ValueError(f"{facts.place()}: a time window of width {narrowest:g} keeps nothing")
    return Timing(1.0 if n_sigma is None else n_sigma, half_width, expected, sigma)


def _sigma_of_cell(facts: FactReader, n_cells: int) -> tuple[int, ...]:
    if not facts.has("sigma_of_cell"):
        return tuple(range(n_cells))
    cells = facts.integers("sigma_of_cell")
    if len(cells) != n_cells or max(cells) >= n_cells:
        raise ValueError(f"{facts.place('sigma_of_cell')}: {cells} is not one number below {n_cells} a cell")
    return cells


def _optional(facts: FactReader, key: str, base: str = "1") -> float | None:
    return facts.number(key, base) if facts.has(key) else None


def _positive(facts: FactReader, key: str, base: str = "1") -> float | None:
    number = _optional(facts, key, base)
    if number is not None and not number > 0:
        raise ValueError(f"{facts.place(key)}: {number:g} is not positive")
    return number


def _beam_cell(facts: FactReader, detector: Detector) -> tuple[int, int]:
    cell = facts.integers("beam_cell")
    if len(cell) != 2 or cell[0] >= detector.shape[1] or cell[1] >= detector.shape[2]:
        raise ValueError(f"{facts.place('beam_cell')}: {cell} is not a cell of {detector.shape[1:]}")
    return (cell[0], cell[1])


def _centre_cells(facts: FactReader, detector: Detector) -> tuple[tuple[int, ...], ...]:
    """Read ``[ix, iy]``, a cell of every module, or ``[module, ix, iy]``."""
    modules, n_x, n_y = detector.shape
    found: list[list[int]] = [[] for _ in range(modules)]
    for cell in facts.cells("centre_cells"):
        *module, ix, iy = (-1, -1, *cell)[-max(len(cell), 2) :]
        if (
            len(module) > 1
            or not (0 <= ix < n_x and 0 <= iy < n_y)
            or not all(0 <= m < modules for m in module)
        ):
            raise ValueError(f"{facts.place('centre_cells')}: {list(cell)} is not a cell of {detector.shape}")
        for one in module or range(modules):
            found[one].append(detector.place(ix, iy))
    for number, cells in enumerate(found):
        if not cells or len({*cells}) < len(cells):
            what = "is there twice" if cells else "is missing"
            raise ValueError(f"{facts.place('centre_cells')}: a centre of module {number} {what}")
    return tuple(map(tuple, found))


def _sum(name: str, facts: FactReader, detector: Detector) -> Sum:
    parts = facts.integers("parts")
    if not parts or len({*parts}) < len(parts) or max(parts) >= detector.n_parts:
        which = f"different {part_noun(detector.role)}s, from 0 to {detector.n_parts - 1}"
        raise ValueError(f"{facts.place('parts')}: {list(parts)} are not {which}")
    return Sum(name, parts)


def _as_here(detector: Detector, *, has_shared: bool) -> Detector:
    """Put what the file lists cell by cell, as it numbers them, into the order of the cells here."""
    order, timing = detector.order, detector.timing
    of_cell = tuple(detector.sigma_of_cell[cell] for cell in order)
    return replace(
        detector,
        scale=_ordered(detector.scale, order),
        timing=replace(
            timing, expected=_ordered(timing.expected, order), sigma=_ordered(timing.sigma, order)
        ),
        sigma_of_cell=of_cell if has_shared else detector.sigma_of_cell,
    )


def _ordered(values: tuple[float, ...], order: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(values[cell] for cell in order) if values else values


def _column(name: str, facts: FactReader) -> Feature:
    unit, meaning = facts.plain("unit"), facts.plain("meaning")
    if unit not in UNITS or UNITS[unit].base != unit:
        known = [one.name for one in UNITS.values() if one.base == one.name]
        raise KeyError(f"{facts.place('unit')}: {unknown('base unit', unit, known)}")
    facts.remember("name", name, unit, "column of the files")
    return Feature(name, unit, meaning)


def _check_names(setup: Setup, constants: Iterable[str], facts: FactReader) -> None:
    """Refuse a feature, which a column and a formula is too, that is called as something else is."""
    columns = [column.name for one in setup.further for column in detector_columns(one.name, one.role)]
    taken: dict[str, str] = {}
    for noun, names in (("column", [*COLUMNS, *columns]), *TAKEN.items(), ("constant", constants)):
        taken.update((name, noun) for name in names if name not in taken)
    for feature in further_features(setup):
        if feature.name in taken:
            raise ValueError(f'{facts.place()}: feature "{feature.name}" is a {taken[feature.name]} already')
        taken[feature.name] = "feature"


def _constants(setup: Setup, facts: FactReader, beam_energy: float) -> dict[str, tuple[float, str]]:
    """Value and unit of every number that formulas of the period may use."""
    found: dict[str, tuple[float, str]] = {"beam_energy": (beam_energy, "GeV")}
    if CALORIMETER in setup.detectors:
        found["cell_pitch"] = (setup.cell_pitch, "mm")
    if PADDLES in setup.detectors:
        found[f"{PADDLES}_mip"] = (setup.paddle_mip, "GeV")
    found |= _stated_constants(facts, found) if facts.has("constants") else {}
    for detector in setup.further:
        for what, unit in _CONSTANTS.items():
            name = f"{detector.name}_{what}"
            if (value := getattr(detector, what)) is None:
                continue
            if name in found:
                raise ValueError(f'{facts.place(f"constants.{name}")}: "{name}" is that of {detector.name}')
            found[name] = (value, unit)
    return found


def _stated_constants(facts: FactReader, known: Iterable[str]) -> dict[str, tuple[float, str]]:
    table = facts.child("constants")
    found = {}
    for name in table.names():
        if name in (*known, *FEATURES, *FUNCTIONS, *UNITS):
            raise ValueError(f'{table.place(name)}: "{name}" is something else already')
        found[name] = table.constant(name)
    return found


def _used(
    constants: Mapping[str, tuple[float, str]], formulas: Iterable[Formula]
) -> tuple[tuple[str, float], ...]:
    names = {name for formula in formulas for name in formula.inputs}
    return tuple((name, value) for name, (value, _) in constants.items() if name in names)
