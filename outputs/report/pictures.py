"""Pictures of a result: those that are there already, and those that have to be drawn."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from na64.datasets.basics.error_line import error_line
from na64.datasets.basics.identity import bytes_digest
from na64.outputs.report.kept_figures import (
    KeptFigure,
    KeptFigures,
    code_digest,
    kept_images,
    key_of,
    read_kept,
    write_kept,
)
from na64.outputs.result.products import Products
from na64.outputs.result.store import PLOTS

if TYPE_CHECKING:
    from na64.outputs.report.figures import Drawing

Picture: TypeAlias = tuple[str, str, str, bytes]
"""Name, section of the report, caption and PNG of a figure."""

Images: TypeAlias = dict[str, bytes]
"""Images of a figure by suffix; empty if it could not be drawn."""

_log = logging.getLogger(__name__)


def write_pictures(
    folder: Path, products: Products, status: str, result: bytes
) -> tuple[list[Picture], list[str]]:
    """Write the figures of a result that are not there as they are to be.

    Parameters
    ----------
    folder : Path
        Of the result.
    products : Products
        As people read them.
    status : str
        What stands after the name of the experiment.
    result : bytes
        `result.json`, which names everything that is drawn.

    Returns
    -------
    list of Picture
        Those that can be shown, in the order of the report.
    list of str
        Names of those that could not be drawn.
    """
    code, plots = code_digest(), folder / PLOTS
    kept = read_kept(folder)
    of = bytes_digest("\n".join([bytes_digest(result), status, products.summary.opening, code]).encode())
    there = [(one, kept_images(plots, one)) for one in kept.figures]
    if kept.of == of and all(images for _, images in there):
        return [_picture(one, images) for one, images in there], []
    made: list[tuple[KeptFigure, Images]] = []
    failed: list[str] = []
    try:
        for figure, images in _draw(
            plots, products, status, code, {one.key: images for one, images in there}
        ):
            if images:
                made.append((figure, images))
            else:
                failed.append(figure.name)
    except Exception as problem:
        _log.warning("figures are not drawn: %s", error_line(problem))
        failed.append("the others")
    write_kept(folder, KeptFigures("" if failed else of, tuple(one for one, _ in made)))
    return [_picture(one, images) for one, images in made], failed


def _picture(figure: KeptFigure, images: Images) -> Picture:
    return figure.name, figure.section, figure.caption, images["png"]


def _draw(
    plots: Path, products: Products, status: str, code: str, there: Mapping[str, Images]
) -> Iterator[tuple[KeptFigure, Images]]:
    """Yield every figure with its images, drawn if there are none of its key."""
    # Here, because matplotlib reads settings of the user, and may fail, as soon as it is imported.
    from na64.outputs.report.figures import drawings  # noqa: PLC0415

    wanted = [(drawing, key_of(drawing.name, drawing.make, code)) for drawing in drawings(products, status)]
    lacking = [drawing for drawing, key in wanted if not (key and there.get(key))]
    drawn = _drawn(plots, lacking)
    for drawing, key in wanted:
        images = there[key] if key and there.get(key) else next(drawn)
        digests = {suffix: bytes_digest(data) for suffix, data in images.items()}
        yield KeptFigure(drawing.name, drawing.section, drawing.caption, key, digests), images


def _drawn(plots: Path, drawings: Sequence[Drawing]) -> Iterator[Images]:
    from na64.outputs.report.drawing import write_figures  # noqa: PLC0415

    yield from write_figures(plots, [(drawing.name, drawing.make) for drawing in drawings])
