"""How often background alone gives as many events as were seen, or more."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

_WIDEST = 9.0
_STEPS = 6001


def excess_p_value(n_seen: int, background: float, error: float = 0.0) -> float:
    """Probability of at least so many events of background.

    Parameters
    ----------
    n_seen : int
    background, error : float
        Expected events; the relative error is the width of its logarithm, as in
        `na64.outputs.statistics.model`, and is integrated over.
    """
    if n_seen <= 0:
        return 1.0
    if not background > 0:
        return 0.0
    if not error > 0:
        return float(special.gammainc(n_seen, background))
    z = np.linspace(-_WIDEST, _WIDEST, _STEPS)
    weight = np.exp(-0.5 * z * z)
    with np.errstate(over="ignore"):  # an expectation beyond every number has the chance 1
        probability = special.gammainc(n_seen, background * np.exp(error / background * z))
    return float(min(1.0, np.sum(weight * probability) / np.sum(weight)))


def significance(p_value: float) -> float:
    """Express a one-sided p-value in standard deviations; infinite for 0."""
    return math.inf if p_value <= 0 else float(-special.ndtri(p_value))


def global_p_value(smallest: float, n_trials: int) -> float:
    """Probability that the smallest of independent p-values is as small as this."""
    if smallest >= 1:
        return 1.0
    return float(-np.expm1(n_trials * np.log1p(-smallest)))
