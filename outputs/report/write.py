"""Plots and report of a stored result, written into its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from na64.datasets.basics.atomic_file import write_bytes
from na64.datasets.basics.identity import bytes_digest
from na64.outputs.blinding.opened_box import OpenedBox, as_opened
from na64.outputs.report.closed_bins import without_hidden
from na64.outputs.report.display import displayed
from na64.outputs.report.heading import read_status, write_status
from na64.outputs.report.pictures import write_pictures
from na64.outputs.report.report import render
from na64.outputs.report.sections import Section
from na64.outputs.result.metrics import read_metrics
from na64.outputs.result.products import Products
from na64.outputs.result.store import PLOTS, PROVENANCE, REPORT, RESULT, is_report_of, report_mark


def write_report(
    folder: Path,
    products: Products,
    *,
    sections: Sequence[Section] = (),
    opening: OpenedBox | None = None,
    status: str | None = None,
) -> Path:
    """Write plots and report of a result; figures of an earlier one that are no longer made are removed.

    A figure that cannot be drawn is logged and named in the report, which is then not finished: the next
    command that needs it makes it again.

    Parameters
    ----------
    folder : Path
        Of the result.
    products : Products
    sections : sequence of Section
        What other commands may have added to the folder, in the order of the report.
    opening : OpenedBox, optional
        What is known of the opening of the box.
    status : str, optional
        What stands after the name of the experiment in figures, from now on; without it, what did before.
    """
    products = without_hidden(displayed(as_opened(products, opening)))
    plots = folder / PLOTS
    if status is not None:
        write_status(folder, status)
    status = read_status(folder)
    result = (folder / RESULT).read_bytes()
    pictures, failed = write_pictures(folder, products, status, result)
    written = {f"{name}.{suffix}" for name, *_ in pictures for suffix in ("png", "pdf")}
    for path in plots.glob("*"):
        if path.name not in written and path.suffix in (".png", ".pdf"):
            path.unlink()
    pages = section_pages(sections, folder, products, result)
    page = render(
        products,
        pictures,
        failed=failed,
        sections=pages,
        metrics=read_metrics(folder),
        opening=opening,
        status=status,
    )
    mark = b"" if failed else report_mark(result, (folder / PROVENANCE).read_bytes())
    write_bytes(folder / REPORT, page.encode() + mark)
    return folder / REPORT


def is_finished(folder: Path) -> bool:
    """Whether the report of a result is there with all of its figures."""
    return is_report_of(folder, (folder / RESULT).read_bytes(), (folder / PROVENANCE).read_bytes())


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
    digest, made = bytes_digest(result), dict(products.summary.products)
    found = {section.title: section.write(folder, made, digest) for section in sections}
    return {title: page for title, page in found.items() if page}
