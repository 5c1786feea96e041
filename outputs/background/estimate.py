"""The background estimate of a stored result: sidebands extrapolated, products multiplied."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import hist

from na64.datasets.conditions.conditions import RunType
from na64.outputs.background.extrapolation import LEAST_EVENTS, Extrapolation, extrapolate
from na64.outputs.background.rates import (
    CONFIDENCE,
    Factor,
    Weighted,
    load_products,
    poisson_limit,
    simulated_fraction,
    with_loss,
)
from na64.outputs.background.sidebands import (
    BEAM_LINE,
    TurnOn,
    beam_energy,
    beam_line_sideband,
    box_of,
    in_box,
    measure_turn_on,
    plane_of,
    target_sideband,
)
from na64.outputs.background.table import BackgroundTable, Row
from na64.outputs.result.products import Products
from na64.outputs.result.summary import BoxFacts, Summary

DIMUONS = "dimuons"
"""Name of the product whose loss a simulation can give."""

_LARGEST_LOG_ERROR = 1.0
"""A worse extrapolation is given as an upper limit."""

_ONE_SIDED = 1.2816
"""Standard deviations of `CONFIDENCE`."""


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
    """

    rates: Path | None = None
    end: float | None = None
    hcal_stop: float = 20.0
    start: float | None = None
    hcal_start: float | None = None


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


def estimate(products: Products, settings: Settings, simulation: Products | None = None) -> Estimate:
    """Estimate the background in the box of a result, from events outside of it.

    Parameters
    ----------
    products : Products
        Blind data, or simulation without weights.
    settings : Settings
    simulation : Products, optional
        Simulated dimuons through the same selection, for the fraction that is lost.

    Raises
    ------
    ValueError
        The result has several boxes, or weights, or hides more than box and guard; or the simulation is of
        another selection.
    """
    plane, box = plane_of(products), _edges(products, settings)
    above = extrapolate(target_sideband(plane, box, settings.hcal_stop))
    turn_on, beside, row = _beside(plane, box, beam_energy(products), settings.end)
    found = [factor for factor in (_loss(products, simulation),) if factor]
    sources = load_products(settings.rates)
    for factor in found:
        sources = with_loss(sources, DIMUONS, factor)
    yields = _yields(products)
    return Estimate(
        BackgroundTable((row, row_of(above), *(source.row(yields) for source in sources))),
        turn_on,
        (*([beside] if beside else []), above),
        None if products.summary.is_data else in_box(products).sumw,
    )


def _edges(products: Products, settings: Settings) -> BoxFacts:
    """Give the box with the guard up to where fits begin."""
    box = box_of(products)
    moving = [f"variation {v.name}" for v in products.summary.selection.variations if v.moves_plane]
    moving += [f"the packaged set-up of period {box.period}"] if box.packaged_too else []
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


def row_of(found: Extrapolation) -> Row:
    """Say what a sideband says of the box, as a row of the table.

    A result with an error of more than a factor e is given as an upper limit. With too few events for a
    slope, the limit is that of a density that does not rise towards the box.
    """
    sideband = found.sideband
    if found.average is None:
        if found.n_events < LEAST_EVENTS:
            return _flat_limit(found)
        method = f"none of {len(found.fits)} fits describes the {found.n_events:.0f} events of the sideband"
        return Row(sideband.name, None, method=method)
    method = _method(found)
    if found.log_error > _LARGEST_LOG_ERROR:
        n = found.n * math.exp(_ONE_SIDED * found.log_error)
        method = (
            f"{_percent()} limit; {method}, {found.n:.2g} within a factor {math.exp(found.log_error):.1f}"
        )
        return Row(sideband.name, n, upper_limit=True, method=method, tag="[D: sideband]")
    return Row(sideband.name, found.n, found.n * found.log_error, method=method, tag="[D: sideband]")


def _method(found: Extrapolation) -> str:
    sideband = found.sideband
    used = [fit for fit in found.fits if fit.is_acceptable]
    names = ", ".join(dict.fromkeys(fit.shape.name for fit in used))
    return (
        f"{found.n_events:.0f} events from {sideband.starts[0]:g} to {sideband.stops[0]:g} GeV; {names}; "
        f"{len(used)} of {len(found.fits)} fits acceptable, their spread {100 * found.spread:.0f} %"
    )


def _flat_limit(found: Extrapolation) -> Row:
    sideband = found.sideband
    start, stop = sideband.starts[0], sideband.stops[0]
    n = poisson_limit(found.n_events) * (sideband.box[1] - sideband.box[0]) / (stop - start)
    method = (
        f"{found.n_events:.0f} event{'s' * (found.n_events != 1)} from {start:g} to {stop:g} GeV, too few "
        f"to fit: {_percent()} limit of a density that does not rise towards the box"
    )
    return Row(sideband.name, n, upper_limit=True, method=method, tag="[D: sideband]")


def _percent() -> str:
    return f"{100 * CONFIDENCE:.0f} %"


def _beside(
    plane: hist.Hist, box: BoxFacts, energy: float, end: float | None
) -> tuple[TurnOn | None, Extrapolation | None, Row]:
    """Extrapolate along E_ECAL; what stands against it is the method of a row without a number."""
    try:
        turn_on = TurnOn(end) if end is not None else measure_turn_on(plane, box)
        found = extrapolate(beam_line_sideband(plane, box, energy, turn_on))
    except ValueError as error:
        return None, None, Row(BEAM_LINE, None, method=str(error))
    return turn_on, found, row_of(found)


def _loss(products: Products, simulation: Products | None) -> Factor | None:
    """Give the fraction of simulated dimuons of Region I that end in the box."""
    if simulation is None:
        return None
    one, other = (p.summary.identities.get("selection") for p in (products, simulation))
    if simulation.summary.is_data or one != other:
        raise ValueError("the simulation of dimuons is not simulation, or went through another selection")
    return simulated_fraction("in the box, per dimuon of Region I", in_box(simulation), _region_i(simulation))


def _region_i(simulation: Products) -> Weighted:
    """Sum Region I of simulation, over runs."""
    rows = simulation.yields.records()
    names = ("_sumw", "_sumw2") if "region_I_sumw" in simulation.yields.kinds else ("", "")
    sumw, sumw2 = (math.fsum(float(row[f"region_I{name}"] or 0.0) for row in rows) for name in names)
    return Weighted(sumw, sumw2)


def _yields(products: Products) -> dict[str, float | None]:
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
