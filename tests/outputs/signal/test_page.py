"""What docs/physics.md says is what the code does."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from na64.outputs.signal.cross_sections import k_factor, total
from na64.outputs.signal.kinematics import Radiation
from na64.outputs.signal.yields import yield_per_particle

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "physics.md").read_text()


def rows_after(text: str) -> list[list[str]]:
    """Cells of the first table after a text, without its heading."""
    table = PAGE[PAGE.index(text) :].split("\n| ", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()[2:]]


def test_its_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(block, "physics.md", "exec"), {})  # noqa: S102


def test_its_figures_are_made(tmp_path: Path) -> None:
    runpy.run_path(str(DOCS / "signal_figures.py"))["main"](tmp_path)
    figures = sorted(tmp_path.iterdir())
    assert [path.name for path in figures] == ["k_factor.png", "signal_spectra.png", "signal_yields.png"]
    assert all(path.stat().st_size > 10_000 for path in figures)
    assert all(f"({path.name})" in PAGE for path in figures)


def test_its_cross_sections_are_those_of_the_code() -> None:
    rows = rows_after("Check values: lead")
    assert len(rows) == 8
    for row in rows:
        radiation = Radiation(float(row[0]) / 1000, 100.0)
        assert float(row[1]) == pytest.approx(1e-8 * total(radiation), rel=6e-4)
        assert float(row[5]) == pytest.approx(k_factor(radiation), rel=6e-4)


def test_its_yields_are_those_of_the_code() -> None:
    here, _ = rows_after("Per 1e9 electrons")
    for mass, value in zip((1.05, 10, 50, 100, 500, 950), here[1:], strict=True):
        assert float(value) == pytest.approx(10 * yield_per_particle(mass / 1000), rel=5e-3)
