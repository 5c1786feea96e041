"""Form factor of the nucleus, and the flux of photons around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from na64.outputs.signal.matter import ELECTRON_MASS, Nucleus

Floats = NDArray[np.float64]

_PROTON_MASS, _PROTON_MOMENT = 0.93827, 2.79


def elastic(t: ArrayLike, nucleus: Nucleus) -> Floats:
    """Squared elastic form factor G2 at momentum transfer `t`, GeV^2 (0906.0580).

    Its constants are those of DMG4 (2101.12192).
    """
    momentum = np.asarray(t, dtype=np.float64)
    screened = momentum / (nucleus.screening + momentum)
    result: Floats = (nucleus.charge * screened / (1 + momentum / nucleus.size)) ** 2
    return result


def inelastic(t: ArrayLike, nucleus: Nucleus) -> Floats:
    """Squared inelastic form factor at momentum transfer `t`, GeV^2 (0906.0580, from memory)."""
    momentum = np.asarray(t, dtype=np.float64)
    screening = (ELECTRON_MASS * nucleus.charge ** (2 / 3) / 773) ** 2
    magnetic = 1 + momentum * (_PROTON_MOMENT**2 - 1) / (4 * _PROTON_MASS**2)
    nucleon = magnetic / (1 + momentum / 0.71) ** 4
    result: Floats = nucleus.charge * (momentum / (screening + momentum) * nucleon) ** 2
    return result


def flux(lowest: ArrayLike, highest: ArrayLike, nucleus: Nucleus) -> Floats:
    """Integrate (t - lowest) / t^2 G2(t) dt in closed form, for the elastic form factor.

    Parameters
    ----------
    lowest, highest : array of float64, GeV^2
        Limits of the momentum transfer; the result is 0 where they are in the wrong order.

    Returns
    -------
    array of float64
        The photon flux chi.
    """
    low, high = np.asarray(lowest, dtype=np.float64), np.asarray(highest, dtype=np.float64)
    a, d = nucleus.screening, nucleus.size
    first = (a - d) * (a + d + 2 * high) * (high - low) / ((a + high) * (d + high))
    second = (a + d + 2 * low) * np.log((a + high) * (d + low) / ((d + high) * (a + low)))
    chi = -((nucleus.charge * d) ** 2) / (a - d) ** 3 * (first + second)
    return np.where(high > low, chi, 0.0)
