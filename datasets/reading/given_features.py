"""Features that a file holds ready made, against those that are computed of its cells."""

from __future__ import annotations

from collections.abc import Collection

_OF_BOTH = {"visible_energy": ("ecal", "hcal")}
_OF_DETECTOR = {"preshower": "ecal", "preshower_total": "ecal"}


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
    found = detectors_of(name, detectors)
    return f"is computed of the cells of {' and '.join(found)} too" if found else ""


def detectors_of(name: str, detectors: Collection[str]) -> tuple[str, ...]:
    """Detectors, of those that are there, by whose cells a feature is computed; none if some are missing."""
    wanted = _OF_BOTH.get(name, (_OF_DETECTOR.get(name, ""),))
    if wanted == ("",):
        wanted = tuple(one for one in detectors if name == one or name.startswith(f"{one}_"))
    return wanted if wanted and all(one in detectors for one in wanted) else ()
