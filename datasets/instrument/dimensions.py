"""Dimensions of formulas: powers of the base units, or those of any number that is written out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from na64.datasets.basics.units import UNITS

_BASE = tuple(dict.fromkeys(unit.base for unit in UNITS.values() if unit.base != "1"))


@dataclass(frozen=True, slots=True)
class Dimension:
    """Powers of the base units.

    Attributes
    ----------
    powers : tuple of Fraction
        Of each base unit but 1.
    any : bool
        A number that is written out: it has the unit of what it stands with.
    """

    powers: tuple[Fraction, ...] = (Fraction(0),) * len(_BASE)
    any: bool = False

    def __str__(self) -> str:
        """As people write it: ``GeV mm^-1``."""
        parts = [
            unit if power == 1 else f"{unit}^{power}"
            for unit, power in zip(_BASE, self.powers, strict=True)
            if power
        ]
        return " ".join(parts) or "1"

    def times(self, other: Dimension, sign: int) -> Dimension:
        """Dimension of a product, or for ``sign`` -1 of a quotient."""
        powers = tuple(a + sign * b for a, b in zip(self.powers, other.powers, strict=True))
        return Dimension(powers, self.any and other.any)

    def power(self, exponent: float) -> Dimension:
        """Dimension of a power."""
        return Dimension(tuple(power * Fraction(exponent) for power in self.powers), self.any)


PLAIN = Dimension()
"""Of plain numbers."""

ANY = Dimension(any=True)
"""Of a number that is written out."""


def dimension_of(unit: str) -> Dimension:
    """Dimension of a base unit."""
    return Dimension(tuple(Fraction(int(unit == base)) for base in _BASE))
