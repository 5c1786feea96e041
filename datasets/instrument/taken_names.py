"""Names that a feature of one's own cannot have, whoever makes it: period, layout, plug-in or formula."""

from __future__ import annotations

from collections.abc import Collection

from na64.datasets.basics.units import UNITS
from na64.datasets.instrument.features import FEATURES, KEYWORDS, NUMBERS
from na64.datasets.instrument.formula import CONSTANTS, FUNCTIONS

TAKEN: dict[str, Collection[str]] = {
    "feature": FEATURES,
    "number of an event": NUMBERS,
    "constant": CONSTANTS,
    "function": FUNCTIONS,
    "unit": UNITS,
    "key of a cut": KEYWORDS,
}
"""What a name may be already: in a formula, a cut or a table of events it would have two meanings."""


def noun_of(name: str) -> str:
    """What a name is already, as a noun; empty if it is free."""
    return next((noun for noun, names in TAKEN.items() if name in names), "")
