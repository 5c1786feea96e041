"""The page of a calibration or of a monitoring: sections of text, tables and figures in one file."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from na64.datasets.basics.atomic_file import write_bytes
from na64.outputs.report.drawing import Make, write_figure
from na64.outputs.report.page import page_environment


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table of a page."""

    caption: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PageFigure:
    """A figure of a page, as base64 of PNG."""

    caption: str
    png: str


@dataclass(frozen=True, slots=True)
class PageSection:
    """A section of a page."""

    title: str
    texts: tuple[str, ...] = ()
    tables: tuple[PageTable, ...] = ()
    figures: tuple[PageFigure, ...] = ()


def drawn(folder: Path, figures: Iterable[tuple[str, str, Make]]) -> tuple[PageFigure, ...]:
    """Draw figures, given by name, caption and maker, into a folder; those that fail are left out."""
    found = []
    for name, caption, make in figures:
        images = write_figure(folder, name, make, formats=("png",))
        if images:
            found.append(PageFigure(caption, base64.b64encode(images["png"]).decode()))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class PageHead:
    """What a page begins with, and the line at its end."""

    title: str
    eyebrow: str
    lede: tuple[str, ...]
    footer: str


def write_html(path: Path, head: PageHead, sections: Sequence[PageSection]) -> Path:
    """Write the page."""
    template = files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8")
    text = page_environment().from_string(template).render(head=head, sections=sections)
    write_bytes(path, text.encode())
    return path
