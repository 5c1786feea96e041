"""Exact tree-level spectrum of bosons radiated by a lepton off a heavy nucleus with a form factor.

The nucleus is a heavy scalar; the two diagrams in which the lepton radiates are squared exactly. Momenta:
lepton p -> p', boson k, nucleus P -> P', with t = -(P - P')^2, s = (p' + k)^2 - m_l^2,
u = (p - k)^2 - m_l^2 and V = P + P'. The nucleus is at rest; its azimuth is integrated in closed form,
the rest by quadrature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.flux import elastic
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import ALPHA, PICOBARN
from na64.outputs.signal.quadrature import composite

Floats = NDArray[np.float64]

_ANGLE_PANELS, _ANGLE_POINTS = (0.0, 0.12, 0.3, 0.6, 1.0), 8
_TRANSFER_PANELS, _TRANSFER_POINTS = 6, 8
_FARTHEST = 16.0
"""U reaches e^16 times its least; the cross-section falls as 1 / U^2."""
_HIGHEST_TRANSFER = 10.0
"""GeV^2; the form factor of a nucleus is nothing there."""


@dataclass(frozen=True, slots=True)
class _Emission:
    """Points of x and angle with the limits of t in each: (n,) arrays; GeV."""

    row: NDArray[np.int64]
    photon: Floats
    photon_momentum: Floats
    momentum: float
    virtuality: Floats
    jacobian: Floats
    remainder: Floats
    cosine: Floats
    sine: Floats

    def take(self, kept: NDArray[np.bool_]) -> _Emission:
        columns = {
            field.name: getattr(self, field.name)[kept] for field in fields(self) if field.name != "momentum"
        }
        return replace(self, **columns)


def tree_level_spectrum(radiation: Radiation, x: Floats) -> Floats:
    """D(sigma)/dx.

    Parameters
    ----------
    radiation : Radiation
    x : (n,) float64
        Fractions of the lepton's energy, below `Radiation.largest_x`.

    Returns
    -------
    (n,) float64, pb per eps^2
    """
    emission = _emission(radiation, x)
    low, high = _transfers(radiation, emission)
    allowed = high > low
    emission, low, high = emission.take(allowed), low[allowed], high[allowed]
    positions, weights = composite(np.linspace(0, 1, _TRANSFER_PANELS + 1), _TRANSFER_POINTS)
    span = np.log(high / low)[:, None]
    t = low[:, None] * np.exp(span * positions)
    integrand = elastic(t, radiation.nucleus) / t * _squared_amplitude(radiation, emission, t)
    inner = (integrand * span * weights).sum(axis=1)
    coupling = PICOBARN * 0.5 * (4 * math.pi * ALPHA) ** 3 * 2 * math.pi
    phase_space = (
        radiation.energy
        * emission.photon_momentum
        / (64 * radiation.nucleus.mass**2 * emission.momentum * emission.remainder * (2 * math.pi) ** 4)
    )
    terms = coupling * phase_space * inner * emission.jacobian
    result: Floats = np.bincount(emission.row, weights=terms, minlength=len(x)).astype(np.float64)
    return result


def _emission(radiation: Radiation, x: Floats) -> _Emission:
    """Step in the logarithm of U = -u, in which the cross-section falls smoothly."""
    lepton, mass = radiation.lepton_mass, radiation.mass
    positions, weights = composite(_ANGLE_PANELS, _ANGLE_POINTS)
    row, angle = (indices.ravel() for indices in np.indices((len(x), len(positions))))
    photon = (x * radiation.energy)[row]
    momentum = math.sqrt(radiation.energy**2 - lepton**2)
    k = np.sqrt(np.maximum(photon**2 - mass**2, np.finfo(np.float64).tiny))
    product = momentum * k
    invariant = (lepton * photon) ** 2 + (mass * radiation.energy) ** 2 - (lepton * mass) ** 2
    least = 2 * invariant / (radiation.energy * photon + product) - mass**2
    span = np.minimum(_FARTHEST, np.log1p(4 * product / least))
    virtuality = least * np.exp(span * positions[angle])
    one_minus_cosine = (virtuality - least) / (2 * product)
    remainder = np.sqrt((momentum - k) ** 2 + 2 * product * one_minus_cosine)
    return _Emission(
        row=row,
        photon=photon,
        photon_momentum=k,
        momentum=momentum,
        virtuality=virtuality,
        jacobian=span * weights[angle] * virtuality / (2 * product),
        remainder=remainder,
        cosine=(momentum - k * (1 - one_minus_cosine)) / remainder,
        sine=k * np.sqrt(np.maximum(one_minus_cosine * (2 - one_minus_cosine), 0.0)) / remainder,
    )


def _transfers(radiation: Radiation, emission: _Emission) -> tuple[Floats, Floats]:
    """Limits of t: where p' is on its shell with a positive energy; equal where there is none."""
    nucleus, left = radiation.nucleus.mass, radiation.energy - emission.photon
    quadratic = 1 + 2 * left / nucleus + (radiation.lepton_mass**2 - emission.virtuality) / nucleus**2
    linear = 4 * emission.remainder**2 - 2 * emission.virtuality * (1 + left / nucleus)
    discriminant = linear**2 - 4 * quadratic * emission.virtuality**2
    allowed = (discriminant > 0) & (linear > 0)
    root = np.where(allowed, linear + np.sqrt(np.where(allowed, discriminant, 0.0)), 1.0)
    low = 2 * emission.virtuality**2 / root
    positive_energy = 2 * nucleus * (left - radiation.lepton_mass)
    high = np.minimum(np.minimum(root / (2 * quadratic), positive_energy), _HIGHEST_TRANSFER)
    return low, np.where(allowed & (high > low), high, low)


