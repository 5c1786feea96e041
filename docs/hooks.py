"""Pages of the site that the code writes: the front page, the rationale, and the reference."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from toml_keys import recorded

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import COLUMNS
from na64.datasets.instrument.features import FEATURES
from na64.datasets.reading.layout import LAYOUTS, load_layout
from na64.datasets.synthetic.campaign_reader import CAMPAIGNS, load_campaign
from na64.run import parser
from na64.selections.boxes import load_boxes
from na64.selections.selection import SELECTIONS, load_selection

_README = Path(__file__).parents[1] / "README.md"
_RATIONALE = "## Rationale\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not written by hand."""
    pages = {
        "index.md": front_page(_README.read_text()),
        "rationale.md": rationale(_README.read_text()),
        "reference/columns.md": columns_page(),
        "reference/features.md": features_page(),
        "reference/toml.md": toml_page(),
        "reference/commands.md": commands_page(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def front_page(readme: str) -> str:
    """Give the README as a page of the site: links into docs/ become links beside it."""
    before, _, after = readme.partition(_RATIONALE)
    rest = after[after.index("\n## ") :] if "\n## " in after else ""
    return re.sub(r"\]\(docs/", "](", before + rest)


def rationale(readme: str) -> str:
    """Give the questions and answers of the README."""
    text = readme.partition(_RATIONALE)[2].partition("\n## ")[0]
    return "# Rationale\n" + re.sub(r"\]\(docs/", "](", text)


def columns_page() -> str:
    """List the columns of an event."""
    rows = [
        (f"`{c.name}`", c.dtype, c.unit, "; ".join(shape.value for shape in c.shapes), c.meaning)
        for c in COLUMNS.values()
    ]
    intro = "What the kernels read, whatever the branches of a file are; a [layout](../layout.md) maps them."
    return _page("Columns", intro, ("column", "dtype", "unit", "shape", "meaning"), rows)


def features_page() -> str:
    """List the features that cuts act on."""
    rows = [(f"`{feature.name}`", feature.unit, feature.meaning) for feature in FEATURES.values()]
    intro = "Cuts act on these float32 numbers, one an event, and on those of a [plug-in](../plugin.md)."
    return _page("Features", intro, ("feature", "unit", "meaning"), rows)


def toml_page() -> str:
    """List the keys of the TOML files, as the readers of the packaged ones ask for them."""
    kinds: dict[str, tuple[str, Callable[[], object]]] = {
        "Selection": ("[Selections](../selections.md) explains them.", _each(load_selection, SELECTIONS)),
        "Signal boxes": ("Packaged; part of every identity.", load_boxes),
        "Layout": ("[Layouts](../layout.md) explains them.", _each(load_layout, LAYOUTS)),
        "Period": ("Packaged; they change with the detector.", load_periods),
        "Campaign": ("What `na64 simulate` makes.", _each(load_campaign, CAMPAIGNS)),
    }
    parts = ["# TOML keys\n\nWritten by the readers themselves: these are the keys that they ask for.\n"]
    for title, (intro, read) in kinds.items():
        with recorded() as keys:
            read()
        rows = [
            (f"`{path}`", key.type, key.default)
            for (file, path), key in sorted(keys.items())
            if (file == "signal_boxes.toml") == (title == "Signal boxes")
        ]
        parts.append(f"## {title}\n\n{intro}\n\n" + _table(("key", "type", "without it"), rows))
    return "\n".join(parts)


def commands_page() -> str:
    """Give the help of every command."""
    verbs = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    parts = ["# Commands\n\n`na64 COMMAND --help` says the same.\n"]
    for name, verb in verbs.choices.items():
        verb.formatter_class = lambda prog: argparse.HelpFormatter(prog, width=100)
        parts.append(f"## na64 {name}\n\n```text\n{verb.format_help().strip()}\n```\n")
    return "\n".join(parts)


def _each(load: Callable[[str], object], names: Iterable[str]) -> Callable[[], object]:
    return lambda: [load(name) for name in names]


def _page(title: str, intro: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return f"# {title}\n\n{intro}\n\n" + _table(head, rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
