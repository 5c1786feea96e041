"""One self-contained HTML page about a result."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files
from types import MappingProxyType

from markupsafe import Markup, escape

from na64.datasets.conditions.on_target import exposure_label
from na64.outputs.blinding.opened_box import OpenedBox
from na64.outputs.report.interactive import page_data, script, script_source
from na64.outputs.report.page import page_environment
from na64.outputs.report.region_styles import region_styles, region_title
from na64.outputs.report.yield_rows import yield_rows
from na64.outputs.result.cutflow import VISIBLE
from na64.outputs.result.products import Products, energy_planes, of_all_runs
from na64.outputs.result.summary_facts import VariationFacts
from na64.outputs.result.variations import Change, changes
from na64.outputs.result.yields import yield_names
from na64.selections.planes import ENERGY

_TEMPLATE, _STYLESHEET = "report.html.j2", "report.css"
_NOTHING: Mapping[str, Markup] = MappingProxyType({})
_THIN_SPACE = "\u2009"
_TAG = re.compile(r"(\[R-(?:hi|med|lo)[^\]]*\]|\[R\]|NOT FOUND)")


_ACCOUNTED = ("recorded", "processed", "skipped", "missing", "hidden")
"""Columns of events in the table of yields before the yields."""

_MOST_LISTED = 50
"""Warnings, failures and files that are listed; `na64 status` lists all."""


def render(
    products: Products,
    pictures: Sequence[tuple[str, str, str, bytes]],
    *,
    failed: Sequence[str] = (),
    sections: Mapping[str, Markup] = _NOTHING,
    metrics: Mapping[str, object] | None = None,
    opening: OpenedBox | None = None,
    status: str = "",
) -> str:
    """Write the page.

    Parameters
    ----------
    products : Products
    pictures : sequence of (name, section, caption, png)
        In the order they are shown; embedded.
    failed : sequence of str
        Names of figures that could not be drawn.
    sections : mapping of str to Markup
        What other commands add, see `na64.outputs.report.sections`.
    metrics : mapping, optional
        `na64.outputs.result.metrics.read_metrics`.
    opening : OpenedBox, optional
        What is known of the opening of the box.
    status : str
        What stands after the name of the experiment, as ``Preliminary``.

    Returns
    -------
    str
        HTML without any reference to another file or host.
    """
    environment = page_environment()
    environment.filters.update(
        count=count,
        power=power,
        exposure_label=exposure_label,
        words=words,
        tagged=tagged,
        percent=percent,
        picture=_data_url,
    )
    environment.filters.update(difference=difference, amount=amount)
    regions = products.summary.selection.region_names
    template = environment.from_string(_read(_TEMPLATE))
    return template.render(
        summary=products.summary,
        metrics=metrics,
        provenance=products.provenance,
        flow=_flow(products),
        regions=of_all_runs(products.regions).records(),
        yields=yield_rows(products.yields.records(), products.summary.other_runs),
        most_listed=_MOST_LISTED,
        yield_names=yield_names(regions),
        variations=_variations(products),
        region_names={
            name: look.name for name, look in region_styles(products.summary.selection.regions).items()
        },
        region_title=region_title,
        yield_columns=(*_ACCOUNTED, *yield_names(regions)),
        plane_heading=_plane_heading(products),
        box_is_drawn=_box_is_drawn(products),
        pictures=partial(_of_section, pictures),
        skipped=_skipped(products.summary.totals),
        is_unverified=is_unverified,
        visible=VISIBLE,
        stylesheet=Markup(_read(_STYLESHEET)),  # noqa: S704 (our own file)
        page_data=page_data(products, status),
        script=script(),
        script_source=script_source(),
        cut_labels={cut.name: cut.label for cut in products.summary.selection.cuts},
        sections=sections,
        failed=failed,
        opening=opening,
        status=status,
    )


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def count(value: object) -> str:
    """Write a number with thin spaces between thousands; a dash for nothing."""
    if value is None or value == "":
        return "\u2013"
    return f"{value:,}".replace(",", _THIN_SPACE)


def power(value: float | None) -> Markup:
    """Write a number as a mantissa and a power of ten; a dash for nothing."""
    if value is None:
        return Markup("\u2013")
    if value <= 0:
        return Markup("0")
    exponent = math.floor(math.log10(value))
    return Markup("{}\u2009\u00d7\u200910<sup>{}</sup>").format(f"{value / 10**exponent:.3g}", exponent)


def amount(value: float) -> str:
    """Write a yield: a count, or a sum of weights with two digits after the point."""
    return f"{value:,.{0 if float(value).is_integer() else 2}f}".replace(",", _THIN_SPACE)


def difference(change: Change) -> str:
    """Write a difference with its error."""
    if not change.difference and not change.error:
        return "0"
    digits = 0 if change.error >= 10 or float(change.difference).is_integer() else 2
    sign = "+" if change.difference > 0 else "\u2212" if change.difference < 0 else "\u00b1"
    size = f"{abs(change.difference):,.{digits}f}".replace(",", _THIN_SPACE)
    return f"{sign}{size} \u00b1 {change.error:.{max(digits, 1)}f}"


def percent(part: float, whole: float) -> str:
    """Write a share of a whole; a dash of nothing."""
    if not whole:
        return "\u2013"
    share = 100 * part / whole
    return f"{share:.1f}{_THIN_SPACE}%" if share >= 1 or share == 0 else f"{share:.2g}{_THIN_SPACE}%"


def words(name: str) -> str:
    """Turn the name of a cut, a region or a count into words."""
    return name.replace("_", " ")


def tagged(source: str) -> Markup:
    """Write a source with the tags of what nobody has verified marked as such."""
    parts = _TAG.split(source)
    marked = (
        Markup('<mark title="not verified">{}</mark>').format(part) if _TAG.fullmatch(part) else escape(part)
        for part in parts
    )
    return Markup("").join(marked)


def is_unverified(source: str) -> bool:
    """Whether a source has a tag of recollection or of something not found."""
    return _TAG.search(source) is not None


def _plane_heading(products: Products) -> str:
    first = products.summary.selection.planes[0]
    return "Energy plane" if first.name == ENERGY else first.label


def _box_is_drawn(products: Products) -> bool:
    """Whether there is a figure of the plane in a corner of which the signal box is."""
    return bool(energy_planes(products)) and any(box.is_rectangle for box in products.summary.boxes)


def _flow(products: Products) -> list[dict[str, object]]:
    rows = of_all_runs(products.cutflow).records()
    first = rows[0]["passed"] if rows else 0
    before = first
    flow: list[dict[str, object]] = []
    for row in rows:
        flow.append({**row, "before": before, "first": first})
        before = row["passed"]
    return flow


def _variations(products: Products) -> list[tuple[VariationFacts, dict[str, Change]]]:
    if products.varied_yields is None:
        return []
    found = changes(products.varied_yields)
    return [(facts, found[facts.name]) for facts in products.summary.selection.variations]


def _of_section(
    pictures: Sequence[tuple[str, str, str, bytes]], section: str
) -> list[tuple[str, str, str, bytes]]:
    return [picture for picture in pictures if picture[1] == section]


def _skipped(totals: Mapping[str, int]) -> dict[str, int]:
    return {
        name.removeprefix("skipped_"): number
        for name, number in totals.items()
        if name.startswith("skipped_")
    }


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
