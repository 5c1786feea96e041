"""Pages of the site that the code writes: the front page, the rationale, and the reference."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import tomllib
from collections.abc import Callable, Iterable
from html import unescape
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from toml_keys import joined, meaning, recorded

import na64
from na64.commands.verbs import HelpFormatter
from na64.datasets.calibration.calibration_file import load_calibration, to_toml
from na64.datasets.calibration.constants import (
    KEPT,
    BadCell,
    Calibration,
    CellValues,
    Defect,
    DetectorConstants,
    Quantity,
    RunRange,
    base_of,
)
from na64.datasets.conditions.losses import packaged_losses
from na64.datasets.conditions.periods import load_period, load_periods
from na64.datasets.instrument.columns import COLUMNS
from na64.datasets.instrument.features import FEATURES
from na64.datasets.instrument.roles import COUNTERS
from na64.datasets.reading.layout import LAYOUTS, load_layout
from na64.datasets.synthetic.campaign_reader import CAMPAIGNS, load_campaign
from na64.outputs.control.beam.settings import load_settings
from na64.outputs.limits.searches.card import SEARCHES, load_card
from na64.run import parser
from na64.selections.boxes import load_boxes
from na64.selections.selection import SELECTIONS, load_selection

_README = Path(__file__).parents[1] / "README.md"
_TOML_INTRO = (
    "These are the keys that the readers ask for, as they note them themselves. Words in capitals stand for "
    "a name; `[]` follows what is a list of tables, `[[key]]` in a file. *With source* means a table: "
    '`{ value = 16.5, unit = "ns", source = "where it is from" }`, with `values` for several numbers, `text` '
    "for a word and `flag` for true or false; `unit` is left out of plain numbers."
)
_DOCS = Path(__file__).parent
_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">'
    r"(?:\\\((?P<inline>.*?)\\\)|\\\[(?P<block>.*?)\\\])</(?P=tag)>",
    re.DOTALL,
)
"""What the extension arithmatex makes of ``$...$`` and ``$$...$$``."""

_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_PRIMES = ("\u2032", "\u2033", "\u2034", "\u2057")

_WORKER_FROM_TEXT = """\
if (location.protocol === "file:") {
  const FileWorker = window.Worker;
  window.Worker = function () {
    return new FileWorker(URL.createObjectURL(new Blob([workerText], { type: "text/javascript" })));
  };
}
"""

_BLOCK = re.MULTILINE | re.DOTALL
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
        "reference/api.md": api_page(),
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_content(html: str, **_: object) -> str:
    """Turn formulas, which are TeX in the pages, into MathML: browsers set it without a script."""
    return _FORMULA.sub(_as_mathml, html)


def on_post_build(config: MkDocsConfig) -> None:
    """Let pages that are opened as files search: a browser starts no worker from a file, but from a text."""
    assets = Path(config.site_dir) / "assets"
    (worker,) = (assets / "javascripts" / "workers").glob("search.*.min.js")
    text = f"const workerText = {json.dumps(worker.read_text())};\n{_WORKER_FROM_TEXT}"
    (assets / "iframe-worker.js").write_text(text)


def _as_mathml(found: re.Match[str]) -> str:
    tex = unescape(found["inline"] or found["block"]).strip()
    made = convert(tex, display="inline" if found["inline"] else "block")
    formula = ET.fromstring(made)  # noqa: S314 (of our own pages)
    for power in [*formula.iter(f"{_MATHML}msup"), *formula.iter(f"{_MATHML}msubsup")]:
        _lower_prime(power)
    ET.register_namespace("", _MATHML.strip("{}"))
    return ET.tostring(formula, encoding="unicode")


def _lower_prime(power: ET.Element) -> None:
    """Let a prime stand beside its letter in full size: it is high by itself, and tiny as an exponent."""
    base, exponent = power[0], power[-1]
    first = exponent[0] if exponent.tag == f"{_MATHML}mrow" and len(exponent) else exponent
    if first.text not in _PRIMES:
        return
    power[0] = row = ET.Element(f"{_MATHML}mrow")
    prime = ET.Element(f"{_MATHML}mo", lspace="0", rspace="0")
    prime.text = first.text
    row.extend([base, prime])
    if first is not exponent and len(exponent) > 1:
        exponent.remove(first)
        return
    power.remove(exponent)
    power.tag = f"{_MATHML}mrow" if len(power) == 1 else f"{_MATHML}msub"


def front_page(readme: str) -> str:
    """README as a page of the site: links into docs/ become links beside it."""
    before, _, after = readme.partition(_RATIONALE)
    rest = after[after.index("\n## ") :] if "\n## " in after else ""
    return re.sub(r"\]\(docs/", "](", before + rest)


def rationale(readme: str) -> str:
    """Questions and answers of the README."""
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
    intro = "Cuts act on these float32 numbers, one an event, those of a [plug-in](../plugin.md), and those "
    intro += "of the [detectors](../detectors.md) that a period declares."
    return _page("Features", intro, ("feature", "unit", "meaning"), rows)


def toml_page() -> str:
    """List the keys of the TOML files, as the readers of the packaged ones ask for them."""
    kinds: dict[str, tuple[str, Callable[[], object]]] = {
        "Selection": ("[Selections](../selections.md) explains them.", _each(load_selection, SELECTIONS)),
        "Signal boxes": ("Packaged; part of every identity.", load_boxes),
        "Layout": ("[Layouts](../layout.md) explains them.", _each(load_layout, LAYOUTS)),
        "Period": (
            "[Conditions](../conditions.md) and [further detectors](../detectors.md) explain them.",
            _read_periods,
        ),
        "Search card": ("[Searches](../searches.md) explains them.", _each(load_card, SEARCHES)),
        "Losses": (
            "[Losses](../physics.md#losses-besides-the-simulated-ones) explains them.",
            packaged_losses,
        ),
        "Calibration": ("[Calibration](../calibration.md) explains them.", _read_calibration),
        "Beam settings": ("[The beam](../beam.md) explains them.", load_settings),
        "Campaign": ("What `na64 simulate` makes.", _read_campaigns),
    }
    meanings = tomllib.loads((_DOCS / "toml_keys.toml").read_text())
    parts = [f"# TOML keys\n\n{_TOML_INTRO}\n"]
    for title, (intro, read) in kinds.items():
        with recorded() as keys:
            read()
        own = {
            path: key
            for (file, path), key in sorted(keys.items())
            if file == ("signal_boxes.toml" if title == "Signal boxes" else "")
        }
        known = meanings.get(title, {})
        head = ("key", "type", "without it", "meaning")[: 4 if known else 3]
        rows = [
            (f"`{path}`", key.type, key.default, meaning(path, known))[: len(head)]
            for path, key in joined(own).items()
        ]
        parts.append(f"## {title}\n\n{intro}\n\n" + _table(head, rows))
    return "\n".join(parts)


def _read_periods() -> None:
    """Read the packaged periods, and one with what the documents add to it."""
    folder = resources.files("na64.datasets.conditions").joinpath("periods")
    for name in load_periods():
        load_period(folder, name)
    further = re.findall(r"^```toml[^\n]*\n(.*?)^```$", (_DOCS / "detectors.md").read_text(), _BLOCK)[0]
    boxes = re.findall(r"^```toml\n(.*?)^```$", (_DOCS / "conditions.md").read_text(), _BLOCK)[1]
    text = folder.joinpath("2023A.toml").read_text()
    own = text[: text.index("[box]")] + boxes + text[text.index("[trigger]") :] + further
    with TemporaryDirectory() as made:
        Path(made, "2023A.toml").write_text(own)
        load_period(Path(made), "2023A")


def _read_campaigns() -> None:
    """Read the packaged campaigns, and the one with faults of the documents."""
    for name in CAMPAIGNS:
        load_campaign(name)
    faults = re.findall(r"^```toml[^\n]*\n(.*?)^```$", (_DOCS / "calibration.md").read_text(), _BLOCK)[0]
    with TemporaryDirectory() as made:
        Path(made, "wrong.toml").write_text(faults)
        load_campaign(Path(made, "wrong.toml"))


def _read_calibration() -> None:
    """Read a calibration of three counters."""
    setup = load_periods()["2023A"].setup
    detector = setup.detectors[COUNTERS]
    n_cells = detector.n_cells
    listed = CellValues((1.0,) * n_cells, (0.0,) * n_cells, (0,) * n_cells, (KEPT,) * n_cells)
    constants = DetectorConstants(base_of(detector), dict.fromkeys(Quantity, listed))
    bad = (BadCell(COUNTERS, 0, Defect.DEAD, "an example"),)
    part = RunRange(8701, 8705, "2023A", {COUNTERS: constants}, bad, setup.template, {"core": 0.1})
    with TemporaryDirectory() as made:
        Path(made, "x.toml").write_bytes(to_toml(Calibration("x", (part,), {"sample": "data"})))
        load_calibration(Path(made, "x.toml"))


def commands_page() -> str:
    """Help of every command."""
    verbs = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    parts = ["# Commands\n\n`na64 COMMAND --help` says the same.\n"]
    for name, verb in verbs.choices.items():
        verb.formatter_class = lambda prog: HelpFormatter(prog, width=100)
        parts.append(f"## na64 {name}\n\n```text\n{verb.format_help().strip()}\n```\n")
    return "\n".join(parts)


def api_page() -> str:
    """Signature and docstring of every public name."""
    intro = (
        "What `import na64` gives. These names are stable; every other module may move. Options are given by "
        "name, and each name is imported when it is first used."
    )
    parts = [f"# Python\n\n{intro}\n"]
    names = [name for name in na64.__all__ if name != "__version__"]
    parts += [_entry(name, getattr(na64, name)) for name in names]
    return "\n".join(parts)


def _entry(name: str, found: type | Callable[..., object]) -> str:
    parts = [f"## na64.{name}\n", f"```python\n{_signature(name, found)}\n```\n", _explained(found)]
    if inspect.isclass(found):
        members = [(key, value) for key, value in vars(found).items() if not key.startswith("_")]
        rows = [(f"`{key}`", _first_line(value)) for key, value in members]
        parts.append(_table(("member", "meaning"), rows))
    return "\n".join(parts)


def _signature(name: str, found: type | Callable[..., object]) -> str:
    """Call with a line an option."""
    parameters = [
        str(parameter) if parameter.kind is not parameter.VAR_KEYWORD else f"**{parameter.name}"
        for parameter in inspect.signature(found).parameters.values()
    ]
    kinds = [parameter.kind for parameter in inspect.signature(found).parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        parameters.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    return f"na64.{name}(\n" + "".join(f"    {text},\n" for text in parameters) + ")"


def _first_line(value: object) -> str:
    text = inspect.getdoc(getattr(value, "func", value)) or ""
    return text.partition("\n")[0]


def _explained(found: object) -> str:
    """Docstring with its sections as lists and its examples as code."""
    text = inspect.getdoc(found) or ""
    first, *rest = re.split(r"^(\w+)\n-+\n", text, flags=re.MULTILINE)
    parts = [first]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        shown = f"```pycon\n{body.strip()}\n```\n" if title == "Examples" else _entries(body)
        parts.append(f"**{title}**\n\n{shown}")
    return "\n".join(parts)


def _entries(body: str) -> str:
    lines = [
        f"- `{line}`" if line and not line.startswith(" ") else f"    {line.strip()}".rstrip()
        for line in body.strip().splitlines()
    ]
    return "\n".join(lines).replace("`\n    ", "`:\n    ") + "\n"


def _each(load: Callable[[str], object], names: Iterable[str]) -> Callable[[], object]:
    return lambda: [load(name) for name in names]


def _page(title: str, intro: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return f"# {title}\n\n{intro}\n\n" + _table(head, rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
