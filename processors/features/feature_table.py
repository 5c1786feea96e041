"""The features of a chunk of events, and why some events have none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.features import INDEX

Values = NDArray[np.float32]


class Skip(IntEnum):
    """Why an event has no features."""

    NONE = 0
    NONFINITE = 1
    CELL_RANGE = 2
    UNEQUAL_HITS = 3
    TOO_MANY_HITS = 4


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """The features of a chunk of events.

    Attributes
    ----------
    values : (n_features, n_events) float32
        Rows as `index` says; nan where the file lacks what a feature is made of, and everywhere in a skipped
        event.
    skip : (n_events,) uint8
        `Skip`; of several reasons the one with the largest number.
    index : dict of str to int
        Row of each feature: the standard ones as in `na64.datasets.instrument.features.INDEX`, then those
        that the set-up has besides.
    """

    values: Values
    skip: NDArray[np.uint8]
    index: dict[str, int] = field(default_factory=lambda: INDEX)

    def __getitem__(self, name: str) -> Values:
        """Row of one feature."""
        row: Values = self.values[self.index[name]]
        return row

    def with_rows(self, wanted: Iterable[str]) -> FeatureTable:
        """The table with these rows in this order; nan in those that it does not have.

        Parameters
        ----------
        wanted : iterable of str
            The standard features, then others.
        """
        names = (*wanted,)
        if names == (*self.index,):
            return self
        values = np.full((len(names), self.values.shape[1]), np.nan, np.float32)
        for row, name in zip(values, names, strict=True):
            if name in self.index:
                row[:] = self[name]
        return FeatureTable(values, self.skip, {name: row for row, name in enumerate(names)})
