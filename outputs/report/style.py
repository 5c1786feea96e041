"""How every figure looks: mplhep's base, print first, no colour without a second sign."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import hist
import matplotlib as mpl
import mplhep
import numpy as np
from matplotlib import cbook
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter, ScalarFormatter

INK = "#1b1b1b"
QUIET = "#6b6b6b"
CLOSED = "#b01e1e"
"""What is not looked at: the box, its hatching, what a cut removes."""

ACCENT = "#1f5a92"
FILL = "#9dbfdc"

COUNTS = LinearSegmentedColormap.from_list(
    "counts", mpl.colormaps["YlGnBu"](np.linspace(0.22, 1.0, 256)), N=256
)
"""From light to dark: the order of counts survives a black-and-white print."""

_SMALL = 10.5
"""Size of the second line of a heading."""

HEADING = 0.75
"""Inches of a heading of `stamp_figure`."""

_LINE = 25
"""Points from the axes to its first line."""

_LETTERS = 74
"""Letters that fit on the second line."""

_METADATA = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}

FORMATS = tuple(_METADATA)
"""Suffixes of the images of a figure."""

_COMPRESSION = 3
"""Level of zlib in a PNG: within a tenth of the size of the usual 6, in two thirds of the time (tried)."""

_NUMBERS = (ScalarFormatter, LogFormatter)
"""What writes numbers at an axis."""

_OVERRIDES: dict[Any, Any] = {
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
    "pdf.fonttype": 3,
}


@contextmanager
def style() -> Iterator[None]:
    """Figures made inside look alike, whatever the user's settings are; nothing outside changes."""
    with mpl.rc_context(), warnings.catch_warnings():
        # A letter of a user's label that no font has is a box in the figure, and no reason to be without it.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        mpl.rcParams.update({name: v for name, v in mpl.rcParamsDefault.items() if name != "backend"})
        mpl.rcParams.update(mplhep.style.ROOT)
        mpl.rcParams.update(_OVERRIDES)
        yield


def axis_label(axis: hist.axis.Regular | hist.axis.Variable) -> str:
    """Label of an axis, with ``E_X`` set as a symbol with a subscript."""
    return as_symbol(str(axis.label or axis.name))


def as_symbol(text: str) -> str:
    """Set ``E_X`` in a text as a symbol with a subscript."""
    return re.sub(r"\bE_([A-Z]+)", r"$E_\\mathrm{\1}$", text)


def stamp(axes: Axes, label: str, *, right: str = "") -> None:
    """Heading above the axes: what the events are, below it on the right what the figure is of.

    Parameters
    ----------
    axes : Axes
    label : str
        One line, or two: the second, smaller, stands to the left of what the figure is of.
    right : str
    """
    first, _, second = label.partition("\n")
    first = f"$\\bf{{NA64}}$  {folded(first) if right and not second else first}"
    y = None if _has_offset(axes) else 1.0
    if not second:
        axes.set_title(first, loc="left", color=INK, y=y)
        axes.set_title(right, loc="right", color=QUIET, fontsize=_SMALL, y=y)
        return
    is_long = bool(right) and len(second) + len(right) > _LETTERS
    axes.set_title(f"{second}\n{right}" if is_long else second, loc="left", color=QUIET, fontsize=_SMALL, y=y)
    axes.set_title("" if is_long else right, loc="right", color=QUIET, fontsize=_SMALL, y=y)
    above = _LINE * (1.6 if is_long else 1.0)
    axes.annotate(first, (0, 1), (0, above), xycoords="axes fraction", textcoords="offset points", color=INK)


def _has_offset(axes: Axes) -> bool:
    """Whether a factor common to its numbers stands above an axis, where a heading has to go higher.

    Elsewhere its height is known, and matplotlib need not measure all numbers again each time it looks.
    """
    low, high = sorted(axes.get_ylim())
    formatter = axes.yaxis.get_major_formatter()
    formatter.set_locs([at for at in axes.get_yticks() if low <= at <= high])
    return bool(formatter.get_offset())


def stamp_figure(figure: Figure, label: str, *, right: str = "", left: float = 0.012) -> None:
    """Heading of a figure of many axes: above on the left what the events are, on the right what is shown.

    Parameters
    ----------
    figure : Figure
        With `HEADING` inches above its axes, which a constrained layout leaves by itself.
    label : str
        One line, or two: the second is smaller.
    right : str
    left : float
        Where the lines begin, as a share of the width; they end as far from the other side.
    """
    height = figure.get_figheight()
    if isinstance(engine := figure.get_layout_engine(), ConstrainedLayoutEngine):
        engine.set(rect=(0, 0, 1, 1 - HEADING / height))
    first, _, second = label.partition("\n")
    top: dict[str, Any] = {"va": "top", "y": 1 - 0.13 / height}
    below: dict[str, Any] = {"va": "top", "y": 1 - 0.4 / height, "fontsize": _SMALL, "color": QUIET}
    figure.text(left, s=f"$\\bf{{NA64}}$  {first}", fontsize=13, color=INK, **top)
    figure.text(left, s=second, **below)
    figure.text(1 - left, s=right, ha="right", **below)


def folded(label: str) -> str:
    """Label that is too long to stand on one line with something else, broken."""
    return "\n".join(textwrap.wrap(label, 46)) or label


def images(figure: Figure, formats: Iterable[str] = FORMATS) -> Iterator[tuple[str, bytes]]:
    """Suffix and the content of the figure in each format, without anything about who and when.

    The layout is made once, not again for every format.
    """
    _show_as_text(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)  # with "none", a place holder makes savefig draw everything twice
    for suffix in formats:
        buffer = io.BytesIO()
        options: dict[str, Any] = {}
        if suffix == "png":
            options["pil_kwargs"] = {"compress_level": _COMPRESSION}
        figure.savefig(buffer, format=suffix, metadata=_METADATA[suffix], **options)
        yield suffix, buffer.getvalue()


def _show_as_text(figure: Figure) -> None:
    """Let texts that only look like formulas, as labels of a user may, be shown as they are written."""
    for text in _texts(figure):
        if not all(map(_can_be_set, text.get_text().splitlines())):
            text.set_parse_math(False)


def _texts(artist: Artist) -> Iterator[Text]:
    """Texts of a figure, without the numbers at its axes: those are no words of a user, and are many."""
    if isinstance(artist, Text):
        yield artist
    if isinstance(artist, Axis) and isinstance(artist.get_major_formatter(), _NUMBERS):
        yield artist.label
        return
    for child in artist.get_children():
        yield from _texts(child)


def learn_formulas() -> None:
    """Build the grammar of formulas, once for all processes that this one is copied to afterwards."""
    _can_be_set("$x$")


@cache
def _can_be_set(line: str) -> bool:
    """Whether a line is no formula, or one that can be set. Parsing takes long, and figures say the same."""
    if not cbook.is_math_text(line):
        return True
    try:
        MathTextParser("path").parse(line)
    except ValueError:
        return False
    return True


def marked(make: Callable[[], Figure], text: str) -> Figure:
    """Make a figure, and write across it if there is anything to write."""
    figure = make()
    if text:
        watermark(figure, text)
    return figure


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
