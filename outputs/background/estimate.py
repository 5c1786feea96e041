"""The background estimate of a stored result: sidebands extrapolated, products multiplied."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hist

from na64.datasets.conditions.conditions import RunType
from na64.outputs.background.extrapolation import LEAST_EVENTS, Extrapolation, Sideband, extrapolate
from na64.outputs.background.rates import (
    Factor,
    Weighted,
    load_products,
    poisson_limit,
    simulated_fraction,
    with_loss,
)
from na64.outputs.background.sidebands import (
    TurnOn,
    beam_energy,
    beam_line_sideband,
    box_of,
    in_box,
    measure_turn_on,
    next_to_guard,
    plane_of,
    target_sideband,
)
from na64.outputs.background.table import BackgroundRow, BackgroundTable, with_error
from na64.outputs.background.time_window import time_window_row
from na64.outputs.result.messages import counted
from na64.outputs.result.products import Products
from na64.outputs.result.summary import BoxFacts, Summary
from na64.outputs.statistics.one_sided import CONFIDENCE

DIMUONS = "dimuons"
"""Name of the product whose loss a simulation can give."""

_LARGEST_LOG_ERROR = 0.5
"""A worse extrapolation is given as an upper limit."""

_LARGEST_LIKELY = 0.9
"""The most likely number is at most this part of the limit."""

_ONE_SIDED = 1.2816
"""Standard deviations of `CONFIDENCE`."""

_TURNS_UP = 3.0
"""Standard deviations by which more is seen next to the guard than is predicted."""

_TAGS = {False: "[D: sideband]", True: "[D: sideband; a single slope is assumed]"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen.

    Attributes
    ----------
    rates : Path or None
        Products; None is the packaged file.
    end : float or None
        GeV where fits along E_ECAL end; None: the trigger's turn-on is measured.
    hcal_stop : float
        GeV where fits along E_HCAL end.
    start, hcal_start : float or None
        GeV where fits begin at the earliest; None: at the guard's edge.
    one_slope : bool
        Assume that each sideband goes into the box with a single slope.
    """

    rates: Path | None = None
    end: float | None = None
    hcal_stop: float = 20.0
    start: float | None = None
    hcal_start: float | None = None
    one_slope: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """A background estimate with what it rests on.

    Attributes
    ----------
    table : BackgroundTable
    turn_on : TurnOn or None
        None: it could not be measured.
    extrapolations : tuple of Extrapolation
    simulated : float or None
        Events in the box, if the result is of simulation.
    """

    table: BackgroundTable
    turn_on: TurnOn | None
    extrapolations: tuple[Extrapolation, ...]
    simulated: float | None = None


def estimate(
    products: Products,
    settings: Settings,
    simulation: Products | None = None,
    timing: Products | None = None,
) -> Estimate:
    """Estimate the background in the box of a result, from events outside of it.

    Parameters
    ----------
    products : Products
        Blind data, or simulation without weights.
    settings : Settings
    simulation : Products, optional
        Simulated dimuons through the same selection, for the fraction that is lost.
    timing : Products, optional
        Electrons of the beam trigger (selection ``timing_beam``), for the energy that is out of time.

    Raises
    ------
    ValueError
        The result has several boxes, or weights, or hides more than box and guard; or the simulation is of
        another selection.
    """
    plane, box = plane_of(products), _edges(products, settings)
    above = target_sideband(plane, box, settings.hcal_stop, one_slope=settings.one_slope)
    from_above = extrapolate(above)
    turn_on, beside, row = _beside(plane, box, beam_energy(products), settings)
    found = [factor for factor in (_loss(products, simulation),) if factor]
    sources = load_products(settings.rates)
    for factor in found:
        sources = with_loss(sources, DIMUONS, factor)
    yields = _yields(products)
    rows = [row, row_of(from_above, _alone(above)), *(source.row(yields) for source in sources)]
    if late := time_window_row(products, box, timing):
        rows.append(late)
    return Estimate(
        BackgroundTable(tuple(rows)),
        turn_on,
        (beside, from_above),
        None if products.summary.is_data else in_box(products).sumw,
    )


def _edges(products: Products, settings: Settings) -> BoxFacts:
    """Box with the guard up to where fits begin."""
    box = box_of(products)
    moving = [f"variation {v.name}" for v in products.summary.selection.variations if v.moves_plane]
    moving += [f"the packaged set-up of period {box.period}"] if box.packaged_too else []
    moving += [f"the box of search {other.search}, period {box.period}," for other in box.others]
    if products.summary.is_data and moving and None in (settings.start, settings.hcal_start):
        raise ValueError(
            f"{moving[0]} hides events beyond the guard band: state where fits are to begin "
            "(--start, --hcal-start), or estimate from a result that hides no events under it"
        )
    return replace(
        box,
        guard_ecal=max(box.guard_ecal, (settings.start or 0.0) - box.ecal),
        guard_hcal=max(box.guard_hcal, (settings.hcal_start or 0.0) - box.hcal),
    )


