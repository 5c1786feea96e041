"""The background estimate of a stored result: sidebands extrapolated, products multiplied."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hist

from na64.datasets.basics.toml import unknown
from na64.datasets.conditions.on_target import add_by_kind
from na64.outputs.background.control_shape import ControlShape
from na64.outputs.background.extrapolation import LEAST_EVENTS, Extrapolation, Sideband, extrapolate
from na64.outputs.background.rates import (
    EXPOSURES,
    Factor,
    Product,
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
from na64.outputs.background.time_window import BeamElectrons, time_window_row
from na64.outputs.result.messages import counted
from na64.outputs.result.other_boxes import begins_above, other_boxes_begin
from na64.outputs.result.products import Products, require_regions
from na64.outputs.result.summary import Summary
from na64.outputs.result.summary_facts import BoxFacts
from na64.outputs.statistics.one_sided import CONFIDENCE
from na64.selections.regions import DIMUON_REGION

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
    shapes : tuple of ControlShape
        Of a box without sidebands in the energies of ECAL and HCAL.
    """

    table: BackgroundTable
    turn_on: TurnOn | None
    extrapolations: tuple[Extrapolation, ...]
    simulated: float | None = None
    shapes: tuple[ControlShape, ...] = ()


def estimate(
    products: Products,
    settings: Settings,
    simulation: Products | None = None,
    timing: BeamElectrons | None = None,
) -> Estimate:
    """Estimate the background in the box of a result, from events outside of it.

    Parameters
    ----------
    products : Products
        Blind data, or simulation without weights.
    settings : Settings
    simulation : Products, optional
        Simulated dimuons through the same selection, for the fraction that is lost.
    timing : BeamElectrons, optional
        Electrons of the beam trigger (selection ``timing_beam``), for the energy that is out of time.

    Raises
    ------
    ValueError
        The result has several boxes, or weights, or hides more than box and guard; or the simulation is of
        another selection.
    """
    beside = estimate_sidebands(products, settings, plane_of(products))
    found = [factor for factor in (_loss(products, simulation),) if factor]
    sources = load_products(settings.rates)
    if settings.rates is not None:
        check_regions(settings.rates, sources, products.summary.selection.region_names)
    for factor in found:
        sources = with_loss(sources, DIMUONS, factor)
    yields = yields_of(products)
    rows = [*beside.rows, *(source.row(yields) for source in sources)]
    if late := time_window_row(products, _edges(products, settings), timing):
        rows.append(late)
    return Estimate(
        BackgroundTable(tuple(rows)),
        beside.turn_on,
        beside.extrapolations,
        None if products.summary.is_data else in_box(products).sumw,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Sidebands:
    """What the two sidebands of a plane say of the box.

    Attributes
    ----------
    turn_on : TurnOn or None
        None: it could not be measured.
    extrapolations : tuple of Extrapolation
        Along E_ECAL, along E_HCAL.
    rows : tuple of BackgroundRow
        Of the same.
    """

    turn_on: TurnOn | None
    extrapolations: tuple[Extrapolation, Extrapolation]
    rows: tuple[BackgroundRow, BackgroundRow]


def estimate_sidebands(products: Products, settings: Settings, plane: hist.Hist[Any]) -> Sidebands:
    """Backgrounds that two sidebands of a plane give, of the box of a result.

    Parameters
    ----------
    products : Products
        Box and beam are its own.
    settings : Settings
        Their rates are not used.
    plane : Hist
        (E_ECAL, E_HCAL), GeV, counts: as `na64.outputs.background.sidebands.plane_of` gives it.

    Raises
    ------
    ValueError
        As `estimate`.
    """
    _check_starts(plane, settings)
    box = _edges(products, settings)
    stop = min(settings.hcal_stop, *other_boxes_begin(products))
    try:
        above = target_sideband(plane, box, stop, one_slope=settings.one_slope)
    except ValueError as error:
        raise error if stop < settings.hcal_stop else ValueError(f"--hcal-stop {stop:g}: {error}") from None
    from_above = extrapolate(above)
    turn_on, beside, row = _beside(plane, box, beam_energy(products), settings)
    return Sidebands(turn_on, (beside, from_above), (row, row_of(from_above, _alone(above))))


def _check_starts(plane: hist.Hist[Any], settings: Settings) -> None:
    """Refuse fits that would begin where the plane has no bins."""
    asked = {"start": settings.start, "hcal-start": settings.hcal_start}
    for (option, value), axis in zip(asked.items(), plane.axes, strict=True):
        last = float(axis.edges[-1])
        if value is not None and not 0 <= value < last:
            raise ValueError(f"--{option} {value:g}: expected from 0 to {last:g} GeV, where the plane ends")


def check_regions(rates: Path | None, sources: tuple[Product, ...], known: tuple[str, ...]) -> None:
    """Refuse a source in proportion to a region that the selection lacks."""
    for source in sources:
        if source.proportional_to not in (*EXPOSURES, *known):
            file = rates.name if rates else "packaged sources"
            raise KeyError(f"{file}: {source.name}: {unknown('region', source.proportional_to, known)}")


def _edges(products: Products, settings: Settings) -> BoxFacts:
    """Box with the guard up to where fits begin."""
    box = box_of(products)
    moving = [f"variation {v.name}" for v in products.summary.selection.variations if v.moves_plane]
    for one in products.summary.boxes:
        moving += [f"the packaged set-up of period {one.period}"] if one.packaged_too else []
        moving += [
            f"the box of search {other.search}, period {one.period},"
            for other in one.others
            if not begins_above(one, other, box.height)
        ]
    if "calibration" in products.summary.identities:
        moving.append("the set-up without the calibration")
    if products.summary.is_data and moving and None in (settings.start, settings.hcal_start):
        raise ValueError(
            f"{moving[0]} hides events beyond the guard band: state where fits are to begin "
            "(--start, --hcal-start), or estimate from a result that hides no events under it"
        )
    return box.hidden_up_to(settings.start or 0.0, settings.hcal_start or 0.0)


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
        if settings.end is not None:
            raise ValueError(f"--end {settings.end:g}: {error}") from None
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
    if simulation.summary.is_data:
        raise ValueError("--simulation: holds recorded events, not simulated dimuons")
    if one != other:
        theirs, own = (p.summary.selection.name for p in (simulation, products))
        raise ValueError(
            f"--simulation: went through selection {theirs} as it was then, the result through {own}: "
            "na64 process it with the same"
        )
    return simulated_fraction("in the box, per dimuon of Region I", in_box(simulation), _dimuons(simulation))


def _dimuons(simulation: Products) -> Weighted:
    """Sum the region of dimuons of simulation, over runs."""
    require_regions(simulation, DIMUON_REGION, what="the simulation of dimuons")
    weights = [row.weighted(DIMUON_REGION) for row in simulation.yields.rows]
    return Weighted(math.fsum(sumw for sumw, _ in weights), math.fsum(sumw2 for _, sumw2 in weights))


def yields_of(products: Products) -> dict[str, float | None]:
    """Exposures by kind, and events of each region after the cut of the yields."""
    if not products.summary.selection.regions:
        raise ValueError(f"selection {products.summary.selection.name} has no regions to estimate from")
    counts = {name: float(products.summary.totals[name]) for name in products.summary.selection.region_names}
    return {**_exposures(products.summary), **counts}


def _exposures(summary: Summary) -> dict[str, float | None]:
    """Particles on target of physics runs, by kind: of each the live ones, or else those delivered."""
    runs = [(summary.particle_of(run), run.eot_live, run.eot_delivered) for run in summary.physics_runs]
    kinds = add_by_kind(
        (kind, live if live is not None else delivered, live) for kind, live, delivered in runs
    )
    return {kind.label.lower(): kind.delivered or None for kind in kinds}
