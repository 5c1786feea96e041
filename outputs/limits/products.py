"""Writes the limits: tables, limits.json, figures, the pyhf workspace and the HEPData submission."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from na64.datasets.basics.atomic_file import write_bytes, write_together
from na64.datasets.basics.json_records import to_json
from na64.datasets.conditions.on_target import exposure_label, on_target
from na64.outputs.limits.analysis import LimitsAnalysis, named
from na64.outputs.limits.dark_matter import Resonant
from na64.outputs.limits.figures import Favoured, LimitBand, mixing_plane, projected_plane, relic_plane
from na64.outputs.limits.hepdata import write_hepdata
from na64.outputs.limits.losses import loss_facts
from na64.outputs.limits.projection import Projection, projection_table
from na64.outputs.limits.search import EfficiencyFunction
from na64.outputs.limits.tables import (
    QUANTITIES,
    DarkMatterLimitsRow,
    LimitsRow,
    limits_table,
    y_table,
)
from na64.outputs.report.drawing import write_figure
from na64.outputs.result.origin import Origin, seal_facts
from na64.outputs.result.product_names import (
    BACKGROUNDS,
    CONTOUR_FACTS,
    CONTOUR_HEPDATA,
    FOLDER,
    LIMITS,
    SCHEMA,
    TABLE,
    Y_TABLE,
)
from na64.outputs.result.table import Table
from na64.outputs.signal.bosons import Boson
from na64.outputs.signal.curves import Curve, ParameterPlane, load_curves
from na64.outputs.signal.moments import ELECTRON_LKB, MUON_2021, band
from na64.outputs.statistics.workspace import workspace

Numbers = NDArray[np.float64]


def write_limits(
    folder: Path,
    analysis: LimitsAnalysis,
    *,
    origin: Origin | None = None,
    record: Mapping[str, object] | None = None,
    curves: Sequence[Curve] = (),
) -> None:
    """Write everything; while `LIMITS` is there, all of it is whole and of one kind.

    Parameters
    ----------
    folder : Path
        Made if there is none.
    analysis : LimitsAnalysis
    origin : Origin, optional
        The one result that it is of.
    record : mapping, optional
        What was asked for, and of which files it was made: for `LIMITS` too.
    curves : sequence of Curve
        Drawn beside the published ones.
    """
    limits, y = limits_table(analysis.points), y_table(analysis.points, analysis.search.alphas)
    search, mass = analysis.search, analysis.points[0][1].mass
    archived = to_json(workspace(search.model(mass), search.counts_at(mass)))
    exposures = " and ".join(f"{e.delivered:.3g} {on_target(e.particle)}" for e in search.exposures)
    comment = f"{analysis.label}, {exposures}; {analysis.state}"
    contents = {
        TABLE: limits.to_csv(),
        Y_TABLE: y.to_csv(),
        **_backgrounds(analysis),
        f"{FOLDER}/workspace.json": archived,
        LIMITS: to_json(seal_facts(summary_of(analysis) | dict(record or {}), origin)),
    }

    def write_others() -> None:
        shutil.rmtree(folder / CONTOUR_HEPDATA, ignore_errors=True)
        write_hepdata(folder / FOLDER / "hepdata", limits, y, comment)
        _write_figures(folder / FOLDER, analysis, limits, y, curves)

    without = {*_of_before(folder)} - contents.keys()
    write_together(folder, contents, seal=LIMITS, without=without, meanwhile=write_others)


def _backgrounds(analysis: LimitsAnalysis) -> dict[str, bytes]:
    """Tables of background that the limits take, by name."""
    tables = [background.table.to_csv() for background in analysis.backgrounds]
    suffixes = [""] if len(tables) == 1 else [f"_{number}" for number in range(1, len(tables) + 1)]
    return {f"{FOLDER}/background{suffix}.csv": data for suffix, data in zip(suffixes, tables, strict=True)}


def _of_before(folder: Path) -> Iterator[str]:
    """Tables of other backgrounds, and the contour of a search, from what the limits were before."""
    patterns = [f"{FOLDER}/{BACKGROUNDS}", f"{Path(CONTOUR_FACTS).stem}.*"]
    yield from (path.relative_to(folder).as_posix() for pattern in patterns for path in folder.glob(pattern))


def summary_of(analysis: LimitsAnalysis) -> dict[str, object]:
    """What `limits.json` holds."""
    search, (level, first) = analysis.search, analysis.points[0]
    n, error = search.background
    bands = dict(zip(QUANTITIES[1:], first.expected.bands, strict=True))
    return {
        "schema": SCHEMA,
        "label": analysis.label,
        "state": analysis.state,
        "levels": list(analysis.levels),
        "background": {
            "n": n,
            "error": error,
            "parts": [
                {"n": b.n, "error": b.error, "source": b.source, "face_value": b.limits_at_face_value}
                for b in analysis.backgrounds
            ],
        },
        "expected_limit": {
            "level": level,
            "events": bands | {"mean": first.expected.mean},
            "probability_of_none": first.expected.probability_of_none,
            "eps": [[p.mass, p.eps(p.expected.median)] for at, p in analysis.points if at == level],
        },
        "observed": _observed(analysis),
        "signal_error": _signal_error(analysis),
        "comparisons": [asdict(comparison) for comparison in analysis.comparisons],
        "periods": [
            {
                "name": period.name,
                "eot": period.on_target,
                "exposure": exposure_label(period.production.beam.particle),
                "observed": period.observed,
                **_share(analysis, index),
            }
            for index, period in enumerate(search.periods)
        ],
        "inputs": [
            {"folder": named(exposure.folder), "result": exposure.digest, "selection": exposure.selection}
            for exposure in analysis.exposures
        ],
        "excluded": [
            {"folder": named(exposure.folder), "run": run, "reason": reason}
            for exposure in analysis.exposures
            for run, reason in exposure.excluded
        ],
        "assumptions": [asdict(assumption) for assumption in analysis.assumptions],
        **_losses([(period.name, period.efficiency) for period in search.periods]),
    }


def _losses(periods: Sequence[tuple[str, EfficiencyFunction]]) -> dict[str, object]:
    """Table of the losses of periods, if any are listed."""
    rows = [
        row
        for name, efficiency in periods
        for row in loss_facts(name, efficiency.losses, delivered=efficiency.delivered)
    ]
    return {"losses": rows} if rows else {}


def _share(analysis: LimitsAnalysis, index: int) -> dict[str, object]:
    period = analysis.search.periods[index]
    return {
        "beam": period.production.beam.text,
        "threshold": period.production.threshold,
        "background": period.expected,
        "background_error": period.background_error,
        "efficiency": period.efficiency.source,
    }


def _signal_error(analysis: LimitsAnalysis) -> dict[str, object]:
    """Error of the yield, and what variations of the efficiency add, mass by mass."""
    search = analysis.search
    masses = [point.mass for level, point in analysis.points if level == analysis.levels[0]]
    found: dict[str, dict[str, object]] = {}
    rows: dict[str, list[dict[str, object]]] = {}
    for mass in masses:
        for size in search.effects_at(mass):
            found[size.name] = {"name": size.name, "members": size.members, "source": size.source}
            row = {"mass": mass, "size": abs(size.effect), "changes": size.changes, "errors": size.errors}
            rows.setdefault(size.name, []).append(row)
    return {
        "yield": search.signal_error,
        "total": [[mass, search.signal_error_at(mass)] for mass in masses],
        "variations": [entry | {"sizes": rows[name]} for name, entry in found.items()],
    }


def _observed(analysis: LimitsAnalysis) -> dict[str, object] | None:
    counts, (level, first) = analysis.search.observed, analysis.points[0]
    if counts is None or analysis.interval is None:
        return None
    interval = [analysis.interval.low, analysis.interval.high]
    eps = [[p.mass, p.eps(p.observed)] for at, p in analysis.points if at == level and p.observed is not None]
    return {
        "counts": sum(counts),
        "level": level,
        "events": first.observed,
        "unified_interval": interval,
        "eps": eps,
    }


def band_of(
    table: Table[LimitsRow] | Table[DarkMatterLimitsRow], mass: str, prefix: str, **chosen: float
) -> LimitBand:
    """Rows of a table that have these values, as a band over a mass."""
    rows = [row for row in table.records() if all(row[name] == value for name, value in chosen.items())]

    def column(name: str) -> Numbers:
        return np.array([np.nan if row[name] is None else row[name] for row in rows], np.float64)

    limits = {quantity: column(f"{prefix}_{quantity}") for quantity in QUANTITIES}
    return LimitBand(column(mass), limits, chosen["level"])


def _write_figures(
    folder: Path,
    analysis: LimitsAnalysis,
    limits: Table[LimitsRow],
    y: Table[DarkMatterLimitsRow],
    curves: Sequence[Curve],
) -> None:
    level, label = analysis.levels[0], _short(analysis)
    exposures, resonant = analysis.search.exposures, analysis.search.resonant
    title = " + ".join(f"{power_of_ten(e.delivered or 0.0)} {e.label}" for e in exposures)
    note = resonant.label if resonant else ""
    for path in folder.glob("exclusion_y_*"):
        path.unlink()
    limit = band_of(limits, "mass", "eps", level=level)
    words = {"label": label, "title": title, "note": note}
    moments = _moments(limit.mass)
    make = partial(mixing_plane, limit, _beside(ParameterPlane.MIXING, curves), moments=moments, **words)
    write_figure(folder, "exclusion", make)
    for alpha in analysis.search.alphas:
        limit = band_of(y, "mass_chi", "y", level=level, alpha_d=alpha)
        make = partial(relic_plane, limit, _beside(ParameterPlane.RELIC, curves), alpha=alpha, **words)
        write_figure(folder, f"exclusion_y_{alpha:g}", make)


def _beside(plane: ParameterPlane, curves: Sequence[Curve]) -> list[Curve]:
    """Published curves of a plane, and those of other people that are in it."""
    return [*load_curves(plane), *(curve for curve in curves if curve.plane is plane)]


def write_projections(
    folder: Path,
    projections: Sequence[Projection],
    words: str,
    resonant: Resonant | None = None,
    efficiency: EfficiencyFunction | None = None,
    *,
    curves: Sequence[Curve] = (),
) -> None:
    """Write `projection.csv`, what it assumes, and the figure."""
    write_bytes(folder / "projection.csv", projection_table(projections).to_csv())
    facts: dict[str, object] = {"schema": SCHEMA, "background": words}
    facts["resonant"] = resonant and resonant.text
    if efficiency is not None and efficiency.losses:
        facts["exposure"] = "delivered" if efficiency.delivered else "live"
        facts |= _losses([("projection", efficiency)])
    write_bytes(folder / "projection.json", to_json(facts))
    note = resonant.label if resonant else ""
    write_figure(folder, "projection", partial(_projection_figure, projections, note, curves))


def _projection_figure(projections: Sequence[Projection], note: str, own: Sequence[Curve]) -> Figure:
    curves = _beside(ParameterPlane.MIXING, own)
    if len(projections) == 1:
        band, title = _projected_band(projections[0]), _exposure(projections[0])
        moments = _moments(band.mass)
        return mixing_plane(band, curves, moments=moments, label="projection", title=title, note=note)
    medians = [(_exposure(p), _projected_band(p)) for p in projections]
    title = ", ".join(filter(None, (f"{projections[0].level:.0%} CL", note)))
    return projected_plane(medians, curves, title=title)


def _exposure(projection: Projection) -> str:
    return f"{power_of_ten(projection.eot)} {exposure_label(projection.beam.particle)}"


def _projected_band(projection: Projection) -> LimitBand:
    mass = np.array([point.mass for point in projection.points])
    eps = np.array([[point.eps(n) for n in point.expected.bands] for point in projection.points])
    limits = dict(zip(QUANTITIES[1:], eps.T, strict=True)) | {"observed": np.full(len(mass), np.nan)}
    return LimitBand(mass, limits, projection.level)


def _moments(masses: Numbers) -> list[Favoured]:
    """Mixings that the anomalous moments of muon and electron allow at two standard deviations.

    With the value of alpha from Berkeley, no dark photon explains that of the electron at any mixing.
    """
    found = []
    for deviation, label in (
        (MUON_2021, r"muon $g-2$ (2021), favoured at $2\sigma$"),
        (ELECTRON_LKB, r"electron $g-2$ (LKB $\alpha$), excluded above"),
    ):
        bands = [band(Boson.VECTOR, float(mass), deviation) for mass in masses]
        edges = np.array([(b.low, b.high) if b else (np.nan, np.nan) for b in bands])
        found.append(Favoured(label, masses, edges[:, 0], edges[:, 1]))
    return found


def _short(analysis: LimitsAnalysis) -> str:
    return analysis.label if len(analysis.label) < 50 else "several results"


def power_of_ten(number: float) -> str:
    """Write a number as a mantissa and a power of ten, in mathematical notation."""
    mantissa, exponent = f"{number:.2e}".split("e")
    return rf"${float(mantissa):g}\times10^{{{int(exponent)}}}$"
