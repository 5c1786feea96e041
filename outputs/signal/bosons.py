"""Neutral bosons by their coupling to leptons."""

from __future__ import annotations

from enum import Enum


class Boson(Enum):
    """New neutral boson, by its coupling to a lepton (Lorentz structure of the current)."""

    SCALAR = "S"
    PSEUDOSCALAR = "P"
    VECTOR = "V"
    AXIAL = "A"

    @property
    def text(self) -> str:
        """As an error names it."""
        return "dark photon" if self is Boson.VECTOR else self.name.lower()
