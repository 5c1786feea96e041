"""Units: everything inside is in GeV, mm, ns, rad and MIP; conversion happens where a file is read."""

from __future__ import annotations

from dataclasses import dataclass

from na64.datasets.basics.toml import TomlTable, unknown


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as ``multiply / divide`` of its base unit; one of the two is 1, so a conversion rounds once."""

    name: str
    base: str
    multiply: int = 1
    divide: int = 1


_LISTED = [
    Unit("1", "1"),
    Unit("GeV", "GeV"),
    Unit("TeV", "GeV", multiply=1_000),
    Unit("MeV", "GeV", divide=1_000),
    Unit("keV", "GeV", divide=1_000_000),
    Unit("mm", "mm"),
    Unit("cm", "mm", multiply=10),
    Unit("m", "mm", multiply=1_000),
    Unit("ns", "ns"),
    Unit("us", "ns", multiply=1_000),
    Unit("ps", "ns", divide=1_000),
    Unit("rad", "rad"),
    Unit("mrad", "rad", divide=1_000),
    Unit("MIP", "MIP"),
    Unit("T", "T"),
]

UNITS: dict[str, Unit] = {unit.name: unit for unit in _LISTED}
"""Every unit by name."""


def unit_of(name: str, base: str) -> Unit:
    """Look a unit up and check that it measures what `base` measures.

    Raises
    ------
    KeyError
        No such unit; names the nearest.
    ValueError
        A unit of something else.
    """
    if name not in UNITS:
        raise KeyError(unknown("unit", name, UNITS))
    unit = UNITS[name]
    if unit.base != base:
        raise ValueError(f'unit "{name}" cannot be converted to "{base}"')
    return unit


def to_base(value: float, unit: str, base: str) -> float:
    """Convert a number to the base unit, exactly rounded: 80 MeV is 80 / 1000 GeV, not 80 * 0.001.

    Parameters
    ----------
    value : float
    unit : str
        The unit it is in, one of `UNITS`.
    base : str
        The base unit it must come out in: GeV, mm, ns, rad, MIP or 1.
    """
    found = unit_of(unit, base)
    return value * found.multiply / found.divide


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number or several with where they come from, in a base unit.

    Attributes
    ----------
    values : tuple of float
    unit : str
    source : str
        Provenance tag, such as ``[V: EJ]``; ``NOT FOUND`` marks a configuration value.
    """

    values: tuple[float, ...]
    unit: str
    source: str


def read_source(table: TomlTable) -> str:
    """Read the provenance tag of a table, which must not be empty."""
    source = table.text("source")
    if not source.strip():
        raise ValueError(f"{table.place('source')}: is empty")
    return source


def _entry(table: TomlTable, key: str, base: str) -> TomlTable:
    """Table of a quantity; the message where it is none shows one."""
    try:
        return table.table(key)
    except ValueError as error:
        unit = "" if base == "1" else f'unit = "{base}", '
        raise ValueError(f'{error} like {{ value = 1, {unit}source = "..." }}') from error


def read_quantity(table: TomlTable, key: str, base: str) -> Quantity:
    """Read ``key = { value = 16.5, unit = "ns", source = "[V: EJ]" }`` (``values`` for several numbers).

    A plain number needs no ``unit``; every quantity needs its ``source``.
    """
    entry = _entry(table, key, base)
    values = entry.numbers("values") if entry.has("values") else (entry.number("value"),)
    unit = entry.text("unit", "1") if base == "1" else entry.text("unit")
    source = read_source(entry)
    entry.done()
    try:
        return Quantity(tuple(to_base(value, unit, base) for value in values), base, source)
    except KeyError as error:
        raise KeyError(f"{entry.place('unit')}: {error.args[0]}") from error
    except ValueError as error:
        raise ValueError(f"{entry.place('unit')}: {error}") from error
