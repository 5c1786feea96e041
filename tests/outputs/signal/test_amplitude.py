"""The squared amplitude against Dirac matrices, spinors summed by brute force, at single points."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from na64.outputs.signal import tree_level
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.matter import LEAD, MUON_MASS, Nucleus

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

_PAULI = [
    np.array([[0, 1], [1, 0]], complex),
    np.array([[0, -1j], [1j, 0]], complex),
    np.array([[1, 0], [0, -1]], complex),
]
_GAMMA = [np.kron(_PAULI[2], np.eye(2)).astype(complex)]
_GAMMA += [np.block([[np.zeros((2, 2)), sigma], [-sigma, np.zeros((2, 2))]]) for sigma in _PAULI]
_GAMMA_5 = 1j * _GAMMA[0] @ _GAMMA[1] @ _GAMMA[2] @ _GAMMA[3]
_METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


def slash(momentum: Floats) -> Complex:
    """Contract a momentum (4,) with the matrices."""
    lowered = _METRIC @ momentum
    result: Complex = sum(lowered[i] * _GAMMA[i] for i in range(4))
    return result


def dot(a: Floats, b: Floats) -> float:
    return float(a @ _METRIC @ b)


def currents(boson: Boson, k: Floats) -> list[tuple[Complex, float]]:
    """Vertices of the boson's polarisations, each with its weight in the sum: -g + k k / m^2 of a vector."""
    if boson is Boson.SCALAR:
        return [(np.eye(4, dtype=complex), 1.0)]
    if boson is Boson.PSEUDOSCALAR:
        return [(_GAMMA_5, 1.0)]
    chirality = _GAMMA_5 if boson is Boson.AXIAL else np.eye(4)
    vertices: list[tuple[Complex, float]] = [
        ((_GAMMA[i] @ chirality).astype(complex), -float(_METRIC[i, i])) for i in range(4)
    ]
    return [*vertices, ((slash(k) @ chirality).astype(complex), 1 / dot(k, k))]


def summed(boson: Boson, p: Floats, k: Floats, initial: Floats, final: Floats, *, mass: float) -> float:
    """Sum |u(p') [...] u(p)|^2 over spins and polarisations."""
    after = p + initial - final - k
    both = slash(initial + final)
    s = dot(after + k, after + k) - mass**2
    u = dot(p - k, p - k) - mass**2
    one = np.eye(4)
    total = 0.0
    for current, weight in currents(boson, k):
        vertex = current @ (slash(after + k) + mass * one) @ both / s
        vertex = vertex + both @ (slash(p - k) + mass * one) @ current / u
        barred = _GAMMA[0] @ vertex.conj().T @ _GAMMA[0]
        spins = (slash(after) + mass * one) @ vertex @ (slash(p) + mass * one) @ barred
        total += weight * np.trace(spins).real
    return total


def by_brute_force(radiation: Radiation, x: float, virtuality: float, t: float, n: int = 64) -> float:
    """Average over the azimuth of the nucleus, from momenta."""
    m, mass, nucleus = radiation.lepton_mass, radiation.mass, radiation.nucleus.mass
    energy, photon = radiation.energy, x * radiation.energy
    momentum, k = np.sqrt(energy**2 - m**2), np.sqrt(photon**2 - mass**2)
    cosine = (2 * energy * photon - mass**2 - virtuality) / (2 * momentum * k)
    before = np.array([energy, 0, 0, momentum])
    radiated = np.array([photon, k * np.sqrt(1 - cosine**2), 0, k * cosine])
    left = before - radiated
    size = float(np.linalg.norm(left[1:]))
    q = np.sqrt(t + (t / (2 * nucleus)) ** 2)
    along = (-virtuality - t - t / nucleus * left[0]) / (2 * q * size)
    axis = left[1:] / size
    side = np.array([axis[2], 0, -axis[0]])
    up = np.cross(axis, side)
    values = []
    for phi in 2 * np.pi * np.arange(n) / n:
        across = np.cos(phi) * side + np.sin(phi) * up
        transfer = np.concatenate([[-t / (2 * nucleus)], q * (along * axis + np.sqrt(1 - along**2) * across)])
        initial = np.array([nucleus, 0, 0, 0])
        after = left + transfer
        assert dot(after, after) == pytest.approx(m**2, abs=1e-9 * energy**2)
        values.append(summed(radiation.boson, before, radiated, initial, initial - transfer, mass=m))
    return float(np.mean(values))


@pytest.mark.parametrize(("nucleus", "mass"), [(LEAD, 0.05), (Nucleus(1, 2, 60), 0.3)], ids=["lead", "light"])
@pytest.mark.parametrize("boson", Boson)
def test_the_squared_amplitude_is_that_of_dirac_matrices(boson: Boson, mass: float, nucleus: Nucleus) -> None:
    radiation = Radiation(mass, 2.0, nucleus, lepton_mass=MUON_MASS, boson=boson)
    x = np.array([0.3, 0.6, 0.8])
    emission = tree_level._emission(radiation, x)
    low, high = tree_level._transfers(radiation, emission)
    some = np.zeros(len(low), bool)
    some[5::17] = True
    some &= high > 1.5 * low
    emission, low, high = emission.take(some), low[some], high[some]
    t = np.stack([low * (high / low) ** share for share in (0.2, 0.5)], axis=1)
    found = tree_level._squared_amplitude(radiation, emission, t)
    assert found.size >= 6
    for point in np.ndindex(found.shape):
        fraction, virtuality = (float(row[point[0]]) for row in (emission.photon / 2.0, emission.virtuality))
        expected = by_brute_force(radiation, fraction, virtuality, float(t[point]))
        assert found[point] == pytest.approx(expected, rel=1e-6)
