"""What becomes of a dark photon that decays to two states of dark matter, of which the heavier one decays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.outputs.limits.searches.fates import Stretch
from na64.outputs.limits.searches.kept import WHOLE, Efficiency
from na64.outputs.signal.decays import decay_length
from na64.outputs.signal.inelastic import Inelastic, heavy_width, pair_fractions

Floats = NDArray[np.float64]

_PANELS = 3
"""Of the energies of the heavier state: what is asked of the pair has edges among them."""


@dataclass(frozen=True, slots=True)
class HeavyBeyond:
    """A heavier state of dark matter that decays beyond a place, or not at all.

    Attributes
    ----------
    stretch : Stretch
    ratio, splitting, alpha_d : float
        As `Inelastic` has them.
    """

    stretch: Stretch
    ratio: float
    splitting: float
    alpha_d: float
    needs_energy = True
    is_power = False
    is_missing_energy = True

    def probability(self, mass: float, couplings: Floats, energy: Floats, depth: Floats) -> Floats:
        """Probability for each coupling and particle, averaged over the energy of the heavier state."""
        model = Inelastic(mass, self.ratio, self.splitting, self.alpha_d)
        energies, weights = model.heavy_energies(energy)
        result: Floats = _decays(self.stretch, model, couplings, energies, depth) @ weights
        return result


@dataclass(frozen=True, slots=True)
class HeavyPair:
    """A heavier state that decays to the lighter one and an electron pair somewhere, and the pair is seen.

    Attributes
    ----------
    stretch : Stretch
    ratio, splitting, alpha_d : float
        As `Inelastic` has them.
    least : float, GeV
        Least energy of the pair.
    lost : float, GeV
        Most energy that both lighter states may take along.
    adds_up : str
        Feature that adds up to the beam's energy where none is lost: its cut says what a result permits.
    seen : Efficiency
        Of pairs by their energy, from `least` on.
    """

    stretch: Stretch
    ratio: float
    splitting: float
    alpha_d: float
    least: float
    lost: float
    adds_up: str = ""
    seen: Efficiency = WHOLE
    needs_energy = True
    is_power = False
    is_missing_energy = False

    def probability(self, mass: float, couplings: Floats, energy: Floats, depth: Floats) -> Floats:
        """Probability for each coupling and particle, averaged over energies of heavier state and pair."""
        model = Inelastic(mass, self.ratio, self.splitting, self.alpha_d)
        distinct, where = np.unique(energy, return_inverse=True)
        accepted = self._accepted(model, distinct)
        if not accepted.any():
            return np.zeros((len(couplings), len(energy)))
        energies, weights = model.heavy_energies(energy, _PANELS)
        decays = _decays(self.stretch, model, couplings, energies, depth)
        result: Floats = (decays * accepted[where]) @ weights
        return result

    def _accepted(self, model: Inelastic, energy: Floats) -> Floats:
        """Part of the pairs that is seen, by energies of the dark photon (n,) and of the heavier state."""
        fractions, weights = pair_fractions(model)
        pair = model.heavy_energies(energy, _PANELS)[0][:, :, None] * fractions
        kept = (pair >= self.least) & (energy[:, None, None] - pair <= self.lost)
        seen = np.zeros(pair.shape)
        seen[kept] = self.seen.at(model.mass, pair[kept])
        result: Floats = seen @ weights
        return result


def _decays(stretch: Stretch, model: Inelastic, couplings: Floats, energies: Floats, depth: Floats) -> Floats:
    """Probability that the heavier state decays in a stretch: (n_couplings, n, m) for energies (n, m)."""
    widths = couplings**2 * _heavy_width(model)
    lengths = decay_length(widths[:, None, None], model.heavy, energies)
    return stretch.decays(lengths, depth[:, None])


@lru_cache(4096)
def _heavy_width(model: Inelastic) -> float:
    return heavy_width(model)
