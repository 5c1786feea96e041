"""Tests of counts and of distributions, each with what it is conditional on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Floats = NDArray[np.float64]

_SMALLEST_SHOWN = 1e-99

LEAST_EXPECTED = 5.0
"""Bins are joined until so many events are expected in each, for chi2 to follow its distribution."""


def same_rate(k: ArrayLike, exposure: ArrayLike, other_k: ArrayLike, other_exposure: ArrayLike) -> Floats:
    """Test that two Poisson counts have the same rate: exact, given their sum (Przyborowski, Wilenski 1940).

    Parameters
    ----------
    k, other_k : (...) counts
    exposure, other_exposure : (...) float
        Anything the expected counts are proportional to; zero on both sides gives p = 1.

    Returns
    -------
    (...) float64
        Two-sided p-value, twice the smaller tail; for equal exposures it is McNemar's exact test.
    """
    one, other = np.asarray(k, np.float64), np.asarray(other_k, np.float64)
    here, there = np.asarray(exposure, np.float64), np.asarray(other_exposure, np.float64)
    whole = here + there
    share = np.divide(here, whole, out=np.full(np.shape(whole), 0.5), where=whole > 0)
    total = one + other
    # Binomial tails as incomplete beta functions: P(X >= k) = I_p(k, n - k + 1).
    upper = np.where(one > 0, special.betainc(np.maximum(one, 0.5), other + 1, share), 1.0)
    lower = np.where(other > 0, special.betainc(np.maximum(other, 0.5), one + 1, 1 - share), 1.0)
    p: Floats = np.where(total > 0, np.minimum(1.0, 2 * np.minimum(upper, lower)), 1.0)
    return p


def same_share(k: int, n: int, other_k: int, other_n: int) -> float:
    """Test that two parts have the same share: exact, given their sum (Fisher 1935).

    Parameters
    ----------
    k, other_k : int
        Of the parts.
    n, other_n : int
        Of what they are parts of; zero on either side gives p = 1.

    Returns
    -------
    float
        Two-sided p-value, twice the smaller tail of the hypergeometric distribution.
    """
    drawn = stats.hypergeom(n + other_n, k + other_k, n)
    return min(1.0, 2 * min(float(drawn.cdf(k)), float(drawn.sf(k - 1))))


def after_looks(p: float, n_looks: int) -> float:
    """Chance that the smallest of so many independent p-values is as small (Sidak 1967)."""
    return float(-np.expm1(n_looks * np.log1p(-p))) if p < 1 else 1.0


def probability(p: float) -> str:
    """A p-value as it is written everywhere: ``0.02``, or ``<1e-99``."""
    return f"{p:.2g}" if p > _SMALLEST_SHOWN else f"<{_SMALLEST_SHOWN:.0g}"


def chance(p: float) -> str:
    """A p-value that says what it is: ``p 0.02``."""
    return f"p {probability(p)}"


def smallest_chance(smallest: float, honest: float, n_looks: int) -> str:
    """Smallest of several p-values: ``smallest p 0.02, 0.18 after 10 looks``."""
    looks = f"{n_looks} look{'s' * (n_looks != 1)}"
    return f"smallest {chance(smallest)}, {probability(honest)} after {looks}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two distributions agree.

    Attributes
    ----------
    chi2 : float
    n_degrees : int
        Zero if there was nothing to compare; then the p-value is 1.
    p_chi2 : float
    ks : float
        Largest distance of the cumulative distributions at the edges of bins.
    p_ks : float
        From the asymptotic distribution, so too large for binned data: conservative.
    """

    chi2: float
    n_degrees: int
    p_chi2: float
    ks: float
    p_ks: float


def agreement(counts: Floats, sumw: Floats, sumw2: Floats, *, normalised: bool) -> Agreement:
    """Compare counts with the weighted prediction for them.

    chi2 is Pearson's with the prediction's own variance added, over bins joined up to `LEAST_EXPECTED`.

    Parameters
    ----------
    counts, sumw, sumw2 : (n_bins,) float64
        Flow bins included.
    normalised : bool
        The prediction was scaled to the counts: one degree of freedom less.
    """
    n, w, v = _joined(counts, sumw, sumw2)
    good = w + v > 0
    chi2 = float(np.sum((n[good] - w[good]) ** 2 / (w[good] + v[good])))
    n_degrees = max(int(good.sum()) - normalised, 0)
    distance, p_ks = _kolmogorov(counts, sumw, sumw2)
    return Agreement(
        chi2, n_degrees, float(special.chdtrc(n_degrees, chi2)) if n_degrees else 1.0, distance, p_ks
    )


def _joined(counts: Floats, sumw: Floats, sumw2: Floats) -> tuple[Floats, Floats, Floats]:
    groups, current, expected = [], 0, 0.0
    for here in sumw.tolist():
        groups.append(current)
        expected += here
        if expected >= LEAST_EXPECTED:
            current, expected = current + 1, 0.0
    if current:  # what is left at the end is too little: it goes with the bins before
        groups = [min(group, current - 1) for group in groups]
    place = np.array(groups, np.int64)
    n, w, v = (np.bincount(place, part).astype(np.float64) for part in (counts, sumw, sumw2))
    return n, w, v


def _kolmogorov(counts: Floats, sumw: Floats, sumw2: Floats) -> tuple[float, float]:
    n, w, v = float(counts.sum()), float(sumw.sum()), float(sumw2.sum())
    if n <= 0 or w <= 0 or v <= 0:
        return 0.0, 1.0
    distance = float(np.abs(np.cumsum(counts) / n - np.cumsum(sumw) / w).max())
    effective = w * w / v
    return distance, float(special.kolmogorov(distance * np.sqrt(n * effective / (n + effective))))
