"""What the documents show works: every block is run, in the order of the page.

A block is written to the file that is its title, or added to it after ``added to``. Python without
a file is executed, and so are shell lines.
"""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.calibration.constants import Quantity
from na64.datasets.conditions.conditions import RunType, read_conditions
from na64.datasets.conditions.periods import load_period, load_periods
from na64.datasets.conditions.reconstruction import tags_in
from na64.datasets.instrument.features import FEATURES, INDEX
from na64.datasets.instrument.recipes import recipes_of
from na64.datasets.instrument.roles import Role
from na64.outputs.control.calibration.table import ConstantRow
from na64.outputs.limits.scan.table import ScanRow
from na64.outputs.limits.searches.card import SEARCHES, load_card
from na64.outputs.limits.searches.listing import as_page
from na64.outputs.result.cutflow import CutflowRow, RegionsRow, region_groups
from na64.outputs.result.store import read_result
from na64.outputs.result.table import columns_of
from na64.outputs.result.variations import VariationsRow, VariedYieldsRow
from na64.outputs.result.yields import YieldsRow, yield_groups
from na64.outputs.signal.efficiency.efficiency_variations import EfficiencyVariationsRow
from na64.outputs.signal.efficiency.losses_file import LossesRow
from na64.run import main
from na64.selections.boxes import boxes_of
from na64.selections.hidden import hidden
from na64.selections.selection import load_selection

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: title=\"(?P<target>[^\"\n]+)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)

_QUICK = {"process": ["--executor", "iterative", "--no-report"], "simulate": ["--events", "500"]}
"""What is added to a command, so that it does not take long."""

Rows = list[dict[str, str]]


def run_page(name: str) -> dict[str, Any]:
    """Run the blocks of a page in the working directory; give what its Python defined."""
    defined: dict[str, Any] = {}
    blocks = list(_BLOCK.finditer((DOCS / name).read_text()))
    assert blocks
    for block in blocks:
        text, target = block["text"], block["target"]
        if target:
            path = Path(target.removeprefix("added to "))
            path.write_text((path.read_text() if target.startswith("added to ") else "") + text)
        elif block["language"] == "python":
            exec(compile(text, name, "exec"), defined)  # noqa: S102
        elif block["language"] == "sh":
            for line in text.splitlines():
                _run_line(shlex.split(line, comments=True))
    return defined


def _run_line(words: list[str]) -> None:
    quick = _QUICK.get(words[1], [])
    assert words[0] == "na64"
    assert main([*words[1:], *quick]) == 0


