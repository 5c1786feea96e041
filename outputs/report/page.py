"""How pages are written: what is not of a template is text, in which nothing is obeyed."""

from __future__ import annotations

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from na64.datasets.basics.plain_text import visible


def page_environment() -> Environment:
    """Environment of every page: what is not of a template is escaped, and without control characters."""
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )


def _visible(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = "\n".join(visible(line, keep="\t") for line in value.split("\n"))  # whole lines are quick to judge
    return Markup(text) if isinstance(value, Markup) else text  # noqa: S704 (no tag was added)