@dataclass(frozen=True, slots=True)
class _Averages:
    """Averages over the azimuth of the nucleus of what squared amplitudes consist of: (n, n_t) arrays.

    s = a - b cos(phi), so the averages of 1, s, 1/s and 1/s^2 are 1, a, 1/r and a/r^3 with r^2 = a^2 - b^2.
    The square of V.p' s + V.p u = slope (s - zero) cancels to the order of t: it is averaged without a loss.

    Attributes
    ----------
    t, u : Floats
    nucleus2 : Floats
        V^2.
    gauge : Floats
        (V.p' s + V.p u)^2 / s^2.
    currents : Floats
        t u ((V.p)^2 + (V.p')^2) / s.
    boson : Floats
        t u (V.k)^2 / s.
    plus, minus, product, rest : Floats
        (s + u)^2 / s^2, (s - u)^2 / s^2, u (s + u)^2 / s, and u (s^2 + u^2 + 2 t (s + t + u)) / s.
    """

    t: Floats
    u: Floats
    nucleus2: Floats
    gauge: Floats
    currents: Floats
    boson: Floats
    plus: Floats
    minus: Floats
    product: Floats
    rest: Floats


def _averages(radiation: Radiation, emission: _Emission, t: Floats) -> _Averages:
    nucleus = radiation.nucleus.mass
    left, u = (radiation.energy - emission.photon)[:, None], -emission.virtuality[:, None]
    a, b = _range_of_s(radiation, emission, t)
    r = np.sqrt((a - b) * (a + b))
    inverse, inverse2 = 1 / r, a / r**3
    before, after = 2 * nucleus * radiation.energy - t / 2, 2 * nucleus * left + (u - t) / 2
    taken = 2 * nucleus * emission.photon[:, None] - u / 2
    slope = after - u / 2
    zero = -u * before / slope
    return _Averages(
        t=t,
        u=u,
        nucleus2=4 * nucleus**2 + t,
        gauge=slope**2 * (((r - a + (a - zero)) / r) ** 2 + (zero * b) ** 2 / ((a + r) * r**3)),
        currents=t * u * ((before**2 + after**2) * inverse - before + a / 4),
        boson=t * u * (taken**2 * inverse - taken + a / 4),
        plus=1 + 2 * u * inverse + u**2 * inverse2,
        minus=1 - 2 * u * inverse + u**2 * inverse2,
        product=u * (a + 2 * u + u**2 * inverse),
        rest=u * (a + u**2 * inverse) + 2 * t * u * (1 + (t + u) * inverse),
    )


def _squared_amplitude(radiation: Radiation, emission: _Emission, t: Floats) -> Floats:
    """Average of T over the azimuth of the nucleus (n, m, n_t); couplings, charge and 1 / t^2 apart."""
    averages = _averages(radiation, emission, t)
    spinless = radiation.boson in (Boson.SCALAR, Boson.PSEUDOSCALAR)
    total = _of_spinless(radiation, averages) if spinless else _of_vector(radiation, averages)
    result: Floats = total / averages.u**2
    return result


def _of_vector(radiation: Radiation, averages: _Averages) -> Floats:
    """Vector; an axial vector has m^2 - 4 m_l^2 for m^2, no other lepton mass, and a divergence.

    That of its current is 2 m_l times a pseudoscalar one: it adds (2 m_l / m)^2 of that for a massless boson.
    """
    lepton2, mass2 = radiation.lepton_mass**2, radiation.mass**2
    divergence: Floats | float = 0.0
    if radiation.boson is Boson.AXIAL:
        divergence = 8 * lepton2 / mass2 * (averages.nucleus2 * averages.product - 4 * averages.boson)
        lepton2, mass2 = 0.0, mass2 - 4 * lepton2
    masses = averages.t * (2 * lepton2 * averages.plus + mass2 * averages.minus)
    total = -16 * (2 * lepton2 + mass2) * averages.gauge - 16 * averages.currents
    result: Floats = total + 4 * averages.nucleus2 * (masses + averages.rest) + divergence
    return result


def _of_spinless(radiation: Radiation, averages: _Averages) -> Floats:
    """Pseudoscalar; a scalar has m^2 - 4 m_l^2 for m^2."""
    mass2 = radiation.mass**2
    if radiation.boson is Boson.SCALAR:
        mass2 -= 4 * radiation.lepton_mass**2
    total = averages.nucleus2 * (averages.product + mass2 * averages.t * averages.plus)
    total += -4 * averages.boson - 4 * mass2 * averages.gauge
    result: Floats = 2 * total
    return result


def _range_of_s(radiation: Radiation, emission: _Emission, t: Floats) -> tuple[Floats, Floats]:
    """Middle and half width of the values of s over the azimuth."""
    nucleus, left = radiation.nucleus.mass, (radiation.energy - emission.photon)[:, None]
    recoil = t / (2 * nucleus)
    q = np.sqrt(t + recoil**2)
    cosine = (-emission.virtuality[:, None] - t - 2 * recoil * left) / (2 * q * emission.remainder[:, None])
    cosine = np.clip(cosine, -1.0, 1.0)
    along = emission.momentum * q * cosine * emission.cosine[:, None]
    across = emission.momentum * q * np.sqrt(1 - cosine**2) * emission.sine[:, None]
    return -2 * (radiation.energy * recoil + along) - t, 2 * across
