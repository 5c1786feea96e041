"""The error of an efficiency that was counted."""

from __future__ import annotations

import math


def binomial_error(selected: int, simulated: int) -> float:
    """Standard deviation of the posterior of an efficiency for a flat prior: not zero for none or all."""
    return math.sqrt((selected + 1) * (simulated - selected + 1) / ((simulated + 2) ** 2 * (simulated + 3)))
