"""Limits on the dark photon: those of stored results, and those to expect of an exposure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from na64.datasets.basics.turns import turn
from na64.datasets.conditions.periods import load_periods
from na64.datasets.conditions.stated_boxes import DEFAULT_SEARCH
from na64.outputs.analysis.full_report import renew_report
from na64.outputs.analysis.listening import Listener, Tell, silent
from na64.outputs.limits.analysis import LimitsAnalysis
from na64.outputs.limits.dark_matter import Resonant
from na64.outputs.limits.efficiency import read_efficiency
from na64.outputs.limits.exposure import beam_of
from na64.outputs.limits.inputs import background_of, check_box, flat_of
from na64.outputs.limits.messages import of_analysis, of_projections
from na64.outputs.limits.production import Production
from na64.outputs.limits.products import write_projections
from na64.outputs.limits.projection import Projection, Scaling
from na64.outputs.limits.projection import project as project_one
from na64.outputs.limits.request import LimitsRequest, check_projection, checked_levels, make_limits
from na64.outputs.limits.searches.card import Card, Variant, load_card
from na64.outputs.limits.searches.contour import ExcludedCouplings
from na64.outputs.limits.searches.products import rows_line, write_stored
from na64.outputs.limits.searches.stored import check_stored, of_other_beams, signal_of, stored_contour
from na64.outputs.result.descriptions import box_facts
from na64.outputs.result.product_names import PRODUCTS
from na64.outputs.result.store import require_result
from na64.outputs.signal.beam import Beam
from na64.outputs.signal.curves import ParameterPlane, read_own_curve


def limits(
    folders: str | Path | Sequence[str | Path],
    *,
    background: str | Path | Sequence[str | Path] = (),
    efficiency: str | Path | float | None = None,
    levels: Iterable[float] = (0.9, 0.95),
    delivered: bool = False,
    toys: int | None = None,
    to: str | Path | None = None,
    reason: str = "",
    limits_at_face_value: bool = False,
    signal_error: float = 0.1,
    threshold: float | None = None,
    points: int = 37,
    resonant: str | None = None,
    alpha_d: float = 0.1,
    search: str = "",
    variant: str = "",
    curves: Sequence[str | Path] = (),
    tell: Tell = silent,
) -> LimitsAnalysis:
    """Limits on the dark photon from stored results; expected ones only while a box is closed.

    Parameters
    ----------
    folders : str, Path or several
        Where `process` wrote to.
    background : str, Path or several
        Tables, ``"N+-DN"`` or ``"seed_2021"``, once for all or once each; by default ``background.csv`` in
        each folder.
    efficiency : str, Path or float, optional
        Of dark photons above the threshold; by default ``efficiency.csv`` in each folder.
    levels : iterable of float
        Confidence levels.
    delivered : bool
        Count electrons delivered: a stated efficiency contains the dead time, a simulated one gets the live
        time among its losses.
    toys : int, optional
        Throw so many experiments, do not sum outcomes.
    to : str or Path, optional
        Folder of the limits; by default that of the result, if there is one only.
    reason : str
        Why a file is right that is of another result, was edited, or does not say what it is of.
    limits_at_face_value : bool
        Count upper limits of a background table as their value, with an error as large.
    signal_error : float
        Relative error of the signal yield.
    threshold : float, optional
        Least missing energy, GeV; by default where the box of the period begins.
    points : int
        Masses from 1 MeV to 1 GeV.
    resonant : {"dirac", "scalar"}, optional
        Add dark photons from positrons of the shower, which decay to such dark matter.
    alpha_d : float
        Coupling of dark matter for `resonant`.
    search, variant : str
        Name of a search or path of its card, and a particle on it: its contour is written too.
    curves : sequence of str or Path
        Tables of other people's limits, drawn beside the published ones.
    tell : callable
        Takes lines about the limits.

    Returns
    -------
    na64.outputs.limits.analysis.LimitsAnalysis

    Raises
    ------
    FileNotFoundError
        A folder holds no result.
    ValueError
        An input is missing, or is not of these results and no reason is stated.

    Examples
    --------
    >>> found = na64.limits("out", background="0.5+-0.2", efficiency=0.5, levels=[0.9], points=2)
    >>> found.state
    'BLIND: the box is closed'
    """
    listed = [Path(one) for one in _several(folders)]
    planes = (ParameterPlane.MIXING, ParameterPlane.RELIC)
    beside = [read_own_curve(Path(one), planes) for one in curves]
    if to is None and len(listed) != 1:
        raise ValueError("limits of several results need --to")
    place = Path(to) if to is not None else listed[0]
    for one in listed:
        require_result(one)
    request = LimitsRequest(
        background=tuple(map(str, _several(background))),
        efficiency=None if efficiency is None else str(efficiency),
        levels=checked_levels(levels),
        delivered=delivered,
        limits_at_face_value=limits_at_face_value,
        toys=toys,
        signal_error=signal_error,
        threshold=threshold,
        points=points,
        resonant=resonant,
        alpha_d=alpha_d,
        reason=reason,
    )
    card = load_card(search) if search else None
    check = None
    if card:
        signal_of(card, card.variant(variant))
        check = partial(check_stored, card, card.variant(variant))
    elif variant:
        raise ValueError(f"--variant {variant}: is of a card, which --search names")
    with turn(place, PRODUCTS, "na64 limits"):
        analysis = make_limits(listed, request, place, check_search=check, curves=beside)
        Listener(tell=tell).say(of_analysis(analysis))
        if card:
            rows = _add_contour(place, card, card.variant(variant), analysis)
            for name in of_other_beams(card.variant(variant)):
                tell(
                    f"channel {name} of search {card.name}: of another beam than any stored result, left out"
                )
            tell(rows_line(card, card.variant(variant), rows, place))
        Listener(tell=tell).say(renew_report(place))
    return analysis


def _add_contour(
    place: Path, card: Card, variant: Variant, analysis: LimitsAnalysis
) -> list[tuple[float, ExcludedCouplings]]:
    """Write the contour of a search beside the limits."""
    rows = [
        (level, row)
        for level in analysis.levels
        for row in stored_contour(card, variant, analysis.search, level)
    ]
    write_stored(place, card, variant, rows, analysis.state)
    return rows


def _several(given: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    return [given] if isinstance(given, str | Path) else given


def project(
    *,
    eot: float | Sequence[float],
    background: str | Path,
    efficiency: str | Path | float,
    at: float | None = None,
    scaling: str = "linear",
    period: str = "",
    delivered: bool = False,
    level: float = 0.9,
    to: str | Path | None = None,
    reason: str = "",
    limits_at_face_value: bool = False,
    signal_error: float = 0.1,
    threshold: float | None = None,
    points: int = 37,
    resonant: str | None = None,
    alpha_d: float = 0.1,
    curves: Sequence[str | Path] = (),
    tell: Tell = silent,
) -> list[Projection]:
    """Limits to expect of exposures.

    Parameters
    ----------
    eot : float or sequence of float
        Electrons on target.
    background : str or Path
        A table, ``"N+-DN"`` or ``"seed_2021"``.
    efficiency : str, Path or float
        Of dark photons above the threshold.
    at : float, optional
        Electrons on target that the background is of; by default it is of every exposure asked for.
    scaling : {"linear", "constant"}
        Of the background with exposure.
    period : str
        Of beam, box and efficiency; by default electrons of 100 GeV and a threshold of 50 GeV.
    delivered : bool
        The electrons are those delivered: the live time among the losses of the efficiency counts.
    level : float
        Confidence level.
    to : str or Path, optional
        Folder for ``projection.csv`` and figures.
    reason, limits_at_face_value, signal_error, threshold, points, resonant, alpha_d, curves
        As `limits` takes them.
    tell : callable
        Takes lines about the projections.

    Returns
    -------
    list of na64.outputs.limits.projection.Projection
        One an exposure.

    Raises
    ------
    ValueError
        A period that is not known, or a file of something else without a reason.

    Examples
    --------
    >>> one, ten = na64.project(eot=[1e11, 1e12], background="0.5+-0.2", efficiency=0.5, points=2)
    >>> ten.eot
    1000000000000.0
    """
    asked = LimitsRequest(
        threshold=threshold, points=points, resonant=resonant, alpha_d=alpha_d, reason=reason
    )
    beside = [read_own_curve(Path(one), (ParameterPlane.MIXING,)) for one in curves]
    scales = Scaling(scaling)
    stated_background, stated_efficiency = str(background), str(efficiency)
    check_box(stated_background, DEFAULT_SEARCH, "a projection")
    checked_levels([level])
    size = background_of(stated_background, limits_at_face_value=limits_at_face_value)
    production = _production(period, threshold, asked.matter)
    kept = flat_of(stated_efficiency) or read_efficiency(
        Path(stated_efficiency),
        period,
        threshold=production.threshold,
        beam=production.beam,
        delivered=delivered,
    )
    stated = check_projection(stated_background, stated_efficiency, period, reason=reason)
    projections = [
        project_one(
            one,
            size,
            kept,
            production,
            at=at,
            scaling=scales,
            level=level,
            signal_error=signal_error,
            masses=asked.masses,
        )
        for one in (eot if isinstance(eot, Sequence) else [eot])
    ]
    words = scales.words if at else "background as stated, for every exposure"
    Listener(tell=tell).say((*of_projections(projections, words, kept), *stated))
    if to:
        write_projections(
            Path(to), projections, "; ".join((words, *stated)), asked.matter, kept, curves=beside
        )
        tell(f"projection: {to}")
    return projections


def _production(period: str, threshold: float | None, matter: Resonant | None) -> Production:
    """Beam and threshold of the period of a projection."""
    if not period:
        least = Production().threshold if threshold is None else threshold
        return _of_threshold(threshold, Production().beam, least, matter)
    known = load_periods()
    if period not in known:
        raise ValueError(f"--period {period}: is not known, expected one of {', '.join(known)}")
    box = box_facts(known[period])
    beam = beam_of(box)
    least = beam.energy - box.rectangle().width if threshold is None else threshold
    return _of_threshold(threshold, beam, least, matter)


def _of_threshold(threshold: float | None, beam: Beam, least: float, matter: Resonant | None) -> Production:
    """Production above a threshold, which is named if it was asked for and cannot be."""
    try:
        return Production(beam, least, matter)
    except ValueError as error:
        raise error if threshold is None else ValueError(f"--threshold {threshold:g}: {error}") from None