@pytest.fixture(scope="module")
def data(
    simulate: Callable[..., Path], process: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    files = simulate(tmp_path_factory.mktemp("docs"), "small", 500)
    process(files, "dimuon_2023")
    return files


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_tutorial(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    demo = tmp_path / "results" / "demo"
    files = simulate(demo, "demo", 2000)
    process(files, "invisible_2023")
    (demo / "products").rename(demo / "invisible_2023")
    assert main(["catalogue", str(files), "--to", str(demo / "catalogue.json")]) == 0
    run_page("tutorial.md")
    assert _shown("tutorial.md") <= {_shape(line) for line in capsys.readouterr().out.splitlines()}


def _shown(name: str) -> set[str]:
    """The lines that a page says are printed, but for their numbers."""
    blocks = [block for block in _BLOCK.finditer((DOCS / name).read_text()) if block["language"] == "text"]
    assert blocks
    return {_shape(line) for block in blocks for line in block["text"].splitlines()}


def _shape(line: str) -> str:
    return re.sub(r"[\d,]+", "#", " ".join(line.split()))


def test_the_notebook_page(data: Path) -> None:
    for name in ("run_8701.root", "run_8703.root"):
        Path(name).symlink_to(data / name)
    Path("out").symlink_to(data.parent / "products")
    found = run_page("notebook.md")
    assert found["srd"].sum(flow=True) == found["flow"].passed["master_time"] > 0
    assert Path("mine.png").stat().st_size > 10_000
    assert found["total"].processed == found["cutflow"]["visible"] + found["total"].hidden > 0
    assert 0 < found["cutflow"]["srd"] < found["cutflow"]["trigger"] < found["cutflow"]["visible"]
    assert found["result"].summary.is_data
    assert found["result"].cutflow.loc[("all", "visible"), "passed"] > 0
    assert found["events"].ecal.energy.ndim == 2


def test_the_page_about_variables_of_ones_own(data: Path, rows: Callable[[Path], Rows]) -> None:
    assert main(["catalogue", str(data), "--to", "catalogue.json"]) == 0
    run_page("plugin.md")
    found = [row for row in rows(Path("out/cutflow.csv")) if row["run"] == "all"]
    known = [row for row in rows(data.parent / "products" / "cutflow.csv") if row["run"] == "all"]
    assert [row["passed"] for row in found[:-1]] == [row["passed"] for row in known]
    assert found[-1]["cut"] == "not_too_much"
    passed = {row["cut"]: int(row["passed"]) for row in found}
    histograms = read_result(Path("out")).histograms
    assert histograms["missing_energy"].sum(flow=True) == passed["shower_chi2"] > 0
    assert "n_minus_one_not_too_much_missing_energy" in histograms
    line = [
        "process",
        "catalogue.json",
        "--plugin",
        "corner.py",
        "--selection",
        "corner.toml",
        "--to",
        "cells",
    ]
    Path("corner.toml").write_text(
        'base = "dimuon_2023"\nname = "corner"\nlabel = "corner"\n[[append]]\nname = "delay"\n'
        'ecal_largest_delay = { above = -1e3, below = 1e3, unit = "ns" }\n'
    )
    assert main([*line, "--no-report", "--executor", "iterative"]) == 0
    cells = [row for row in rows(Path("cells/cutflow.csv")) if row["run"] == "all"]
    assert int(cells[-1]["passed"]) == int(cells[-2]["passed"]) == passed["dimuon"]


def test_the_page_about_layouts(
    simulate: Callable[..., Path], process: Callable[..., Path], tmp_path: Path
) -> None:
    defined = run_page("layout.md")
    assert 1e-3 < defined["of_first_event"].min() <= defined["of_first_event"].max() < 200
    theirs = process(simulate(tmp_path / "packaged", "small", 500), "dimuon_2023")
    for name in ("cutflow.csv", "yields.csv", "regions.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (theirs / name).read_bytes()


@pytest.fixture(scope="module")
def demo(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what `na64 demo` leaves, of a few events."""
    folder = tmp_path_factory.mktemp("demo") / "results" / "demo"
    data, catalogue = simulate(folder, "demo", 2_000), folder / "catalogue.json"
    assert main(["catalogue", str(data), "--to", str(catalogue)]) == 0
    line = ["process", str(catalogue), "--selection", "invisible_2023"]
    assert main([*line, "--to", str(folder / "invisible_2023"), *_QUICK["process"]]) == 0
    return folder


def test_the_page_about_conditions() -> None:
    Path("conditions").mkdir()
    run_page("conditions.md")
    stated = read_conditions(Path("conditions"))
    assert [facts.type for facts in stated.run_facts.values()] == [RunType.PHYSICS, RunType.CALIBRATION]
    assert len(stated.bad.entries) == 2
    assert tags_in(Path("conditions")).number == "5"
    text = (DOCS / "conditions.md").read_text()
    listed = re.findall(r"^\| `(20\w+)` \| (.+) \|$", text, re.MULTILINE)
    covered = {name: period.covers.removesuffix(" runs") for name, period in load_periods().items()}
    assert {name: runs.partition(":")[0] for name, runs in listed} == covered | dict.fromkeys(
        ("2022M", "2022P", "2023H", "2023K", "2023P"), "no runs"
    )


def test_the_page_about_detectors(edited: Callable[..., Path]) -> None:
    edited("period", "2023A", Path("periods"), ("8396", "9000"), ("8999", "9999"), to="2024A")
    run_page("detectors.md")
    period = load_period(Path("periods"), "2024A")
    assert [one.name for one in period.setup.further] == ["hodo", "wcal", "mm5x", "gem1y", "gem2y", "mm6y"]
    assert {"p_out", "hodo_left_total", "wcal_3x3", "wcal_ecal", "pair", "p_behind_bend"} <= {
        *period.features
    }
    selection = load_selection("pairs.toml", period_features=period.features)
    assert selection.cut_names == ("pair", "balance")
    lines = [line.split(",") for line in Path("toy_out/cutflow.csv").read_text().splitlines()]
    passed = {cut: int(number) for run, cut, number, *_ in lines if run == "all"}
    assert passed["visible"] == 1000 > passed["pair"] > passed["balance"] > 0
    text = (DOCS / "detectors.md").read_text()
    listed = re.findall(r"^\| `(DETECTOR\w*)` \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    words = {"detector": "DETECTOR", "part": "PART", "sum": "SUM", "noun": "part", "parts": "of the sum"}
    rows: dict[tuple[str, ...], list[str]] = {}
    for role in Role:
        for recipe in recipes_of(role):
            name, meaning = (text.format(**words, cells="cells") for text in (recipe.name, recipe.meaning))
            rows.setdefault((name, ", ".join(recipe.needs) or "always", meaning), []).append(role.value)
    assert listed == [(name, ", ".join(roles), *rest) for (name, *rest), roles in rows.items()]


def test_the_box_of_another_search_on_the_page_about_conditions(
    tmp_path: Path, edited: Callable[..., Path]
) -> None:
    """It is no packaged one; whoever copies it gets what the page says of it."""
    text = (DOCS / "conditions.md").read_text()
    short, several = re.findall(r"```toml\n(\[.*?)```", text, re.DOTALL)
    packaged = (ROOT / "datasets" / "conditions" / "periods" / "2023A.toml").read_text()
    box = packaged[packaged.index("[box]") : packaged.index("[trigger]")]
    (one,) = boxes_of(load_period(edited("period", "2023A", tmp_path / "a", (box, short)).parent, "2023A"))
    period = load_period(edited("period", "2023A", tmp_path / "b", (box, several)).parent, "2023A")
    invisible, alp = boxes_of(period)
    assert one.rectangle() == invisible.rectangle()
    assert (alp.search, alp.is_rectangle) == ("alp", False)
    assert [bound.edges() for bound in alp.bounds] == [
        "box below 85 GeV, guard 5 GeV",
        "box below 1 GeV, guard 0.5 GeV",
        "box above 15 GeV, guard 2 GeV",
        "box below 0.06, guard 0.01",
    ]
    decay = np.full((len(INDEX), 4), 200, np.float32)
    for name, values in {
        **dict.fromkeys(("ecal", "ecal_total"), (60, 89, 60, 95)),
        "hcal_0": (0.2, 1.4, 0.2, 0.2),
        **dict.fromkeys(("hcal_012", "hcal_012_total"), (40, 13.5, 10, 40)),
        "hcal_r": (0.01, 0.065, 0.01, 0.01),
    }.items():
        decay[INDEX[name]] = values
    assert hidden([alp], decay).tolist() == [True, True, False, False]
    assert not hidden([invisible], decay).any()


def test_the_page_about_events(
    demo: Path, monkeypatch: pytest.MonkeyPatch, undrawing: Callable[[], AbstractContextManager[None]]
) -> None:
    monkeypatch.chdir(demo.parents[1])
    with undrawing():
        found = run_page("events.md")
    assert len(found["events"].ecal) == found["tree"].num_entries > 0
    pictures = {path.name for path in Path("results/demo/invisible_2023/events").iterdir()}
    assert pictures == {"8701_1_24.png", "sheet_1.png"}
    said = (DOCS / "events.md").read_text()
    assert all(f"`{word}`" in said for word in ("cuts_passed", "region", "weight", "truth_component"))


def test_the_table_of_searches_in_the_readme_is_that_of_the_cards(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["searches", "--pictures"]) == 0
    table = capsys.readouterr().out
    assert table in (ROOT / "README.md").read_text(), "na64 searches --pictures"
    rows = [line for line in table.splitlines() if line.startswith("| [")]
    assert len(rows) == len(SEARCHES)
    assert all((DOCS / "searches" / f"{name}.png").is_file() for name in SEARCHES)


def test_the_page_about_searches(undrawing: Callable[[], AbstractContextManager[None]]) -> None:
    with undrawing():
        run_page("searches.md")
    text = (DOCS / "searches.md").read_text()
    assert {path.name for path in Path("alp").iterdir()} == set(
        re.findall(r"`((?:contour|ref)\S+)`", text)
    ) - {"contour.json"}
    assert sorted(re.findall(r"\(searches/(\w+)\.md\)", text)) == sorted(SEARCHES)


@pytest.mark.parametrize("name", SEARCHES)
def test_the_page_of_a_search_is_what_its_card_says(name: str) -> None:
    page = DOCS / "searches" / f"{name}.md"
    assert page.read_text().splitlines() == list(as_page(load_card(name))), f"na64 searches {name} --markdown"
    assert page.with_suffix(".png").exists()


def test_the_page_about_comparisons(
    demo: Path, monkeypatch: pytest.MonkeyPatch, undrawing: Callable[[], AbstractContextManager[None]]
) -> None:
    monkeypatch.chdir(demo.parents[1])
    with undrawing():
        run_page("compare.md")
    for path in (
        "tighter_srd/compare/events.csv",
        "invisible_2023/overlay/overlay.csv",
        "invisible_2023/stability/stability.csv",
    ):
        assert (Path("results/demo") / path).read_bytes().count(b"\n") > 5


def test_the_page_about_scans(
    demo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undrawing: Callable[[], AbstractContextManager[None]],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("out").symlink_to(demo / "invisible_2023")
    with undrawing():
        found = run_page("scan.md")["found"]
    assert len(found.steps) == 6
    columns = set(columns_of(ScanRow)) - {"second_value", "second_unit"}
    table = (DOCS / "scan.md").read_text().partition("| column of")[2].partition("\n\n")[0]
    assert columns <= set(re.findall(r"`(\w+)`", table))


def test_the_page_about_calibration(undrawing: Callable[[], AbstractContextManager[None]]) -> None:
    with undrawing():
        found = run_page("calibration.md")["found"]
    assert found.calibration.covers == "8701-8705"
    page = (DOCS / "calibration.md").read_text()
    columns = re.findall(r"`(\w+)`", page.partition("| column of `constants.csv`")[2].partition("\n\n")[0])
    assert set(columns_of(ConstantRow)) <= set(columns)
    quantities = re.findall(r"`(\w+)`", page.partition("| quantity |")[2].partition("\n\n")[0])
    assert {quantity.value for quantity in Quantity} <= set(quantities)


def test_the_page_about_selections(tmp_path: Path) -> None:
    text = (DOCS / "selections.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (\S+) \| (.+) \|$", text[text.index("## Features") :], re.MULTILINE)
    assert listed == [(feature.name, feature.unit, feature.meaning) for feature in FEATURES.values()]
    head, _, regions = (ROOT / "selections" / "invisible_2023.toml").read_text().partition("[[cut]]")
    regions = regions[regions.index("[region.I]") : regions.index("[[histogram]]")]
    quality = '[[cut]]\nname = "track_quality"\ntrack_pvalue = { above = 0.01 }\n'
    blocks = [(block["target"], block["text"]) for block in _BLOCK.finditer(text)]
    cut, table, histogram, varied = (
        found for target, found in blocks if not target and not found.startswith("na64 ")
    )
    Path("mine.toml").write_text("\n".join([head, cut, quality, table, regions, histogram, varied]))
    selection = load_selection("mine.toml")
    assert selection.cut_names == ("srd", "track_quality", "shower_chi2")
    assert [found.name for found in selection.histograms] == ["momentum"]
    assert [found.name for found in selection.variations] == ["scales_up", "loose", "other_limits"]
    assert len(load_selection("systematics_2023").variations) == 12
    base = load_selection("invisible_2023").cut_names
    for target, content in blocks:
        if target:
            Path(target).write_text(content)
    place = base.index("shower_chi2") + 1
    assert load_selection("looser.toml").cut_names == (*base[:place], "missing", *base[place:-1])
    either = load_selection("either.toml")
    assert [list(either.in_run(run, "2023A").chosen) for run in (8500, 8660, 8700)] == [
        [("vhcal", 0), ("either", 1)],
        [("vhcal", 1), ("either", 0)],
        [("vhcal", 0), ("either", 0)],
    ]
    assert [formula.name for formula in load_selection("formula.toml").formulas] == ["balance"]
    more = load_selection("regions.toml")
    assert more.region_names == ("region_I", "region_II", "region_III", "region_punch")
    assert [plane.name for plane in more.planes] == ["energy", "modules"]


def test_the_page_about_products(data: Path, process: Callable[..., Path]) -> None:
    Path("out").symlink_to(data.parent / "products")
    Path("varied").symlink_to(process(data, "systematics_2023", name="varied"))
    found = run_page("products.md")
    assert found["result"].summary.totals["recorded"] == 500
    text = (DOCS / "products.md").read_text()
    rows = (YieldsRow, CutflowRow, VariationsRow, VariedYieldsRow, EfficiencyVariationsRow, LossesRow)
    groups = yield_groups((), weighted=False)
    known = {name for row in rows for name in columns_of(row, groups)}
    first_cells = re.findall(r"^\| (`.*?) \|", text[text.index("## Columns") :], re.MULTILINE)
    assert known == {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
    assert ", ".join(columns_of(RegionsRow, region_groups(()))) in text
    written = {path.name for path in (*Path("out").iterdir(), *Path("varied").iterdir())} | {
        "report.html",
        "plots",
    }
    assert written <= set(re.findall(r"`([\w.]+)/?`", text))


def test_every_test_that_a_page_names_is_there() -> None:
    named: dict[str, set[str]] = {}
    for page in DOCS.glob("*.md"):
        named[page.name] = set(re.findall(r"`(?:tests/)?(?:[\w/]+/)?(test_\w+)(?:\.py)?`", page.read_text()))
    known = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    for path in (ROOT / "tests").rglob("test_*.py"):
        known |= set(re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE))
    assert len(named["trust.md"]) > 30
    assert len(named["blinding.md"]) > 40
    assert {page: missing for page, tests in named.items() if (missing := tests - known)} == {}


def test_the_tables_of_the_projection_are_what_its_program_prints() -> None:
    program = runpy.run_path(str(DOCS / "projection.py"))
    page = [line.strip() for line in (DOCS / "projection.md").read_text().splitlines()]
    for name in ("costs", "passes", "catalogues", "queues"):
        lines = list(program[name]())
        start = page.index(lines[0])
        assert page[start : start + len(lines)] == lines


@pytest.mark.parametrize(
    ("seconds", "n_workers", "wall"), [(1.0, 10, 100.0), (0.01, 1_000, 1.0)], ids=["workers", "driver"]
)
def test_the_queue_of_the_projection_is_bound_by_the_slower(
    seconds: float, n_workers: int, wall: float
) -> None:
    queue = runpy.run_path(str(DOCS / "projection.py"))["queue"]
    assert queue(1_000, seconds, n_workers) == pytest.approx(wall, rel=0.06)
