"""How often limits and intervals hold the truth, over pseudo-experiments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from na64.outputs.statistics.cls import cls, generate_toys
from na64.outputs.statistics.intervals import likelihood_covers, unified_covers
from na64.outputs.statistics.model import Counts, Model


@dataclass(frozen=True, slots=True)
class Coverage:
    """Share of experiments that hold the truth.

    Attributes
    ----------
    signal : float
        True events, all channels.
    experiments : int
    cls_limit : float
        The limit that is quoted.
    unified_interval : float
        The interval that is quoted.
    likelihood_interval : float
        For comparison.
    """

    signal: float
    experiments: int
    cls_limit: float
    unified_interval: float
    likelihood_interval: float


def coverage(
    model: Model, signal: float, *, n: int, generator: np.random.Generator, level: float = 0.9
) -> Coverage:
    """Throw experiments, errors of background and signal included, and see which hold the truth.

    Parameters
    ----------
    model : Model
    signal : float
        Events.
    n : int
        Experiments.
    generator : Generator
    level : float
    """
    return coverage_of(model, signal, generate_toys(model, signal, n, generator), level=level)


def coverage_of(model: Model, signal: float, toy_counts: Counts, *, level: float = 0.9) -> Coverage:
    """See which experiments hold the truth.

    Parameters
    ----------
    model : Model
    signal : float
    toy_counts : (n_experiments, n_channels) int64
    level : float
    """
    outcomes, numbers = np.unique(toy_counts, axis=0, return_counts=True)

    def fraction(covered: NDArray[np.bool_]) -> float:
        return int(numbers[covered].sum()) / len(toy_counts)

    def fraction_of(covers: Callable[[Counts], bool]) -> float:
        return fraction(np.array([covers(outcome) for outcome in outcomes], np.bool_))

    return Coverage(
        signal,
        len(toy_counts),
        fraction_of(lambda outcome: cls(model, signal, outcome) >= 1 - level),
        fraction(unified_covers(model, signal, outcomes, level=level)),
        fraction_of(lambda outcome: likelihood_covers(model, signal, outcome, level=level)),
    )
