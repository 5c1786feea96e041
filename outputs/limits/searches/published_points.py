"""Published curves of the searches: those of the signal, and short tables of our own beside this module."""

from __future__ import annotations

from importlib.resources import files

from na64.outputs.signal.curves import CURVES, Curve, curves_in, load_curve, read_curve

_FOLDER = files(__package__) / "published"
POINTS: tuple[str, ...] = curves_in(_FOLDER)
"""Names of the curves that only searches are compared with."""


def load_points(name: str) -> Curve:
    """Load a curve by name.

    Raises
    ------
    KeyError
        There is none of that name.
    """
    if name in POINTS:
        return read_curve(_FOLDER / f"{name}.csv")
    if name not in CURVES:
        raise KeyError(f"no published curve {name}: expected {', '.join((*CURVES, *POINTS))}")
    return load_curve(name)
