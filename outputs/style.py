"""How every figure looks: mplhep's base, print first, no colour without a second sign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import hist
import matplotlib as mpl
import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

from na64.outputs.canvas import draw_both

INK = "#1b1b1b"
QUIET = "#6b6b6b"
CLOSED = "#b01e1e"
"""What is not looked at: the box, its hatching, what a cut removes."""

ACCENT = "#1f5a92"
FILL = "#9dbfdc"

REGION_COLOURS = {"region_I": "#0b5394", "region_II": "#b45309", "region_III": "#6a1b6a", "elsewhere": QUIET}
"""Okabe-Ito-like hues of different lightness."""

REGION_LINES: dict[str, Literal["-", "--", "-.", ":"]] = {
    "region_I": "-",
    "region_II": "--",
    "region_III": "-.",
    "elsewhere": ":",
}
REGION_MARKERS = {"region_I": "o", "region_II": "s", "region_III": "^", "elsewhere": "x"}
REGION_NAMES = {"region_I": "I", "region_II": "II", "region_III": "III", "elsewhere": "elsewhere"}

COUNTS: Colormap = LinearSegmentedColormap.from_list(
    "counts", mpl.colormaps["YlGnBu"](np.linspace(0.22, 1.0, 256)), N=256
).with_extremes(bad="white")
"""From light to dark: the order of counts survives a black-and-white print.

No count is white, not transparent: viewers of PDF draw grey lines around transparent cells.
"""

_AFTER_NAME = 37.5
"""Points from the start of the bold name of the experiment to what is written behind it."""

_PAD_OF_TITLE = 6.0
_ABOVE: dict[str, Any] = {"xycoords": "axes fraction", "va": "baseline", "fontsize": 12}

_OVERRIDES: dict[Any, Any] = {
    "font.family": mplhep.style.ROOT["font.sans-serif"][0],  # every other name is looked for at every text
    "font.size": 12,
    "axes.labelsize": 12,
    "axes.titlesize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "axes.linewidth": 0.9,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
    "hatch.linewidth": 0.8,
    "figure.figsize": (7.2, 5.2),
    "figure.dpi": 144,
    "savefig.bbox": "standard",
    "savefig.dpi": 144,
    "xtick.major.size": 6,
    "xtick.minor.size": 3,
    "ytick.major.size": 6,
    "ytick.minor.size": 3,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "xtick.minor.ndivs": 2,
    "ytick.minor.ndivs": 2,
    "xtick.minor.width": 0.6,
    "ytick.minor.width": 0.6,
    "xtick.major.pad": 5,
    "ytick.major.pad": 5,
    "axes.labelpad": 5,
    "svg.hashsalt": "na64",
    "text.hinting": "no_hinting",  # else text is wider in pixels than on paper
    "pdf.fonttype": 3,
}


@contextmanager
def style() -> Iterator[None]:
    """Figures made inside look alike; nothing outside changes."""
    with mpl.rc_context():
        mpl.rcParams.update(mplhep.style.ROOT)
        mpl.rcParams.update(_OVERRIDES)
        yield


def axis_label(axis: hist.axis.Regular) -> str:
    """Label of an axis, with ``E_X`` set as a symbol with a subscript."""
    return as_symbol(str(axis.label or axis.name))


def as_symbol(text: str) -> str:
    """Set ``E_X`` in a text as a symbol with a subscript."""
    return re.sub(r"\bE_([A-Z]+)", r"$E_\\mathrm{\1}$", text)


def stamp(axes: Axes, label: str, *, right: str = "") -> None:
    """Say above the axes what the events are, on the right what the figure is of."""
    # A height of their own: else every pass over the figure measures everything that could be in the way.
    axes.set_title("NA64", loc="left", color=INK, fontweight="bold", y=1.0)
    axes.annotate(
        label, (0, 1), (_AFTER_NAME, _PAD_OF_TITLE), textcoords="offset points", color=INK, **_ABOVE
    )
    if right:
        axes.set_title(right, loc="right", color=QUIET, fontsize=10.5, y=1.0)


def head(figure: Figure, text: str) -> None:
    """Write a line at the top of the figure."""
    width, height = figure.get_size_inches()
    place: dict[str, Any] = {"y": 1 - 0.1 / height, "fontsize": 12, "ha": "left", "va": "top"}
    figure.text(0.01, s="NA64", fontweight="bold", **place)
    figure.text(0.01 + _AFTER_NAME / (72 * width), s=text, **place)


def images(figure: Figure) -> Iterator[tuple[str, bytes]]:
    """Give the suffix and the content of the figure in each format, without anything about who and when.

    The layout is made once, and both formats are drawn in one pass.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)
    yield from zip(("png", "pdf"), draw_both(figure), strict=True)


def watermark(figure: Figure, text: str) -> None:
    """Write across the figure."""
    figure.text(
        0.5,
        0.5,
        text,
        fontsize=40,
        color=CLOSED,
        alpha=0.18,
        rotation=28,
        ha="center",
        va="center",
        zorder=10,
    )
