"""Tables of detectors: any name, and no cell that could be another."""

from __future__ import annotations

import pytest

from na64.datasets.instrument.roles import CellOrder
from na64.datasets.reading.detector_layout import CellStorage
from na64.datasets.reading.layout import Layout, load_layout, parse_layout

HEAD = """
name = "mine"
trees = ["t"]
{top}
[event]
run = {{ branch = "R" }}
spill = {{ branch = "S" }}
event = {{ branch = "E" }}
"""

WCAL = """
[detector.wcal]
kind = "cells"
shape = [3, 2, 4]
energy = { branch = "W", unit = "GeV" }
time = { branch = "T", unit = "ns" }
"""

GEM = """
[detector.gem1_x]
kind = "positions"
x = { branch = "GEM1x", unit = "cm" }
"""

HITS = """
[ecal]
kind = "hits"
shape = [2, 5, 6]
cell_plane = { branch = "P" }
cell_x = { branch = "X" }
cell_y = { branch = "Y" }
first_cell = 1
energy = { branch = "EN", unit = "GeV" }
"""


def parsed(*tables: str, top: str = "") -> Layout:
    return parse_layout(HEAD.format(top=top) + "".join(tables), "mine.toml")


def test_any_detector_may_be_described() -> None:
    layout = parsed(WCAL, GEM, HITS)
    assert list(layout.detectors) == ["ecal", "wcal", "gem1_x"]
    wcal, gem, ecal = (layout.detectors[name] for name in ("wcal", "gem1_x", "ecal"))
    assert (wcal.kind, wcal.shape, wcal.needed) == (CellStorage.CELLS, (3, 2, 4), ("energy",))
    assert [branch.column for branch in wcal.columns.values()] == ["wcal_energy", "wcal_time"]
    assert (gem.kind, gem.needed) == (CellStorage.POSITIONS, ("x",))
    assert gem.columns["x"].unit.multiply == 10
    assert ecal.needed == ("cell_plane", "cell_x", "cell_y", "energy")
    assert parse_layout(layout.text, "kept") == layout


def test_a_standard_detector_may_be_in_either_table_and_is_the_same() -> None:
    text = load_layout("tout2023").text
    other = parse_layout(text.replace("[hcal]", "[detector.hcal]"), "mine")
    assert other.detectors == load_layout("tout2023").detectors


def test_the_order_of_a_layout_is_that_of_its_detectors_unless_one_says_another() -> None:
    ecal = HITS.replace("[ecal]", '[detector.bgo]\ncell_order = "y_fastest"')
    layout = parsed(WCAL, ecal, top='cell_order = "x_fastest"')
    assert layout.detectors["wcal"].order is CellOrder.X_FASTEST
    assert layout.detectors["bgo"].order is CellOrder.Y_FASTEST
    assert layout.detectors["wcal"].columns["energy"].shape == (3, 4, 2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[detector.wcal]", "[detector.WCAL]", "detector.WCAL: 'WCAL' is not a plain name"),
        ("[detector.wcal]", '[detector."w cal"]', "is not a plain name"),
        ("[detector.wcal]", "[detector.track]", "detector.track: a detector cannot be called track"),
        ("[detector.wcal]", "[detector.run]", "detector.run: a detector cannot be called run"),
        ("[detector.wcal]", "[detector.ecal]", "detector.ecal: ecal has a table [ecal] too"),
        ("[detector.wcal]", "[detector.event]", "detector.event: a detector cannot be called event"),
        (
            'kind = "cells"',
            'kind = "cell"',
            'wcal.kind: "cell" is neither "cells" nor "hits" nor "positions"',
        ),
        ("shape = [3, 2, 4]", "", 'detector.wcal: "shape" is missing'),
        ("shape = [3, 2, 4]", "shape = [3, 0, 4]", "wcal.shape: [3, 0, 4] are not dimensions"),
        ("shape = [3, 2, 4]", "shape = [3, 2, 4]\nfirst_cell = 1", "wcal.first_cell: is of hits"),
        ("shape = [3, 2, 4]", 'shape = [3, 2, 4]\ncell = { branch = "C" }', "wcal.cell: is of hits"),
        ("shape = [3, 2, 4]", 'shape = [3, 2, 4]\ncell_order = "x"', 'wcal.cell_order: "x" is neither'),
        ("shape = [3, 2, 4]", 'shape = [3, 2, 4]\nx = { branch = "C" }', 'unknown key "x"'),
        ('energy = { branch = "W", unit = "GeV" }', "", 'detector.wcal: "energy" is missing'),
        ('"W", unit = "GeV"', '"W", unit = "ns"', 'wcal.energy.unit: unit "ns" cannot be converted'),
        ('x = { branch = "GEM1x", unit = "cm" }', "", 'detector.gem1_x: "x" is missing'),
        ('"GEM1x", unit = "cm"', '"GEM1x"', '"unit" is missing'),
        ("[detector.gem1_x]", "[detector.veto]", "veto has cells, no tracking plane is called so"),
        (
            'cell_x = { branch = "X" }',
            "",
            '"cell_x" is missing, cell_plane and cell_x and cell_y give the cell',
        ),
        ('cell_y = { branch = "Y" }', "", '"cell_y" is missing'),
        ('cell_plane = { branch = "P" }', "", '"cell_plane" is missing'),
        ('cell_plane = { branch = "P" }', 'cell = { branch = "P" }', "the cell is given by cell already"),
        ("shape = [2, 5, 6]", "shape = [5, 6]", "cell_plane: the shape [5, 6] has no planes"),
        ("shape = [2, 5, 6]", "", 'ecal: "shape" is missing, without it the cell of a hit does not follow'),
        ("first_cell = 1", "first_cell = 2", "ecal.first_cell: 2 is neither 0 nor 1"),
        ("first_cell = 1", "first_cell = -1", "ecal.first_cell: -1 is neither 0 nor 1"),
        ('{ branch = "X" }', '{ branch = "X", types = ["float32"] }', 'unknown type "float32"'),
    ],
)
def test_a_detector_that_is_unclear_is_refused_by_name(old: str, new: str, message: str) -> None:
    text = WCAL + GEM + HITS
    assert old in text
    with pytest.raises((KeyError, ValueError), match=r"mine\.toml") as caught:
        parsed(text.replace(old, new, 1))
    assert message in str(caught.value.args[0])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            '[hcal]\nkind = "hits"\ncell = { branch = "C" }\nenergy = { branch = "W", unit = "GeV" }\n',
            '"shape" is',
        ),
        (
            WCAL.replace('"T", unit = "ns"', '"T", unit = "ns", shape = [3]'),
            "detector.wcal.time: 3 values of 24 cells cannot be put into the order of y",
        ),
    ],
)
def test_what_cannot_be_reordered_is_refused(tables: str, message: str) -> None:
    parsed(tables)
    with pytest.raises((KeyError, ValueError), match=r"mine\.toml") as caught:
        parsed(tables, top='cell_order = "x_fastest"')
    assert message in str(caught.value.args[0])
