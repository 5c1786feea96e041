"""Muons that become taus at a nucleus and emit a scalar: mu Z -> tau phi Z, of the coupling g phi tau mu.

The nucleus is a beam of photons (Weizsaecker and Williams):

    sigma = (alpha / pi) int ds chi(t_min(s)) / (s - m_mu^2)  sigma(gamma mu -> tau phi)

of which the squared amplitude is summed over spins with Dirac matrices [D]. With a muon in place of the tau
it is the radiation of scalars, and within 1.5 % of exact tree level from 30 MeV to 1 GeV.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.flux import flux
from na64.outputs.signal.matter import ALPHA, LEAD, MUON_MASS, PICOBARN, TAU_MASS, Nucleus

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

_ANGLES, _ENERGIES = 48, 60
_LARGEST_TRANSFER = 1.0
"""GeV: momentum transfer beyond which a nucleus stays no longer whole."""


def _gammas() -> Complex:
    """Dirac matrices with an upper index: (4, 4, 4)."""
    pauli = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], np.complex128)
    found = np.zeros((4, 4, 4), np.complex128)
    found[0] = np.diag([1, 1, -1, -1])
    for place, sigma in enumerate(pauli):
        found[place + 1, :2, 2:], found[place + 1, 2:, :2] = sigma, -sigma
    return found


_GAMMA = _gammas()
_METRIC: Floats = np.array([1.0, -1.0, -1.0, -1.0])
_ONE = np.eye(4)


def _slashed(momentum: Floats) -> Complex:
    """Contraction with the Dirac matrices of (n, 4): (n, 4, 4)."""
    found: Complex = np.einsum("ni,i,ijk->njk", momentum, _METRIC, _GAMMA)
    return found


def photon_cross_section(s: Floats, mass: float, lepton_mass: float = TAU_MASS) -> Floats:
    """Cross-section of gamma mu -> lepton phi at coupling 1: (n,) float64, pb.

    Parameters
    ----------
    s : (n,) float64, GeV^2
        Above the threshold.
    mass : float, GeV
        Of the scalar.
    lepton_mass : float, GeV
        Of the lepton that is made.
    """
    root = np.sqrt(s)
    before = (s - MUON_MASS**2) / (2 * root)
    energy = (s + lepton_mass**2 - mass**2) / (2 * root)
    after = np.sqrt(np.maximum(energy**2 - lepton_mass**2, 0.0))
    cosine, weights = np.polynomial.legendre.leggauss(_ANGLES)
    by_angle = np.stack(
        [_squared_amplitude(before, after, energy, float(one), lepton_mass) for one in cosine], axis=1
    )
    found: Floats = PICOBARN * after / before / (32 * math.pi * s) * (by_angle @ weights)
    return found


def _squared_amplitude(
    before: Floats, after: Floats, energy: Floats, cosine: float, lepton_mass: float
) -> Floats:
    """Squared amplitude at coupling 1, averaged over spins of photon and muon: (n,) float64.

    In the frame of the centre of mass: the photon flies along z, the lepton at an angle to the muon.
    """
    none, sine = np.zeros_like(before), math.sqrt(1 - cosine**2)
    photon = np.stack([before, none, none, before], axis=1)
    muon = np.stack([np.hypot(before, MUON_MASS), none, none, -before], axis=1)
    lepton = np.stack([energy, after * sine, none, -after * cosine], axis=1)
    total, crossed = muon + photon, lepton - photon
    s_pole = (total**2 @ _METRIC - MUON_MASS**2)[:, None, None]
    u_pole = (crossed**2 @ _METRIC - lepton_mass**2)[:, None, None]
    by_muon = (_slashed(total) + MUON_MASS * _ONE) / s_pole
    by_lepton = (_slashed(crossed) + lepton_mass * _ONE) / u_pole
    vertex = np.einsum("nij,vjk->nvik", by_muon, _GAMMA) + np.einsum("vij,njk->nvik", _GAMMA, by_lepton)
    barred = np.einsum("ij,nvkj,kl->nvil", _GAMMA[0], vertex.conj(), _GAMMA[0])
    incoming, outgoing = _slashed(muon) + MUON_MASS * _ONE, _slashed(lepton) + lepton_mass * _ONE
    traced = np.einsum("nij,nvjk,nkl,nvli,v->n", outgoing, vertex, incoming, barred, -_METRIC, optimize=True)
    found: Floats = math.pi * ALPHA * traced.real
    return found


def conversion_cross_section(
    mass: float, energy: float, *, lepton_mass: float = TAU_MASS, nucleus: Nucleus = LEAD
) -> float:
    """Cross-section of mu Z -> lepton phi Z at coupling 1, pb; 0 below its threshold.

    Parameters
    ----------
    mass : float, GeV
        Of the scalar.
    energy : float, GeV
        Of the muon.
    lepton_mass : float, GeV
        Of the lepton that is made.
    nucleus : Nucleus

    Raises
    ------
    ValueError
        A mass below 0, or an energy that is not above the mass of the muon.
    """
    if not (mass >= 0 and energy > MUON_MASS):
        raise ValueError(f"scalar of {mass:g} GeV by a muon of {energy:g} GeV: no such particles")
    least = (mass + lepton_mass) ** 2
    most = MUON_MASS**2 + 2 * energy * _LARGEST_TRANSFER
    if least >= most:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(_ENERGIES)
    width = math.log(most / least)
    s = least * np.exp(width * (nodes + 1) / 2)
    transfer = ((s - MUON_MASS**2) / (2 * energy)) ** 2
    chi = flux(transfer, np.full_like(s, _LARGEST_TRANSFER**2), nucleus)
    by_energy = chi / (s - MUON_MASS**2) * photon_cross_section(s, mass, lepton_mass) * s
    return ALPHA / math.pi * width / 2 * float(weights @ by_energy)


def taus_per_muon(mass: float, *, beam_energy: float = 160.0, radiation_lengths: float = 40.0) -> float:
    """Taus per muon that crosses lead, at coupling 1; the muon loses no energy."""
    return LEAD.per_picobarn * radiation_lengths * conversion_cross_section(mass, beam_energy)
