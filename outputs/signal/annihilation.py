"""Resonant annihilation of the shower's positrons on atomic electrons, e+ e- -> A' -> dark matter.

Formulas: 1802.03794, 1807.05884 and 2101.12192. All of the positron's energy is missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.beam import ELECTRONS, Beam
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.cascade import STEP, TrackLengths
from na64.outputs.signal.decays import to_fermions, to_scalars
from na64.outputs.signal.integration import LOWEST, shower
from na64.outputs.signal.matter import ALPHA, ELECTRON_MASS, LEAD, PICOBARN
from na64.outputs.signal.quadrature import composite
from na64.outputs.signal.resonance_corrections import Corrections, scales_of

Floats = NDArray[np.float64]


UNCORRECTED = Corrections()
"""Electrons at rest, and nothing radiated before."""


_PANELS: Floats = np.linspace(0, 1, 33)


class Matter(Enum):
    """What the dark photon decays to."""

    DIRAC = "dirac"
    SCALAR = "scalar"


@dataclass(frozen=True, slots=True)
class Resonance:
    """A boson that decays to dark matter; eps is so small that its own part of the width is nothing.

    Attributes
    ----------
    mass : float, GeV
    alpha_d : float
        Coupling to dark matter.
    ratio : float
        m_A' / m_chi.
    matter : Matter
    boson : Boson
        A dark photon, or another one with the same kind of coupling to electrons and to Dirac dark matter.
    """

    mass: float
    alpha_d: float = 0.1
    ratio: float = 3.0
    matter: Matter = Matter.DIRAC
    boson: Boson = Boson.VECTOR

    def __post_init__(self) -> None:
        if not self.mass > 0:
            raise ValueError(f"resonance of {self.mass:g} GeV: expected a mass above 0")
        if not 0 < self.alpha_d <= 4 * math.pi:  # where g_D = sqrt(4 pi alpha_D) is 4 pi: no expansion beyond
            raise ValueError(f"alpha_D = {self.alpha_d:g}: expected above 0 and up to 4 pi")
        if not self.ratio > 2:
            raise ValueError(f"m_A' is {self.ratio:g} m_chi: the dark photon decays to dark matter above 2")
        if self.matter is Matter.SCALAR and self.boson is not Boson.VECTOR:
            raise ValueError(f"{self.boson.text}: its decay to scalar dark matter is not known here")

    @property
    def width(self) -> float:
        """GeV."""
        daughter = self.mass / self.ratio
        if self.matter is Matter.DIRAC:
            return to_fermions(self.boson, self.mass, daughter, self.alpha_d)
        return to_scalars(self.mass, daughter, self.alpha_d)

    @property
    def energy(self) -> float:
        """Energy of the positron at the peak, GeV."""
        return self.mass**2 / (2 * ELECTRON_MASS) - ELECTRON_MASS


def cross_section(resonance: Resonance, energy: Floats) -> Floats:
    """Cross-section per electron for positrons of `energy` (n,) GeV: (n,) float64, pb per eps^2."""
    s = 2 * ELECTRON_MASS * (energy + ELECTRON_MASS)
    q2 = np.maximum(s / 4 - (resonance.mass / resonance.ratio) ** 2, 0.0)
    factor = _factor(resonance, s, q2)
    peak = (s - resonance.mass**2) ** 2 + (resonance.mass * resonance.width) ** 2
    coupling = PICOBARN * 4 * math.pi * ALPHA * resonance.alpha_d
    result: Floats = coupling * np.sqrt(q2 / s) * factor / peak
    return result


def _factor(resonance: Resonance, s: Floats, q2: Floats) -> Floats:
    """F of the cross-section, GeV^2: of other bosons than vectors with the electron's mass left out."""
    if resonance.matter is Matter.SCALAR:
        return 2 / 3 * q2
    if resonance.boson is Boson.VECTOR:
        return s - 4 / 3 * q2
    if resonance.boson is Boson.AXIAL:
        return 8 / 3 * q2
    return s / 2 if resonance.boson is Boson.PSEUDOSCALAR else 2 * q2


