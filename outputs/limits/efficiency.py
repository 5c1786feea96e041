"""Which efficiency a period gets: a stated one, that of a file, or that in the folder of the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from na64.outputs.limits.exposure import Exposure
from na64.outputs.limits.inputs import flat_of
from na64.outputs.limits.search import Efficiency
from na64.outputs.signal.efficiency import load_efficiencies

EFFICIENCY = "efficiency.csv"
"""Name of the table in the folder of a result."""


def efficiency_by(text: str | None, *, threshold: float) -> Callable[[Exposure, str], Efficiency]:
    """Give the efficiency of a result and the name of its period.

    Parameters
    ----------
    text : str or None
        A value, with or without an error, or a file; None: `EFFICIENCY` in the folder of each result.
    threshold : float
        GeV of missing energy above which the yield is counted that it is multiplied with.
    """
    if text is not None and (flat := flat_of(text)):
        return lambda _exposure, _period: flat

    def read(exposure: Exposure, period: str) -> Efficiency:
        path = exposure.folder / EFFICIENCY if text is None else Path(text)
        return read_efficiency(path, period, threshold=threshold, selection=exposure.selection)

    return read


def read_efficiency(path: Path, period: str, *, threshold: float, selection: str = "") -> Efficiency:
    """Read the efficiency of a period.

    Parameters
    ----------
    path : Path
        As `na64 efficiency` writes it.
    period : str
    threshold : float
        GeV.
    selection : str
        What it must be the efficiency of; empty for any.

    Raises
    ------
    ValueError
        There is no such file, or it has none of this period and selection.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no efficiency; na64 efficiency makes it, or state one")
    found = load_efficiencies(path, reference=threshold)
    if period not in found:
        raise ValueError(f"{path}: no efficiency of period '{period}'; it has {', '.join(found)}")
    if selection and f", {selection}, " not in found[period].source:
        raise ValueError(f"{path}: its efficiency of {period} is not that of {selection}")
    return found[period]
