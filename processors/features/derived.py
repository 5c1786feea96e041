"""Features of a plug-in and of formulas, made of the packaged features of visible events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.processors.features.formulas import compute_formulas
from na64.processors.features.plugin import Plugin
from na64.processors.features.visible_cells import VisibleCellSource
from na64.selections.selection import Selection
from na64.selections.variations import Effect

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Derivation:
    """What makes further features of the packaged ones.

    Attributes
    ----------
    selection : Selection
    plugin : Plugin or None
    constants : mapping of str to float
        Of the period, for formulas.
    cells : VisibleCellSource or None
        Of the visible events, for the plug-in.
    """

    selection: Selection
    plugin: Plugin | None
    constants: Mapping[str, float]
    cells: VisibleCellSource | None = None

    def under(self, effect: Effect) -> Derivation:
        """What makes them under an effect of a variation."""
        return self if self.cells is None else replace(self, cells=self.cells.under(effect))

    def extended(self, values: Values) -> Values:
        """Add the features of the plug-in and of the formulas to the packaged ones of visible events.

        Parameters
        ----------
        values : (n_recorded_features, n_events) float32
            Rows as in the selection's ``recorded_features``.

        Returns
        -------
        (n_features, n_events) float32
            Rows as in the selection's ``index``.
        """
        made = self.made_of(dict(zip(self.selection.recorded_features, values, strict=True)))
        return np.concatenate([values, *(row[None] for row in made.values())]) if made else values

    def made_of(self, known: Mapping[str, Values]) -> dict[str, Values]:
        """Features of the plug-in, then of the formulas, by name, (n_events,) float32.

        Parameters
        ----------
        known : mapping of str to (n_events,) float32
            The packaged features.
        """
        rows = dict(known)
        found: dict[str, Values] = {}
        if self.plugin is not None:
            made = self.plugin.compute([*rows.values()], tuple(rows), self.cells)
            found |= dict(zip(self.plugin.features, made, strict=True))
            rows |= found
        n_events = len(next(iter(rows.values())))
        formulas = self.selection.formulas
        made = compute_formulas(formulas, rows, self.constants, n_events)
        return found | {formula.name: row for formula, row in zip(formulas, made, strict=True)}


@lru_cache(maxsize=64)
def moved_formulas(selection: Selection, changed: frozenset[str]) -> tuple[str, ...]:
    """Formulas that are made of any of some features, through other formulas too, in their order."""
    moved = set(changed)
    for formula in selection.formulas:
        if not moved.isdisjoint(formula.inputs):
            moved.add(formula.name)
    return tuple(formula.name for formula in selection.formulas if formula.name in moved)