def resonant_yield(
    resonance: Resonance,
    *,
    threshold: float = 50.0,
    beam: Beam = ELECTRONS,
    corrections: Corrections = UNCORRECTED,
) -> float:
    """Dark photons per particle on target and eps^2 with more than `threshold` missing, GeV.

    The positrons are those of the shower, and with a beam of positrons also the beam's own.
    """
    _, number = resonant_spectrum(resonance, threshold=threshold, beam=beam, corrections=corrections)
    return float(number.sum())


def resonant_spectrum(
    resonance: Resonance,
    *,
    threshold: float = 50.0,
    beam: Beam = ELECTRONS,
    corrections: Corrections = UNCORRECTED,
) -> tuple[Floats, Floats]:
    """Dark photons per particle on target and eps^2 by the energy that is missing.

    Parameters
    ----------
    resonance : Resonance
    threshold : float, GeV
        Least missing energy.
    beam : Beam
    corrections : Corrections
        By default electrons are at rest, and nothing is radiated before.

    Returns
    -------
    energy, number : (n,) float64
        GeV, and dark photons about each.

    Raises
    ------
    ValueError
        The shower is not followed down to the threshold, or has no such energy.
    """
    if not LOWEST * beam.energy <= threshold < beam.energy:
        raise ValueError(
            f"missing energy above {threshold:g} GeV: expected {LOWEST * beam.energy:g} to {beam.energy:g}"
        )
    scales = scales_of(corrections, resonance.mass)
    kept = threshold / scales.missing < beam.energy
    scale, share, weight = scales.scale[kept], scales.missing[kept], scales.weight[kept]
    nodes, steps = _energies(resonance, threshold / share, beam.energy, scale)
    positrons = _density(shower(beam.energy), beam.particle == "e+", nodes)
    made = weight[:, None] * steps * positrons * cross_section(resonance, scale[:, None] * nodes)
    return (share[:, None] * nodes).ravel(), LEAD.charge * LEAD.per_picobarn * made.ravel()


def _density(lengths: TrackLengths, has_positrons: bool, energies: Floats) -> Floats:
    """Radiation lengths a GeV that positrons travel at energies, in their shape.

    The shower of a positron has the positrons that the one of an electron has electrons. What the beam
    travels before it radiates lies at the first node, which stands for half a step below its energy.
    """
    travelled = lengths.electron if has_positrons else lengths.positron
    density = travelled / lengths.step
    below = lengths.energy[0] - lengths.step / 2
    found = np.interp(energies, lengths.energy[:0:-1], density[:0:-1])
    result: Floats = np.where(energies > below, 2 * density[0], found)
    return result


def _energies(resonance: Resonance, lowest: Floats, highest: float, scale: Floats) -> tuple[Floats, Floats]:
    """Step evenly in the angle that makes the peak flat: nodes and weights (n, m), GeV.

    The peak is where `scale` (n,) times the energy is that of the resonance. The last step of the shower,
    where all that a beam travels undisturbed lies, has nodes of its own.
    """
    width = (resonance.mass * resonance.width / (2 * ELECTRON_MASS) / scale)[:, None]
    peak = (resonance.energy / scale)[:, None]
    last = np.maximum(highest - STEP / 2, (lowest + highest) / 2)
    first, middle, end = (
        np.arctan((one[:, None] - peak) / width) for one in (lowest, last, np.full(1, highest))
    )
    inner, outer = composite(_PANELS, 8), composite((0.0, 1.0), 8)
    angle = np.hstack([first + (middle - first) * inner[0], middle + (end - middle) * outer[0]])
    weights = np.hstack([(middle - first) * inner[1], (end - middle) * outer[1]])
    return peak + width * np.tan(angle), weights * width / np.cos(angle) ** 2
