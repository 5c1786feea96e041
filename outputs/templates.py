"""Parts of the report that other commands than `na64 process` leave in the folder of a result."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from na64.outputs.report import power, tagged

Picture = tuple[str, str, str]
"""Name, caption and content of a figure."""


def fill(template: Traversable, **content: object) -> Markup:
    """Write a part of the page.

    Parameters
    ----------
    template : Traversable
        Of jinja2; what is put into it is escaped.
    **content
        By the names in the template.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(power=power, tagged=tagged)
    page = environment.from_string(template.read_text(encoding="utf-8")).render(content)
    return Markup(page)  # noqa: S704 (escaped by the template)


def pictures(folder: Path, captions: Mapping[str, str]) -> list[Picture]:
    """Read the figures of a folder that are there, in the order of their captions."""
    return [
        (name, caption, base64.b64encode((folder / f"{name}.png").read_bytes()).decode())
        for name, caption in captions.items()
        if (folder / f"{name}.png").exists()
    ]
