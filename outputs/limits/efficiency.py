"""Which efficiency a period gets: a stated one, that of a file, or that in the folder of the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from na64.outputs.limits.exposure import Exposure, PeriodExposure
from na64.outputs.limits.inputs import flat_of
from na64.outputs.limits.search import Efficiency
from na64.outputs.signal.beam import ELECTRONS, Beam
from na64.outputs.signal.efficiency.efficiency import Efficiency as SignalEfficiency
from na64.outputs.signal.efficiency.efficiency import load_efficiencies, read_points

EFFICIENCY = "efficiency.csv"
"""Name of the table in the folder of a result."""


def efficiency_by(
    text: str | None, *, threshold: float | None = None
) -> Callable[[Exposure, PeriodExposure], Efficiency]:
    """Give the efficiency of a result and one of its periods.

    Parameters
    ----------
    text : str or None
        A value, with or without an error, or a file; None: `EFFICIENCY` in the folder of each result.
    threshold : float or None
        GeV of missing energy above which the yield is counted that it is multiplied with; None: that of the
        period's box.
    """
    if text is not None and (flat := flat_of(text)):
        return lambda _exposure, _period: flat

    def read(exposure: Exposure, period: PeriodExposure) -> Efficiency:
        path = exposure.folder / EFFICIENCY if text is None else Path(text)
        above = period.threshold if threshold is None else threshold
        return read_efficiency(path, period.period, threshold=above, beam=period.beam, exposure=exposure)

    return read


def read_efficiency(
    path: Path,
    period: str,
    *,
    threshold: float,
    beam: Beam = ELECTRONS,
    exposure: Exposure | None = None,
) -> Efficiency:
    """Read the efficiency of a period.

    Parameters
    ----------
    path : Path
        As `na64 efficiency` writes it.
    period : str
    threshold : float
        GeV.
    beam : Beam
        Of the period.
    exposure : Exposure, optional
        What it must be the efficiency of: by the cuts, so that a selection that only adds variations fits;
        by the name of the selection where the file does not state the cuts.

    Raises
    ------
    ValueError
        There is no such file, or it has none of this period and of these cuts.
    """
    if not path.is_file():
        raise ValueError(f"{path}: there is no efficiency; na64 efficiency makes it, or state one")
    found = load_efficiencies(path, reference=threshold, beam_energy=beam.energy, periods=(period,))
    if period not in found:
        names = ", ".join(sorted({point.period for point in read_points(path)}))
        raise ValueError(f"{path}: no efficiency of period '{period}'; it has {names}")
    if exposure is not None:
        _check_cuts(path, period, found[period], exposure)
    return found[period]


def _check_cuts(path: Path, period: str, found: SignalEfficiency, exposure: Exposure) -> None:
    is_same = found.cuts == exposure.cuts if found.cuts else found.selection == exposure.selection
    if not is_same:
        theirs = f"{found.selection} {found.cuts}".strip()
        raise ValueError(
            f"{path}: its efficiency of {period} is that of the cuts of {theirs}; "
            f"{exposure.folder} has those of {exposure.selection} {exposure.cuts}"
        )
