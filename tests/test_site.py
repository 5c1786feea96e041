"""The site builds without a warning, and its reference is what the code says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import pytest

import na64
from na64.datasets.instrument.columns import COLUMNS, Column
from na64.datasets.instrument.features import FEATURES, Feature
from na64.run import parser
from na64.tests.browser import CHROMIUM, browser

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def _page(site: Path, name: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", (site / name).read_text()))


def test_every_page_is_in_the_navigation(site: Path) -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if f": {page}\n" not in navigation] == []


def test_no_block_of_code_is_shown_as_text(site: Path) -> None:
    """As it would be with a first line that the site does not understand."""
    assert [str(page.relative_to(site)) for page in site.rglob("*.html") if "```" in page.read_text()] == []


def test_formulas_are_set_without_a_script_or_a_network(site: Path) -> None:
    page = (site / "physics.html").read_text()
    assert page.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">') >= 7
    assert "<mfrac>" in page
    for path in site.rglob("*.html"):
        text = re.sub(r"<(pre|code).*?</\1>", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"arithmatex|\$\$|\\frac|\\\[", text), f"{path.name}: TeX is shown as text"
        assert not re.search(r"<script[^>]+src=.https?:", text), f"{path.name}: a script from elsewhere"


def test_every_search_has_its_yield_as_a_formula(site: Path) -> None:
    pages = list((site / "searches").glob("*.html"))
    assert len(pages) >= 10
    assert [page.name for page in pages if 'display="block"' not in page.read_text()] == []


def test_primes_are_no_exponents(site: Path) -> None:
    """They would be tiny: the sign is small and high by itself."""
    page = unescape((site / "physics.html").read_text())
    assert page.count("\u2032") > 5
    assert page.count("\u2032") == page.count('<mo lspace="0" rspace="0">\u2032</mo>')


@pytest.mark.skipif(CHROMIUM is None, reason="no browser")
def test_pages_that_are_opened_as_files_can_be_searched(site: Path, tmp_path: Path) -> None:
    field = "document.querySelector('.md-search__input')"
    with browser(tmp_path) as shown:
        shown.open(site / "index.html")
        shown.value("(document.querySelector('#__search').click(), 1)")
        shown.value(f"({field}.focus(), {field}.value = 'calibration', 1)")
        shown.value(f"({field}.dispatchEvent(new KeyboardEvent('keyup', {{bubbles: true}})), 1)")
        shown.wait_for("document.querySelectorAll('.md-search-result__item').length > 3")
        assert shown.complaints == []


@pytest.mark.parametrize(("name", "known"), [("columns", COLUMNS), ("features", FEATURES)])
def test_the_reference_lists_every_name_with_its_meaning(
    site: Path, name: str, known: Mapping[str, Column | Feature]
) -> None:
    rows = re.findall(r"<tr>\s*<td>(.*?)</tr>", (site / "reference" / f"{name}.html").read_text(), re.DOTALL)
    cells = [re.findall(r"[^<>\n]+(?=</code>|</td>)", row) for row in rows]
    assert {row[0]: unescape(row[-1]) for row in cells} == {e.name: e.meaning for e in known.values()}


def test_the_reference_has_the_keys_of_every_kind_of_toml(site: Path) -> None:
    words = set(_page(site, "reference/toml.html").split())
    wanted = {
        "cut[].FEATURE.below",
        "region.REGION.FEATURE.min",
        "DETECTOR.energy.branch",
        "event.COLUMN.unit",
        "channel.CHANNEL.exposure",
        "variant.VARIANT.signal_error",
        "box[].bound[].implied_by",
        "detector[].role",
    }
    assert wanted <= words


@pytest.mark.parametrize(
    ("kind", "anchor"),
    [
        ("Selection", "selection"),
        ("Layout", "layout"),
        ("Period", "period"),
        ("Search card", "search-card"),
        ("Losses", "losses"),
        ("Campaign", "campaign"),
        ("Calibration", "calibration"),
    ],
)
def test_every_key_of_a_file_that_users_write_has_a_meaning(site: Path, kind: str, anchor: str) -> None:
    page = (site / "reference/toml.html").read_text()
    section = page.partition(f'<h2 id="{anchor}">{kind}')[2].partition("<h2")[0]
    rows = re.findall(r"<tr>\s*(<td>.*?)</tr>", section, re.DOTALL)
    cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in rows]
    assert len(cells) > 15
    assert [row[0] for row in cells if len(row) < 4 or not row[3]] == []


def test_the_reference_has_the_help_of_every_command(site: Path) -> None:
    text = " ".join(_page(site, "reference/commands.html").split())
    verbs = re.findall(r"usage: na64 (\w[\w-]*)", text)
    assert verbs
    assert all(re.search(rf"^    {verb}\b", parser().format_help(), re.MULTILINE) for verb in verbs)
    assert "[--chunk-events N]" in text


def test_the_reference_has_every_public_name_with_its_example(site: Path) -> None:
    page = (site / "reference/api.html").read_text()
    entries = dict(re.findall(r"<h2[^>]*>na64\.(\w+)(.*?)(?=<h2|$)", page, re.DOTALL))
    assert {*entries} == {*na64.__all__} - {"__version__"}
    for name, entry in entries.items():
        text = " ".join(unescape(re.sub(r"<[^>]+>", " ", entry)).split())
        first = (getattr(na64, name).__doc__ or "").partition("\n")[0]
        assert " ".join(first.replace("`", " ").split())[:40] in text, name
        assert "Examples" in text, name
        assert "> > >" in text or ">>>" in text, name


def test_the_rationale_is_a_page_of_its_own(site: Path) -> None:
    assert "Why float32 features?" in _page(site, "rationale.html")
    assert "Why float32 features?" not in _page(site, "index.html")
