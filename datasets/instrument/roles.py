"""The roles of detectors: what one consists of and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib.resources import files

from na64.datasets.basics.toml import TomlTable, load_table


class Role(Enum):
    """What kind of detector it is, which decides its columns and its features."""

    CALORIMETER = "calorimeter"
    MODULES = "modules"
    COUNTERS = "counters"
    PADDLES = "paddles"
    TRACKER = "tracker"


class CellOrder(Enum):
    """How files number the cells of a plane or module."""

    Y_FASTEST = "y_fastest"
    X_FASTEST = "x_fastest"


class Kernel(Enum):
    """What makes the standard features of a detector of its cells."""

    CALORIMETER = "calorimeter"
    MODULES = "modules"
    WHOLE = "whole"
    COUNTERS = "counters"
    PADDLES = "paddles"


@dataclass(frozen=True, slots=True)
class StandardDetector:
    """A detector that is a table of its own in the file of a period.

    Attributes
    ----------
    name : str
    role : Role
    kernel : Kernel
    cell : str
        What one of its cells is.
    requires : tuple of str
        What its table has to state besides cells, calibration and timing.
    apart : bool
        No box below two energies is about it.
    """

    name: str
    role: Role
    kernel: Kernel
    cell: str
    requires: tuple[str, ...] = ()
    apart: bool = False


def _standard(table: TomlTable) -> StandardDetector:
    return StandardDetector(
        name=table.text("name"),
        role=Role(table.text("role")),
        kernel=Kernel(table.text("kernel")),
        cell=table.text("cell"),
        requires=table.texts("requires", ()),
        apart=table.flag("apart", False),
    )


STANDARD_DETECTORS: dict[str, StandardDetector] = {
    one.name: one
    for one in map(_standard, load_table(files(__package__) / "detectors.toml").tables("detectors"))
}
"""By name, in the order their columns are listed."""

STANDARD_ROLES: dict[str, Role] = {name: one.role for name, one in STANDARD_DETECTORS.items()}
"""Their roles."""

APART = frozenset(name for name, one in STANDARD_DETECTORS.items() if one.apart)
"""Those that no box below two energies is about."""

_BY_KERNEL = {one.kernel: one.name for one in STANDARD_DETECTORS.values()}
CALORIMETER, MODULES = _BY_KERNEL[Kernel.CALORIMETER], _BY_KERNEL[Kernel.MODULES]
COUNTERS, PADDLES = _BY_KERNEL[Kernel.COUNTERS], _BY_KERNEL[Kernel.PADDLES]
SURROUNDING = _BY_KERNEL[Kernel.WHOLE]
"""Names of the calorimeter that stops the beam, of the modules behind it, of counters and paddles before and
between them, and of the calorimeter around the beam."""
