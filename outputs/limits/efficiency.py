"""Which efficiency a period gets: a stated one, that of a file, or that in the folder of the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.outputs.limits.exposure import LimitInput, PeriodExposure
from na64.outputs.limits.inputs import flat_of
from na64.outputs.limits.search import EfficiencyFunction
from na64.outputs.result.origin import FoundOrigin, Origin, check, origin_said
from na64.outputs.signal.beam import ELECTRONS, Beam
from na64.outputs.signal.efficiency.by_missing_energy import POSITRON, energies_path
from na64.outputs.signal.efficiency.efficiency import (
    REFERENCE,
    SignalEfficiency,
    load_efficiencies,
    read_points,
)
from na64.outputs.signal.efficiency.efficiency_variations import variations_path
from na64.outputs.signal.efficiency.losses_file import losses_path

EFFICIENCY = "efficiency.csv"
"""Name of the table in the folder of a result."""

MAKES = "na64 efficiency makes one"

MISSING_ENERGY = ("", DEFAULT_SEARCH, POSITRON)
"""Searches whose tables by mass are of dark photons that are radiated and leave without a trace."""


def efficiency_by(
    text: str | None, *, threshold: float | None = None, delivered: bool = False
) -> Callable[[LimitInput, PeriodExposure], EfficiencyFunction]:
    """Efficiency of a result and one of its periods.

    Parameters
    ----------
    text : str or None
        A value, with or without an error, or a file; None: `EFFICIENCY` in the folder of each result.
    threshold : float or None
        GeV of missing energy above which the yield is counted that it is multiplied with; None: that of the
        period's box.
    delivered : bool
        For exposure that was delivered: of a file the live time counts, a value contains it.
    """
    if text is not None and (flat := flat_of(text)):
        return lambda _exposure, _period: flat

    def read(exposure: LimitInput, period: PeriodExposure) -> EfficiencyFunction:
        path = exposure.folder / EFFICIENCY if text is None else Path(text)
        above = period.threshold if threshold is None else threshold
        return read_efficiency(path, period.period, threshold=above, beam=period.beam, delivered=delivered)

    return read


def read_efficiency(
    path: Path, period: str, *, threshold: float, beam: Beam = ELECTRONS, delivered: bool = False
) -> EfficiencyFunction:
    """Read the efficiency of a period; whether it is of a result is asked of `efficiency_fits`.

    Parameters
    ----------
    path : Path
        As `na64 efficiency` writes it.
    period : str
    threshold : float
        GeV.
    beam : Beam
        Of the period.
    delivered : bool
        For exposure that was delivered: the live time counts.

    Raises
    ------
    ValueError
        There is no such file, or it has none of this period.
    """
    return _of_period(path, period, threshold, beam, delivered=delivered)


def efficiency_fits(path: Path, period: str, exposure: LimitInput, *, reason: str = "") -> str:
    """How an efficiency belongs to a result: empty, or why it is taken although it does not say so.

    It belongs by the cuts, so that a selection that only adds variations fits, and by the numbers of the
    period: beam, detector and box.

    Raises
    ------
    ValueError
        It is of something else, was edited, or does not say, and no reason is stated; or there is none.
    """
    own = next((one for one in exposure.periods if one.period == period), None)
    of = (REFERENCE, ELECTRONS) if own is None else (own.threshold, own.beam)
    found = _of_period(path, period, *of)
    setups = tuple(pair for pair in exposure.origin.setups if pair[0] == period)
    wanted = Origin("", exposure.cuts, setups)
    said = origin_found(path, found, period)
    return check(str(path), said, wanted, of=str(exposure.folder), makes=MAKES, reason=reason)


def origin_found(path: Path, found: SignalEfficiency, period: str) -> FoundOrigin:
    """What a table of efficiencies, and those beside it, say of themselves."""
    said = [origin_said(one) for one in tables_of(path) if one.is_file()]
    if any(one.origin is None for one in said):
        return FoundOrigin(None)
    lacks = next((one.lacks for one in said if one.lacks), "")
    edited = any(one.is_edited for one in said)
    return FoundOrigin(Origin("", found.cuts, ((period, found.setup),)), edited, lacks=lacks)


def tables_of(path: Path) -> tuple[Path, ...]:
    """Table of efficiencies, and those that may be beside it."""
    return path, losses_path(path), variations_path(path), energies_path(path)


def _of_period(
    path: Path, period: str, threshold: float, beam: Beam = ELECTRONS, *, delivered: bool = False
) -> SignalEfficiency:
    if not path.is_file():
        raise ValueError(f"{path}: there is no efficiency; na64 efficiency makes it, or state one")
    points = [point for point in read_points(path) if point.period == period]
    for point in points:
        if point.beam and point.beam != beam.text:
            raise ValueError(
                f"{path}: period {period}: an efficiency of {point.beam}, the period has {beam.text}; {MAKES}"
            )
        if point.search not in MISSING_ENERGY:
            raise ValueError(
                f"{path}: period {period}: an efficiency of search {point.search}, expected one of missing "
                f"energy; {MAKES}"
            )
    found = load_efficiencies(
        path, reference=threshold, beam_energy=beam.energy, periods=(period,), delivered=delivered
    )
    if period not in found:
        names = ", ".join(sorted({point.period for point in read_points(path)}))
        asked = f"no efficiency of period {period}, only of" if period else "--period has to name one of"
        raise ValueError(f"{path}: {asked} {names}")
    return found[period]
