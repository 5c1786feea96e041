"""The roles of detectors: what one consists of and what is made of it."""

from __future__ import annotations

from enum import Enum


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


STANDARD_ROLES: dict[str, Role] = {
    "ecal": Role.CALORIMETER,
    "hcal": Role.MODULES,
    "vhcal": Role.MODULES,
    "srd": Role.COUNTERS,
    "veto": Role.PADDLES,
}
"""Detectors that are tables of their own in the file of a period, in the order their columns are listed."""
