"""What the page knows to let its reader look closer: planes after every cut, cut variables and runs."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from typing import Any

import hist
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from na64.datasets.conditions.on_target import exposure_label
from na64.outputs.report.closed_bins import closed_areas, hidden_bins
from na64.outputs.report.cut_efficiency import kept_by_cut
from na64.outputs.report.heading import plain_heading
from na64.outputs.report.not_drawn import not_drawn
from na64.outputs.report.outline import is_bounded, outline
from na64.outputs.report.region_styles import region_styles
from na64.outputs.report.run_exposure import run_exposure
from na64.outputs.result.histograms import is_logarithmic
from na64.outputs.result.products import Products, of_physics_runs
from na64.outputs.result.summary import planes_of
from na64.outputs.result.summary_facts import CutFacts, PlaneFacts, RegionFacts, Role
from na64.outputs.result.yields import poisson_errors, yield_names
from na64.selections.planes import ENERGIES

_SCRIPTS = ("canvas.js", "planes.js", "variables.js", "runs.js", "report.js")
"""Parts of the script, each in the words of those before."""

_DIGITS = 7
"""Of numbers that are no counts: those of float32."""

_ABOVE = 4.0
"""GeV of HCAL energy above the guard band that is shown when zoomed to it."""

Json = dict[str, Any]


def script() -> Markup:
    """The script of the page."""
    parts = [(files(__package__) / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return Markup("\n".join(('"use strict";', "(() => {", *parts, "})();", "")))  # noqa: S704 (our own files)


def script_source() -> str:
    """Source of scripts that the page allows: this one, by its hash, and no other."""
    digest = base64.b64encode(sha256(str(script()).encode()).digest()).decode()
    return f"'sha256-{digest}'"


def page_data(products: Products, status: str = "") -> Markup:
    """Everything the script shows, as JSON that can stand in a page.

    Parameters
    ----------
    products : Products
        As people read them, without hidden bins.
    status : str
        What stands after the name of the experiment, as ``Preliminary``.
    """
    found = {
        "heading": plain_heading(products.summary, status),
        "planes": [_plane(products, facts) for facts in products.summary.selection.planes],
        "variables": list(_variables(products)),
        "runs": _runs(products),
    }
    text = json.dumps(found, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026"))  # noqa: S704


def _plane(products: Products, shown: PlaneFacts) -> Json:
    summary = products.summary
    stages = [facts for facts in planes_of(summary, shown) if facts.name in products.histograms]
    if not stages:
        return {"label": shown.label, "stages": []}
    first = products.histograms[stages[0].name]
    features = tuple(str(axis.name) for axis in first.axes)
    areas = closed_areas(features, summary.boxes)
    closed = areas if summary.is_data else []
    return {
        "label": shown.label,
        "axes": [_axis(axis) for axis in first.axes],
        "logColour": shown.log_colour,
        "closed": [
            {
                "name": area.name,
                "ends": [[_finite(end) for end in ends] for ends in area.ends],
                "box": [[_finite(end) for end in ends] for ends in area.box],
            }
            for area in areas
        ],
        "covered": summary.is_data,
        "zoom": _guard_zoom(products, features),
        "regions": list(_regions(summary.selection.regions, products, first)),
        "stages": [
            {
                "title": one.title,
                "bins": _sparse(products.histograms[one.name], closed),
                "rest": not_drawn(products, one, closed),
            }
            for one in stages
        ],
    }


def _axis(axis: Any) -> Json:
    label = str(axis.label or axis.name)
    shown: Json = {"label": label.replace("E_", "E ", 1) if label.startswith("E_") else label}
    if isinstance(axis, hist.axis.Regular):
        return shown | {"bins": axis.size, "low": _number(axis.edges[0]), "high": _number(axis.edges[-1])}
    return shown | {"edges": [_number(edge) for edge in axis.edges], "log": is_logarithmic(axis)}


def _guard_zoom(products: Products, features: tuple[str, ...]) -> list[list[float]] | None:
    boxes = [box for box in products.summary.boxes if box.is_rectangle]
    if features != ENERGIES or not boxes:
        return None
    right = max(box.hidden_width for box in boxes)
    top = max(box.hidden_height for box in boxes)
    return [[0.0, 1.5 * right], [0.0, top + _ABOVE]]


def _regions(regions: tuple[RegionFacts, ...], products: Products, plane: hist.Hist[Any]) -> Iterator[Json]:
    boxes, styles = products.summary.boxes, region_styles(regions)
    features = tuple(str(axis.name) for axis in plane.axes)
    limits = (*_widened(plane.axes[0]), *_widened(plane.axes[1]))
    modules = boxes[0].modules if boxes else (0, 1, 2)
    for region in regions:
        corners = outline(region, limits, modules, features)
        if len(corners) >= 3 and is_bounded(region, features):
            look = styles[region.name]
            yield {
                "name": look.name,
                "colour": look.colour,
                "corners": [[_number(value) for value in corner] for corner in corners],
            }


def _widened(axis: Any) -> tuple[float, float]:
    """Ends of an axis and a little more, so that outlines leave it and do not run along it."""
    low, high = (float(edge) for edge in axis.edges[[0, -1]])
    margin = 0.0 if is_logarithmic(axis) else 0.05 * (high - low)
    return low - margin, high + margin


def _sparse(histogram: hist.Hist[Any], closed: list[Any]) -> list[float]:
    """Filled bins, one after the other: how many further than the last one, and its content."""
    counts = np.asarray(histogram.values(), np.float64)
    hidden = hidden_bins(histogram, closed)[tuple(slice(1, -1) for _ in histogram.axes)]
    flat = np.where(hidden, 0.0, counts).ravel()
    filled = np.flatnonzero(flat)
    steps = np.diff(filled, prepend=0)
    return [number for step, n in zip(steps, flat[filled], strict=True) for number in (int(step), _number(n))]


def _variables(products: Products) -> Iterator[Json]:
    cuts = {cut.name: cut for cut in products.summary.selection.cuts}
    meanings = {one.name: one.meaning.rstrip(".") for one in products.summary.selection.own_features}
    kept = kept_by_cut(products)
    for facts in products.summary.histograms:
        histogram = products.histograms.get(facts.name)
        if facts.role is not Role.N_MINUS_ONE or histogram is None or histogram.ndim != 1:
            continue
        (axis,) = histogram.axes
        counts = np.asarray(histogram.values(flow=True), np.float64)
        cut = cuts[facts.cut]
        yield {
            "title": cut.label or facts.cut.replace("_", " "),
            "axis": _axis(axis),
            "counts": [_number(n) for n in counts],
            "bounds": _stated(cut, axis),
            "said": _said(cut, str(axis.name)),
            "meaning": meanings.get(str(axis.name), ""),
            "kept": kept.get(facts.cut, ""),
            "weighted": products.is_weighted,
        }


def _said(cut: CutFacts, feature: str) -> str:
    texts = (one.text for one in cut.intervals if one.feature == feature)
    return (
        "; ".join(texts)
        .replace("<=", "\N{LESS-THAN OR EQUAL TO}")
        .replace(">=", "\N{GREATER-THAN OR EQUAL TO}")
    )


def _stated(cut: CutFacts, axis: Any) -> list[float | None]:
    """Bounds of a cut on an axis; of whole numbers in bins around them, the edges of the bins."""
    mine = [one for one in cut.intervals if one.feature == axis.name]
    margin = 0.5 if np.allclose(axis.edges % 1, 0.5) else 0.0
    lows = [one.low - margin for one in mine if one.low is not None]
    highs = [one.high + margin for one in mine if one.high is not None]
    return [_bound(max(lows)) if lows else None, _bound(min(highs)) if highs else None]


def _bound(value: float) -> float | None:
    """A bound in as many digits as people write, not those of the float32 beside it."""
    return float(f"{value:.6g}") if math.isfinite(value) and abs(value) > 1e-30 else 0.0


def _runs(products: Products) -> Json:
    summary, table = products.summary, products.yields
    physics = {run.run for run in summary.physics_runs}
    names = yield_names([region.name for region in summary.selection.regions])
    styles = region_styles(summary.selection.regions)
    kinds = len(dict.fromkeys(str(kind) for kind in table.column("particle"))) == 1
    unit = exposure_label(str(next(iter(table.column("particle")), "") or "")) if kinds else "on target"
    rows, of_physics = table.records(), of_physics_runs(products)
    exposure = run_exposure(of_physics)
    of_run = dict(zip(of_physics.column("run"), exposure.values, strict=True))
    columns = ["run", "period", "eot", "recorded", "processed", "skipped", "missing", "hidden", *names]
    titles = {"eot": unit} | {name: look.name for name, look in styles.items()}
    return {
        "columns": [titles.get(name, name) for name in columns],
        "rows": [[_cell(row.get(name)) for name in columns] for row in rows],
        "yields": [
            {
                "name": name,
                "title": name.replace("_", " "),
                "colour": styles[name].colour if name in styles else "#1b1b1b",
                "column": columns.index(name),
                "errors": _errors(np.array([float(row[name] or 0) for row in rows], np.float64)),
            }
            for name in names
        ],
        "exposure": [_number(of_run.get(row["run"], 0.0)) for row in rows],
        "unit": exposure.plain,
        "shown": [int(row["run"] in physics) for row in rows],
    }


def _errors(counts: NDArray[np.float64]) -> list[list[float]]:
    """Distances from counts to the ends of their central 68 % intervals."""
    return [[float(f"{error:.3g}") for error in side] for side in poisson_errors(counts)]


def _cell(value: Any) -> Any:
    return _number(value) if isinstance(value, float) else value


def _number(value: Any) -> float | int:
    number = float(f"{float(value):.{_DIGITS}g}") if abs(value) < 10**_DIGITS else float(value)
    return int(number) if number.is_integer() else number


def _finite(value: float) -> float | None:
    return _number(value) if math.isfinite(value) else None