def row_of(found: Extrapolation, alone: Extrapolation | None = None) -> BackgroundRow:
    """Row of the background table from a sideband.

    With few events, or an error of more than half of the value, it is an upper limit. Where no density of
    the family describes the counts, it is that of the least favourable one through those next to the guard.

    Parameters
    ----------
    found : Extrapolation
    alone : Extrapolation, optional
        The same for a single slope, to be mentioned.
    """
    method = _method(found, alone)
    if not found.is_acceptable:
        return _limit_through_band(found, f"{method}; no density of this family describes them")
    if found.n_events < LEAST_EVENTS or found.log_error > _LARGEST_LOG_ERROR:
        limit = max(found.quantiles[3], found.n + _ONE_SIDED * found.error)
        likely = found.curve.best
        return _limit(found, limit, min(likely, _LARGEST_LIKELY * limit), method)
    tag = _TAGS[found.sideband.one_slope]
    return BackgroundRow(found.sideband.name, found.n, found.error, method=method, tag=tag)


def _limit_through_band(found: Extrapolation, method: str) -> BackgroundRow:
    observed, ratio = found.validation.observed, found.largest_ratio
    method += f": least favourable slope through the {counted(round(observed), 'event')} next to the guard"
    return _limit(found, ratio * poisson_limit(observed), ratio * observed, method)


def _limit(found: Extrapolation, limit: float, likely: float, method: str) -> BackgroundRow:
    method = f"{CONFIDENCE:.0%} limit; {method}"
    name, tag = found.sideband.name, _TAGS[found.sideband.one_slope]
    return BackgroundRow(name, limit, upper_limit=True, most_likely=likely, method=method, tag=tag)


def _method(found: Extrapolation, alone: Extrapolation | None) -> str:
    sideband, seen = found.sideband, found.validation
    assumed = "a single slope, assumed" if sideband.one_slope else "slopes of any number and a floor"
    band = f"next to the guard ({seen.start:g} to {seen.stop:g} GeV) {seen.observed:.0f} seen"
    parts = [
        f"{counted(round(found.n_events), 'event')} from {sideband.start:g} to {sideband.stop:g} GeV",
        f"{assumed}, p = {found.p_value:.2g}",
        f"{band}, {seen.low:.3g} to {seen.high:.3g} predicted without them",
    ]
    if seen.scale > 1:
        parts.append(f"errors x {seen.scale:.2f} for it")
    if alone is not None and alone.is_acceptable and found.n_events >= LEAST_EVENTS:
        parts.append(f"a single slope would give {with_error(alone.n, alone.error)}")
    if _turns_up(found):
        parts.append("the counts rise towards the box, which no density of the family does")
    return "; ".join(parts)


def _turns_up(found: Extrapolation) -> bool:
    """Whether more is seen next to the guard than a density allows that does not rise towards the box."""
    return found.sideband.falling is None and found.validation.pull > _TURNS_UP


def _beside(
    plane: hist.Hist[Any], box: BoxFacts, energy: float, settings: Settings
) -> tuple[TurnOn | None, Extrapolation, BackgroundRow]:
    """Extrapolate along E_ECAL; without a range to fit, from the few GeV next to the guard."""
    try:
        turn_on = TurnOn(settings.end) if settings.end is not None else measure_turn_on(plane, box)
        sideband = beam_line_sideband(plane, box, energy, turn_on, one_slope=settings.one_slope)
    except ValueError as error:
        found = extrapolate(next_to_guard(plane, box))
        return None, found, _limit_through_band(found, str(error))
    found = extrapolate(sideband)
    return turn_on, found, row_of(found, _alone(sideband))


def _alone(sideband: Sideband) -> Extrapolation | None:
    return None if sideband.one_slope else extrapolate(replace(sideband, one_slope=True))


def _loss(products: Products, simulation: Products | None) -> Factor | None:
    """Fraction of simulated dimuons of Region I that end in the box."""
    if simulation is None:
        return None
    one, other = (p.summary.identities.get("selection") for p in (products, simulation))
    if simulation.summary.is_data or one != other:
        raise ValueError("the simulation of dimuons is not simulation, or went through another selection")
    return simulated_fraction("in the box, per dimuon of Region I", in_box(simulation), _region_i(simulation))


def _region_i(simulation: Products) -> Weighted:
    """Sum Region I of simulation, over runs."""
    names = ("region_I_sumw", "region_I_sumw2") if simulation.is_weighted else ("region_I",) * 2
    columns = (simulation.yields.column(name) for name in names)
    sumw, sumw2 = (math.fsum(float(value or 0.0) for value in column) for column in columns)
    return Weighted(sumw, sumw2)


def _yields(products: Products) -> dict[str, float | None]:
    if not products.summary.selection.regions:
        raise ValueError(f"selection {products.summary.selection.name} has no regions to estimate from")
    counts = {name: float(_count(products, name)) for name in ("region_I", "region_II", "region_III")}
    return {"eot": _eot(products.summary), **counts}


def _eot(summary: Summary) -> float | None:
    """Electrons on target of physics runs: live ones, or else those delivered; None if none are known."""
    runs = [run for run in summary.runs if run.type == RunType.PHYSICS.value]
    live, delivered = (
        math.fsum(eot for eot in column if eot is not None)
        for column in ([run.eot_live for run in runs], [run.eot_delivered for run in runs])
    )
    return live or delivered or None


def _count(products: Products, name: str) -> int:
    return int(products.summary.totals[name])
