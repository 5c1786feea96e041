"""Detectors of a period that are not the usual ones, read with a layout: cells, hits and positions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from na64.datasets.catalogue.geometry import check_layout
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import parse_layout
from na64.datasets.synthetic.branches import JaggedBranch
from na64.datasets.synthetic.writers import RunFileFormat, open_writer

N_EVENTS = 600
PERIOD = """
[[detector]]
name = "wcal"
role = "modules"
shape = { values = [2, 3, 4], source = "a test" }
half_width = { value = 10, unit = "ns", source = "a test" }
expected_time = { value = 0, unit = "ns", source = "a test" }

[[detector]]
name = "gem1_x"
role = "tracker"
"""
LAYOUT = """
name = "mine"
trees = ["t"]
[event]
run = { branch = "R" }
spill = { value = 0 }
event = { entry = true }
"""
CELLS = """
[detector.wcal]
kind = "cells"
shape = [2, 3, 4]
cell_order = "x_fastest"
energy = { branch = "W", unit = "MeV" }
"""
HITS = """
[detector.wcal]
kind = "hits"
shape = [2, 3, 4]
first_cell = 1
cell_plane = { branch = "P" }
cell_x = { branch = "X" }
cell_y = { branch = "Y" }
energy = { branch = "W", unit = "MeV" }
"""
GEM = """
[detector.gem1_x]
kind = "positions"
x = { branch = "G", unit = "cm" }
"""
SELECTION = """
name = "few"
label = "a test"
yields_after = "dump"
[[cut]]
name = "dump"
wcal_1 = { above = 6, unit = "GeV" }
source = "a test"
[[cut]]
name = "one"
gem1_x_n_hits = { min = 1, max = 1 }
source = "a test"
[[cut]]
name = "near"
gem1_x_first_hit = { min = -10, max = 10, unit = "mm" }
source = "a test"
"""


@pytest.fixture(scope="module")
def periods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("periods")
    known = Path(load_periods.__code__.co_filename).parent / "periods" / "2023A.toml"
    (folder / "2023A.toml").write_text(known.read_text() + PERIOD)
    return folder


@dataclass(frozen=True)
class Made:
    """Energies in GeV, (events, module, x, y), and positions of hits, cm."""

    energies: Any
    positions: Any

    @property
    def in_module_1(self) -> Any:
        return self.energies.reshape(N_EVENTS, 2, 12).sum(axis=2)[:, 1]

    def expected(self) -> list[int]:
        """Ten lines of NumPy."""
        first = np.asarray(ak.fill_none(ak.firsts(self.positions), np.nan)) * 10
        cuts = [self.in_module_1.astype(np.float32) > 6, np.asarray(ak.num(self.positions)) == 1]
        cuts.append(np.abs(first) <= 10)
        return [int(np.sum(np.all(cuts[: n + 1], axis=0))) for n in range(3)]


@pytest.fixture(scope="module")
def made() -> Made:
    random = np.random.default_rng(1)
    counts = random.integers(0, 4, N_EVENTS)
    positions = ak.unflatten(random.normal(0, 1, counts.sum()), counts)
    return Made(random.exponential(0.5, (N_EVENTS, 2, 3, 4)), positions)


@pytest.fixture
def count(
    periods: Path, process: Callable[..., Path], rows: Callable[..., Any], tmp_path: Path
) -> Callable[[str, dict[str, Any]], list[int]]:
    """Write a file and what it takes to read it; give the events after every cut."""

    def run(layout: str, columns: dict[str, Any]) -> list[int]:
        (tmp_path / "data").mkdir()
        (tmp_path / "mine.toml").write_text(layout)
        (tmp_path / "few.toml").write_text(SELECTION)
        with open_writer(tmp_path / "data" / "job.root", RunFileFormat.TTREE, "t") as file:
            file.extend(columns)
        options = ("--layout", str(tmp_path / "mine.toml"), "--periods", str(periods))
        claim = ("--simulation", "--reason", "toy")
        out = process(tmp_path / "data", str(tmp_path / "few.toml"), catalogue=(*options, *claim))
        return [int(row["passed"]) for row in rows(out / "cutflow.csv") if row["run"] == "all"]

    return run


def branches(made: Made, kind: str) -> dict[str, Any]:
    """A file with cells or hits of the calorimeter, and positions of the plane."""
    positions, energies = made.positions, made.energies
    found: dict[str, Any] = {"R": np.full(N_EVENTS, 8701, np.int32)}
    found["G"] = JaggedBranch(_offsets(np.asarray(ak.num(positions))), np.asarray(ak.flatten(positions)))
    if kind == "cells":
        return found | {"W": energies.transpose(0, 1, 3, 2) * 1000}
    event, *cell = np.nonzero(energies > 0)
    offsets = _offsets(np.bincount(event, minlength=N_EVENTS))
    parts = dict(zip("PXY", cell, strict=True))
    found |= {name: JaggedBranch(offsets, (part + 1).astype(np.uint8)) for name, part in parts.items()}
    return found | {"W": JaggedBranch(offsets, energies[event, *cell] * 1000)}


def _offsets(counts: Any) -> Any:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


@pytest.mark.parametrize("kind", ["cells", "hits"])
def test_detectors_of_a_period_are_read_with_toml_only(
    kind: str, made: Made, count: Callable[..., list[int]]
) -> None:
    layout = LAYOUT + {"cells": CELLS, "hits": HITS}[kind] + GEM
    passed = count(layout, branches(made, kind))
    assert passed == [N_EVENTS, *made.expected()]
    assert passed[-1] > 10


def test_sums_of_a_detector_of_the_period_may_be_given(made: Made, count: Callable[..., list[int]]) -> None:
    columns = branches(made, "cells") | {"W": made.in_module_1}
    layout = LAYOUT + '[feature]\nwcal_1 = { branch = "W", unit = "GeV" }\n' + GEM
    assert count(layout, columns) == [N_EVENTS, *made.expected()]


OTHER_CELLS = CELLS.replace("[2, 3, 4]", "[2, 4, 3]")
REFUSED = {
    "a detector that no period has": (
        CELLS.replace("wcal", "wcla"),
        'layout mine: unknown detector of period 2023A "wcla", nearest known is "wcal"',
    ),
    "other cells": (OTHER_CELLS, "wcal of layout mine is 2x4x3, of period 2023A 2x3x4"),
    "planes taken together, in another order": (
        CELLS.replace("[2, 3, 4]", "[6, 4]"),
        "wcal of layout mine is 6x4, of period 2023A 2x3x4",
    ),
    "one row, in another order": (
        CELLS.replace("[2, 3, 4]", "[24]"),
        "wcal of layout mine is 24, of period 2023A 2x3x4",
    ),
    "positions of a calorimeter": (
        GEM.replace("gem1_x", "wcal"),
        "wcal of layout mine has positions, of period 2023A it is of modules",
    ),
    "cells of a tracker": (
        CELLS.replace("wcal", "gem1_x"),
        "gem1_x of layout mine has cells, of period 2023A",
    ),
    "a feature that no period has": (
        '[feature]\nwcal_7 = { branch = "W", unit = "GeV" }\n',
        'layout mine: unknown feature of period 2023A "wcal_7", nearest known is',
    ),
    "a feature in another unit": (
        '[feature]\nwcal_1 = { branch = "W", unit = "mm" }\n',
        "layout mine: wcal_1 is in mm, but in GeV in period 2023A",
    ),
    "a column that is a feature": (
        LAYOUT + 'wcal_1 = { branch = "W", unit = "GeV", meaning = "m" }\n',
        "layout mine: wcal_1 is something else in period 2023A already",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_of_the_period_is_refused(what: str, periods: Path) -> None:
    tables, reason = REFUSED[what]
    text = tables if tables.startswith(LAYOUT) else LAYOUT + tables
    period = load_periods(periods)["2023A"]
    assert check_layout(parse_layout(LAYOUT + CELLS + GEM, "mine.toml"), period) == ""
    assert check_layout(parse_layout(text, "mine.toml"), period).startswith(reason)


def test_an_order_that_layout_and_period_both_say_is_refused(periods: Path, tmp_path: Path) -> None:
    role = 'role = "modules"'
    text = (periods / "2023A.toml").read_text().replace(role, f'{role}\ncell_order = "x_fastest"')
    (tmp_path / "2023A.toml").write_text(text)
    period = load_periods(tmp_path)["2023A"]
    for table in (CELLS, HITS):
        reason = check_layout(parse_layout(LAYOUT + table, "mine.toml"), period)
        assert reason.startswith("cells of wcal would be put in order twice: layout mine says")
    usual = CELLS.replace("x_fastest", "y_fastest")
    assert check_layout(parse_layout(LAYOUT + usual, "mine.toml"), period) == ""
