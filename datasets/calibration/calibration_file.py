"""The file of a calibration: TOML with its version, its identity, and what it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tomli_w

from na64.datasets.basics.toml import TomlTable, load_table, unknown
from na64.datasets.calibration.constants import (
    BadCell,
    Calibration,
    CellValues,
    Defect,
    DetectorConstants,
    Quantity,
    RunRange,
    unit_of,
)
from na64.datasets.instrument.detector import ShowerTemplate

SCHEMA = 1
"""Version of the file."""

CALIBRATION = "calibration.toml"
"""Name of the file in the folder that `na64 calibrate` writes."""

_HEADER = """\
# Constants of cells by range of runs, made by na64 calibrate: na64 process --calibration THIS_FILE uses them.
# One value a cell, numbered as the detectors of the period are. Energies are in GeV as recorded, times in ns.
# A method "kept" is a value that was not measured and is the one from before; its error is 0.
# If you change a number, delete the line "identity", so that it is known to be your own.

"""
_DIGITS = 6


def rounded(value: float) -> float:
    """A number as files have it, with six digits."""
    return float(f"{value:.{_DIGITS}g}")


def path_of(name_or_path: str | Path) -> Path:
    """File of a calibration: itself, or the one in a folder that `na64 calibrate` wrote.

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    path = Path(name_or_path)
    found = path / CALIBRATION if path.is_dir() else path
    if not found.is_file():
        raise FileNotFoundError(f"calibration {name_or_path}: no such file, nor a folder with {CALIBRATION}")
    return found


def load_calibration(name_or_path: str | Path) -> Calibration:
    """Read a calibration.

    Parameters
    ----------
    name_or_path : str or Path
        A TOML file, or the folder that `na64 calibrate` wrote.

    Raises
    ------
    FileNotFoundError
        There is none.
    KeyError, ValueError
        Something is missing, unknown or wrong, or was edited; names the file and the key.
    """
    path = path_of(name_or_path)
    table = load_table(path)
    schema = table.integer("schema")
    if schema != SCHEMA:
        raise ValueError(f"{table.place('schema')}: {schema} is not {SCHEMA}, the version that is known")
    stated = table.text("identity", "")
    name, made_of = table.text("name"), table.table("made_of", None)
    words = {} if made_of is None else {key: made_of.text(key) for key in made_of.names()}
    try:
        found = Calibration(name, tuple(map(_read_range, table.tables("range"))), words)
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(path.name) else f"{path.name}: {text}") from error
    table.done()
    if stated and stated != found.identity:
        raise ValueError(
            f"{path.name}: was edited: its numbers are not those of its identity {stated[:12]}; without the "
            'line "identity" it is taken as your own'
        )
    return found


def _read_range(table: TomlTable) -> RunRange:
    detectors: dict[str, DetectorConstants] = {}
    for entry in table.tables("detector"):
        if (name := entry.text("name")) in detectors:
            raise ValueError(f"{entry.place('name')}: {name} is there twice")
        detectors[name] = _read_detector(entry)
    template, errors = None, {}
    if (shower := table.table("template", None)) is not None:
        template = _read_template(shower)
        known = shower.table("errors", None)
        errors = {} if known is None else {name: known.number(name) for name in known.names()}
    return RunRange(
        table.integer("first"),
        table.integer("last"),
        table.text("period"),
        detectors,
        tuple(map(_read_bad, table.tables("bad", ()))),
        template,
        errors,
    )


def _read_template(table: TomlTable) -> ShowerTemplate:
    names = [name for name in ShowerTemplate.__dataclass_fields__ if name != "ring"]
    return ShowerTemplate(**{name: table.number(name) for name in names}, ring=table.integer("ring"))


def _read_bad(table: TomlTable) -> BadCell:
    word = table.text("defect")
    if word not in [one.value for one in Defect]:
        raise ValueError(f"{table.place('defect')}: {unknown('defect', word, [d.value for d in Defect])}")
    return BadCell(table.text("detector"), table.integer("cell"), Defect(word), table.text("reason"))


def _read_detector(table: TomlTable) -> DetectorConstants:
    values = {}
    for quantity in Quantity:
        entry = table.table(quantity.value, None)
        if entry is not None:
            values[quantity] = _read_values(entry, quantity)
    try:
        return DetectorConstants(table.text("base"), values)
    except ValueError as error:
        raise ValueError(f"{table.place()}: {error}") from error


def _read_values(table: TomlTable, quantity: Quantity) -> CellValues:
    if (unit := table.text("unit")) != unit_of(quantity):
        raise ValueError(f"{table.place('unit')}: {unit} is not {unit_of(quantity)}")
    try:
        return CellValues(
            table.numbers("values"),
            table.numbers("errors"),
            table.integers("entries"),
            table.texts("methods"),
        )
    except ValueError as error:
        place = table.place()
        raise ValueError(str(error) if place in str(error) else f"{place}: {error}") from error


def to_toml(calibration: Calibration) -> bytes:
    """Text of the file of a calibration, whose numbers have to be `rounded`."""
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "name": calibration.name,
        "identity": calibration.identity,
        "made_of": dict(calibration.made_of),
        "range": [_range_table(part) for part in calibration.ranges],
    }
    return (_HEADER + tomli_w.dumps(content)).encode()


def _range_table(part: RunRange) -> dict[str, Any]:
    table: dict[str, Any] = {"first": part.first, "last": part.last, "period": part.period}
    table["detector"] = [
        {"name": name, "base": constants.base, **_values_tables(constants.values)}
        for name, constants in part.detectors.items()
    ]
    table["bad"] = [
        {"detector": b.detector, "cell": b.cell, "defect": b.defect.value, "reason": b.reason}
        for b in part.bad
    ]
    if part.template is not None:
        table["template"] = {**asdict(part.template), "errors": dict(part.template_errors or {})}
    return table


def _values_tables(values: Mapping[Quantity, CellValues]) -> dict[str, dict[str, Any]]:
    return {
        quantity.value: {
            "unit": unit_of(quantity),
            "values": list(listed.values),
            "errors": list(listed.errors),
            "entries": list(listed.entries),
            "methods": list(listed.methods),
        }
        for quantity, listed in values.items()
    }
