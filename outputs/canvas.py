"""Draws a figure as pixels and as a page of PDF in one pass, most of which is placing text."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.transforms import Affine2D, Bbox, TransformedPath
from PIL import Image

_POINTS_PER_INCH = 72.0
_PARSER = MathTextParser("path")
"""Remembers formulas from one figure to the next; else each would parse them again."""

RULER = RendererAgg(1, 1, 144)
"""Measures text of figures of 144 dots an inch."""

RULER.mathtext_parser = _PARSER
_NOBODY = {"CreationDate": None, "Creator": None, "Producer": None}
_PNG_LEVEL = 1
"""Figures are mostly white: higher levels take twice as long for a tenth of the size."""


def draw_both(figure: Figure) -> tuple[bytes, bytes]:
    """Draw a figure whose layout is made, without anything about who and when.

    Parameters
    ----------
    figure : Figure

    Returns
    -------
    png, pdf : bytes
    """
    width, height = figure.get_size_inches()
    written = io.BytesIO()
    file = PdfFile(written, metadata=_NOBODY)
    file.newPage(width, height)
    pixels = RendererAgg(width * figure.dpi, height * figure.dpi, figure.dpi)
    pixels.mathtext_parser = _PARSER
    figure.draw(_Both(pixels, RendererPdf(file, figure.dpi, height, width)))
    file.finalize()
    file.close()
    return _png(pixels, figure.dpi), written.getvalue()


def _png(pixels: RendererAgg, dpi: float) -> bytes:
    written = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels.buffer_rgba())).convert("RGB")  # the paper is opaque
    image.save(written, "png", dpi=(dpi, dpi), compress_level=_PNG_LEVEL)
    return written.getvalue()


class _Both(RendererBase):
    """Hands everything that is drawn in pixels on to the page, in points.

    The pixels are those of matplotlib's own PNG. Text on the page starts where it does there.
    """

    def __init__(self, pixels: Any, page: Any) -> None:
        super().__init__()
        self._pixels, self._page = pixels, page
        self._to_points = Affine2D().scale(_POINTS_PER_INCH / pixels.dpi)
        self._clips: dict[tuple[float, ...], Bbox] = {}
        for name in ("points_to_pixels", "get_canvas_width_height", "get_text_width_height_descent", "flipy"):
            setattr(self, name, getattr(pixels, name))

    def new_gc(self) -> Any:
        return self._page.new_gc()

    def _on_page(self, gc: Any) -> Any:
        """Return a copy of a graphics context whose clipping is in points."""
        copy = self._page.new_gc()
        copy.copy_properties(gc)
        if clip := gc.get_clip_rectangle():
            # One object for equal rectangles: the page compares them by identity.
            made = self._clips.setdefault(clip.bounds, clip.transformed(self._to_points))
            copy.set_clip_rectangle(made)
        path, transform = gc.get_clip_path()
        if path is not None:
            copy.set_clip_path(TransformedPath(path, transform + self._to_points))
        return copy

    def draw_path(self, gc: Any, *args: Any, **more: Any) -> None:
        self._pixels.draw_path(gc, *args, **more)
        path, transform, *face = args
        self._page.draw_path(self._on_page(gc), path, transform + self._to_points, *face, **more)

    def draw_markers(self, gc: Any, *args: Any, **more: Any) -> None:
        self._pixels.draw_markers(gc, *args, **more)
        marker, size, path, place, *face = args
        scaled = (marker, size + self._to_points, path, place + self._to_points)
        self._page.draw_markers(self._on_page(gc), *scaled, *face, **more)

    def draw_path_collection(self, gc: Any, *args: Any, **more: Any) -> None:
        self._pixels.draw_path_collection(gc, *args, **more)
        size, paths, transforms, offsets, place, *how = args
        scaled = (size + self._to_points, paths, transforms, offsets, place + self._to_points)
        self._page.draw_path_collection(self._on_page(gc), *scaled, *how, **more)

    def draw_quad_mesh(self, gc: Any, *args: Any, **more: Any) -> None:
        self._pixels.draw_quad_mesh(gc, *args, **more)
        size, width, height, corners, offsets, place, *how = args
        scaled = (size + self._to_points, width, height, corners, offsets, place + self._to_points)
        self._page.draw_quad_mesh(self._on_page(gc), *scaled, *how, **more)

    def draw_image(self, gc: Any, x: float, y: float, *args: Any, **more: Any) -> None:
        self._pixels.draw_image(gc, x, y, *args, **more)
        self._page.draw_image(self._on_page(gc), *self._to_points.transform((x, y)), *args, **more)

    def draw_text(self, gc: Any, x: float, y: float, *args: Any, **more: Any) -> None:
        self._pixels.draw_text(gc, x, y, *args, **more)
        place = self._to_points.transform((x, self._pixels.height - y))
        self._page.draw_text(self._on_page(gc), *place, *args, **more)
