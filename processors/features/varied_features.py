"""The features that a variation changes: rows of the feature table after those that are nominal."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from na64.datasets.instrument.columns import EventColumns
from na64.datasets.instrument.features import Feature
from na64.processors.features.derived import Derivation, moved_formulas
from na64.selections.selection import Selection
from na64.selections.variations import Effect

Values = NDArray[np.float32]


@lru_cache(maxsize=16)
def feature_rows(selection: Selection) -> dict[str, int]:
    """Row of every feature in a table of visible events.

    The nominal ones come first, as in ``selection.index``, then those that each effect changes, called
    ``<name>@<number of the effect>``.
    """
    names = [*selection.index]
    for number, effect in enumerate(selection.effects):
        names += [_varied(name, number) for name in changed_features(effect, selection)]
    return {name: row for row, name in enumerate(names)}


def row_names(selection: Selection, effect: Effect) -> dict[str, str]:
    """What each feature is called in that table under an effect; unchanged ones are the nominal ones."""
    same = {name: name for name in selection.index}
    if not effect:
        return same
    number = selection.effects.index(effect)
    return same | {name: _varied(name, number) for name in changed_features(effect, selection)}


def changed_features(effect: Effect, selection: Selection) -> tuple[str, ...]:
    """Features that an effect may change, in storage order; a plug-in's are all among them.

    Formulas are if anything that they are made of is.
    """
    recorded = selection.recorded_features
    changed = [name for name, one in recorded.items() if not set(effect.detectors).isdisjoint(one.detectors)]
    plugin = [feature.name for feature in selection.plugin_features]
    formulas = moved_formulas(selection, frozenset((*changed, *plugin)))
    return (*changed, *plugin, *formulas)


def detectors_of(names: Iterable[str], features: Mapping[str, Feature]) -> frozenset[str]:
    """Detectors whose cells say what some features are."""
    return frozenset(one for name in names if name in features for one in features[name].detectors)


def changed_detectors(effect: Effect, selection: Selection) -> frozenset[str]:
    """Detectors that the features are made of which an effect may change."""
    return detectors_of(changed_features(effect, selection), selection.recorded_features)


def needed_part(events: EventColumns, detectors: Container[str]) -> EventColumns:
    """Events with no other detectors than some."""
    return replace(events, detectors={n: cells for n, cells in events.detectors.items() if n in detectors})


def append_varied(
    values: Values,
    tables: list[Values],
    seen: NDArray[np.bool_],
    derivation: Derivation,
) -> Values:
    """Append what every effect changes to the nominal features.

    Parameters
    ----------
    values : (n_features, n_visible) float32
        Rows as in ``selection.index``.
    tables : list of (n_recorded_features, n_events) float32
        One an effect; only what the effect changes is looked at.
    seen : (n_events,) bool
        Which events are visible.
    derivation : Derivation
        Of further features from those.

    Returns
    -------
    (n_rows, n_visible) float32
        Rows as in `feature_rows`.
    """
    selection = derivation.selection
    index = {name: row for row, name in enumerate(selection.recorded_features)}
    parts = [values]
    for effect, table in zip(selection.effects, tables, strict=True):
        changed = changed_features(effect, selection)
        rows = table[[index[name] for name in changed if name in index]]
        parts.append(rows if seen.all() else np.compress(seen, rows, axis=1))
        known = dict(zip(index, values, strict=False))
        known.update(zip(changed, parts[-1], strict=False))
        made = derivation.under(effect).made_of(known)
        parts += [made[name][None] for name in changed[len(rows) :]]
    return np.concatenate(parts)


def _varied(name: str, number: int) -> str:
    return f"{name}@{number}"
