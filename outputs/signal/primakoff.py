"""Axion-like particles that photons of the shower make on nuclei, gamma Z -> a Z (Primakoff).

Formula: 2101.12192. The photon's energy is the particle's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.outputs.signal.integration import LOWEST, shower
from na64.outputs.signal.matter import ALPHA, LEAD, PICOBARN, Nucleus

Floats = NDArray[np.float64]


def cross_section(mass: float, energy: ArrayLike, nucleus: Nucleus = LEAD) -> Floats:
    """Cross-section per g^2 for photons of an energy, pb GeV^2.

    Parameters
    ----------
    mass : float, GeV
    energy : array of float64, GeV
    nucleus : Nucleus

    Returns
    -------
    array of float64
        0 where the formula is no longer positive: the least momentum transfer breaks the nucleus' coherence.
    """
    lowest = mass**4 / (4 * np.asarray(energy, dtype=np.float64) ** 2)
    logarithm = np.log((nucleus.size + lowest) / (nucleus.screening + lowest)) - 2
    result: Floats = np.maximum(PICOBARN * ALPHA * nucleus.charge**2 / 8 * logarithm, 0.0)
    return result


def primakoff_spectrum(
    mass: float, *, threshold: float, beam_energy: float, nucleus: Nucleus = LEAD
) -> tuple[Floats, Floats]:
    """Axion-like particles per electron or positron on target and g^2.

    Parameters
    ----------
    mass, threshold, beam_energy : float, GeV
    nucleus : Nucleus

    Returns
    -------
    energy, number : (n,) float64
        GeV, and GeV^2 at each; the node at the threshold counts by half.

    Raises
    ------
    ValueError
        A threshold for which the shower is not followed.
    """
    if not LOWEST * beam_energy <= threshold < beam_energy:
        raise ValueError(
            f"photons above {threshold:g} GeV: expected {LOWEST * beam_energy:g} to {beam_energy:g} GeV"
        )
    lengths = shower(beam_energy)
    inside = np.clip((lengths.energy - threshold) / lengths.step + 0.5, 0.0, 1.0)
    inside = inside * (lengths.energy > mass)
    kept = inside > 0
    energy = lengths.energy[kept]
    made = nucleus.per_picobarn * (inside * lengths.photon)[kept]
    return energy, made * cross_section(mass, energy, nucleus)
