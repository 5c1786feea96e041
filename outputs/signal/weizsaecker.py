"""Weizsaecker-Williams (WW) approximations: the nucleus as a beam of photons (1705.01633, 1712.05706)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from na64.outputs.signal.flux import flux
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import ALPHA, PICOBARN
from na64.outputs.signal.quadrature import composite

Floats = NDArray[np.float64]

_PANELS, _POINTS = 8, 8
_FARTHEST = 1e7


def constant_flux(radiation: Radiation, *, highest: float) -> float:
    """Flux from (m^2 / 2 E0)^2 to `highest`, GeV^2: what the improved approximation (IWW) has at all x."""
    lowest = (radiation.mass**2 / (2 * radiation.energy)) ** 2
    return float(flux(lowest, highest, radiation.nucleus))


def iww_spectrum(radiation: Radiation, x: Floats) -> Floats:
    """D(sigma)/dx with a constant flux, in closed form: (n,) float64, pb per eps^2."""
    lepton = radiation.lepton_mass
    least = radiation.least_virtuality(x)
    shape = 2 * least * (3 - 3 * x + x**2) + lepton**2 * x * (x**2 + 2 * x - 2)
    chi = constant_flux(radiation, highest=radiation.mass**2 + lepton**2) * _speed(radiation, x)
    result: Floats = PICOBARN * 2 * ALPHA**3 * chi * shape / (3 * least**2)
    return result


def ww_spectrum(radiation: Radiation, x: Floats) -> Floats:
    """D(sigma)/dx with the flux at each x and angle: (n,) float64, pb per eps^2."""
    energy, fraction = radiation.energy, x[:, None]
    least = radiation.least_virtuality(fraction)
    nodes, weights = composite(np.linspace(0, math.log(_FARTHEST), _PANELS + 1), _POINTS)
    ratio = np.exp(nodes)
    lowest = (least * ratio / (2 * energy * (1 - fraction))) ** 2
    chi = flux(lowest, radiation.mass**2 + radiation.lepton_mass**2, radiation.nucleus)
    by_angle = double_differential(radiation, fraction, least * ratio, chi)
    solid = least * ratio * weights / (2 * energy**2 * fraction)
    result: Floats = (by_angle * solid).sum(axis=1)
    return result


def double_differential(radiation: Radiation, x: Floats, virtuality: Floats, chi: Floats) -> Floats:
    """D2(sigma)/dx dcos(theta), where `virtuality` is U(x, theta): float64, pb per eps^2."""
    mass2, lepton2 = radiation.mass**2, radiation.lepton_mass**2
    rest = mass2 - virtuality * x / (1 - x) + lepton2 * x**2 / (1 - x)
    shape = (1 - x + x**2 / 2) / virtuality**2
    shape = shape + (1 - x) ** 2 * (mass2 + 2 * lepton2) * rest / virtuality**4
    speed = _speed(radiation, x)
    result: Floats = PICOBARN * 8 * ALPHA**3 * radiation.energy**2 * x * speed * chi * shape
    return result


def iww_log_total(radiation: Radiation) -> float:
    """Total cross-section in leading logarithm, pb per eps^2: DMG4 (2101.12192) divides it by K."""
    ratio = max(radiation.lepton_mass / radiation.mass, radiation.mass / radiation.energy)
    speed = math.sqrt(1 - (radiation.mass / radiation.energy) ** 2)
    logarithm = -2 * math.log(ratio)
    chi = constant_flux(radiation, highest=radiation.mass**2)
    return PICOBARN * 4 / 3 * ALPHA**3 * chi * speed * logarithm / radiation.mass**2


def _speed(radiation: Radiation, x: Floats) -> Floats:
    result: Floats = np.sqrt(np.maximum(1 - (radiation.mass / (x * radiation.energy)) ** 2, 0.0))
    return result
