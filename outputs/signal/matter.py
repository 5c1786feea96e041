"""Constants of nature and the target's nucleus."""

from __future__ import annotations

from dataclasses import dataclass

ALPHA = 1 / 137.035999
"""Fine-structure constant, rounded where the rubidium and the caesium value still agree."""
ELECTRON_MASS, MUON_MASS, TAU_MASS, PION_MASS = 0.51099895e-3, 0.1056583755, 1.77686, 0.13957039
"""GeV [PDG 2022]."""
PICOBARN = 0.3893794e9
"""A cross-section of 1 GeV^-2 in pb [PDG 2022]."""
AVOGADRO = 6.02214076e23
"""Nuclei a mole."""
_DALTON = 0.93149410
_PICOBARN_IN_CM2 = 1e-36


@dataclass(frozen=True, slots=True)
class Nucleus:
    """A nucleus of the target, and how much of it makes a radiation length.

    Attributes
    ----------
    charge : float
    mass_number : float
        g/mol.
    radiation_length : float
        g/cm2.
    """

    charge: float
    mass_number: float
    radiation_length: float

    def __post_init__(self) -> None:
        for name in ("charge", "mass_number", "radiation_length"):
            if not getattr(self, name) > 0:
                raise ValueError(f"nucleus: {name} is {getattr(self, name)}, expected above 0")

    @property
    def mass(self) -> float:
        """GeV."""
        return self.mass_number * _DALTON

    @property
    def screening(self) -> float:
        """Momentum transfer t_a = 1 / a^2 below which the electrons screen the charge, GeV^2 (0906.0580)."""
        return float((ELECTRON_MASS * self.charge ** (1 / 3) / 111) ** 2)

    @property
    def size(self) -> float:
        """Momentum transfer t_d above which the nucleus is no point, GeV^2 (0906.0580)."""
        return float(0.164 * self.mass_number ** (-2 / 3))

    @property
    def per_picobarn(self) -> float:
        """Reactions that a cross-section of 1 pb makes in a radiation length, per particle."""
        return AVOGADRO / self.mass_number * self.radiation_length * _PICOBARN_IN_CM2


LEAD = Nucleus(charge=82, mass_number=207.2, radiation_length=6.37)
"""98.7 % of a radiation length of the ECAL is lead (plates of 1.5 mm lead, 1.5 mm scintillator: [M])."""

TUNGSTEN = Nucleus(charge=74, mass_number=183.84, radiation_length=6.76)
"""Of the dump of the visible search; its scintillator is left out, as that of the ECAL [PDG 2022]."""

CARBON = Nucleus(charge=6, mass_number=12.011, radiation_length=42.70)
HYDROGEN = Nucleus(charge=1, mass_number=1.008, radiation_length=63.04)
"""Of scintillators [PDG 2022]."""

NUCLEI: dict[str, Nucleus] = {"Pb": LEAD, "W": TUNGSTEN, "C": CARBON, "H": HYDROGEN}
"""Nuclei that a search card can name."""
