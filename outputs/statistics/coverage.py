"""How often limits and intervals hold the truth, over pseudo-experiments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from na64.outputs.result.table import Kind, Table
from na64.outputs.statistics.cls import cls, throw
from na64.outputs.statistics.intervals import likelihood_holds, unified_holds
from na64.outputs.statistics.model import Counts, Model

KINDS = {
    "signal": Kind.NUMBER,
    "experiments": Kind.COUNT,
    "cls_limit": Kind.NUMBER,
    "unified_interval": Kind.NUMBER,
    "likelihood_interval": Kind.NUMBER,
}
"""Columns of a coverage table."""


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
    return coverage_of(model, signal, throw(model, signal, n, generator), level=level)


def coverage_of(model: Model, signal: float, thrown: Counts, *, level: float = 0.9) -> Coverage:
    """See which experiments hold the truth.

    Parameters
    ----------
    model : Model
    signal : float
    thrown : (n_experiments, n_channels) int64
    level : float
    """
    outcomes, numbers = np.unique(thrown, axis=0, return_counts=True)

    def share(held: NDArray[np.bool_]) -> float:
        return int(numbers[held].sum()) / len(thrown)

    def share_of(holds: Callable[[Counts], bool]) -> float:
        return share(np.array([holds(outcome) for outcome in outcomes], np.bool_))

    return Coverage(
        signal,
        len(thrown),
        share_of(lambda outcome: cls(model, signal, outcome) >= 1 - level),
        share(unified_holds(model, signal, outcomes, level=level)),
        share_of(lambda outcome: likelihood_holds(model, signal, outcome, level=level)),
    )


def coverage_table(rows: Sequence[Coverage]) -> Table:
    """Table of `KINDS`."""
    return Table(KINDS, [astuple(row) for row in rows])
