"""Plots and report of a stored result, written into its folder."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from markupsafe import Markup

from na64.datasets.basics.atomic_file import write_bytes
from na64.outputs.report.figures import draw
from na64.outputs.report.report import render
from na64.outputs.report.style import images
from na64.outputs.report.templates import Section
from na64.outputs.result.metrics import read_metrics
from na64.outputs.result.products import Products
from na64.outputs.result.store import PLOTS, PROVENANCE, REPORT, RESULT, report_mark


def write_report(folder: Path, products: Products, *, sections: Sequence[Section] = ()) -> Path:
    """Write plots and report of a result; figures of an earlier one that are no longer made are removed.

    Parameters
    ----------
    folder : Path
        Of the result.
    products : Products
    sections : sequence of Section
        What other commands may have added to the folder, in the order of the report.
    """
    pictures = []
    written = set()
    for drawing in draw(products):
        for suffix, data in images(drawing.figure):
            path = folder / PLOTS / f"{drawing.name}.{suffix}"
            write_bytes(path, data)
            written.add(path)
            if suffix == "png":
                pictures.append((drawing.name, drawing.section, drawing.caption, data))
    for path in (folder / PLOTS).glob("*"):
        if path not in written and path.suffix in (".png", ".pdf"):
            path.unlink()
    result = (folder / RESULT).read_bytes()
    pages = section_pages(sections, folder, products, result)
    page = render(products, pictures, sections=pages, metrics=read_metrics(folder))
    mark = report_mark(result, (folder / PROVENANCE).read_bytes())
    write_bytes(folder / REPORT, page.encode() + mark)
    return folder / REPORT


def section_pages(
    sections: Sequence[Section], folder: Path, products: Products, result: bytes
) -> dict[str, Markup]:
    """Pages of the sections by title, in order; without those that nothing was left for.

    Parameters
    ----------
    sections : sequence of Section
    folder : Path
        Of the result.
    products : Products
    result : bytes
        `result.json`.
    """
    digest, made = sha256(result).hexdigest(), dict(products.summary.products)
    found = {section.title: section.write(folder, made, digest) for section in sections}
    return {title: page for title, page in found.items() if page}
