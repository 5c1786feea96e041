"""Features that a file holds ready made, against those that are computed of its cells."""

from __future__ import annotations

from collections.abc import Collection

from na64.datasets.instrument.features import FEATURES


def check_given(name: str, detectors: Collection[str], columns: Collection[str]) -> str:
    """Reason why a layout cannot give a feature: it is computed too; empty if it is not.

    Parameters
    ----------
    name : str
        Of the feature.
    detectors, columns : collection of str
        What the layout has of cells, hits and columns.
    """
    if name == "trigger_physics" and "trigger" in columns:
        return "is computed of trigger too"
    found = detectors_of_given(name, detectors)
    is_computed = found and (name not in FEATURES or {*found} == {*FEATURES[name].detectors})
    return f"is computed of the cells of {' and '.join(found)} too" if is_computed else ""


def detectors_of_given(name: str, detectors: Collection[str]) -> tuple[str, ...]:
    """Detectors, among some, of whose cells a feature is made; of a period's own feature its name says it.

    Parameters
    ----------
    name : str
    detectors : collection of str
    """
    if name in FEATURES:
        return tuple(one for one in FEATURES[name].detectors if one in detectors)
    return tuple(one for one in detectors if name == one or name.startswith(f"{one}_"))
