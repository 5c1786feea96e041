"""Columns of one's own, values for all events, and features that a file holds ready made."""

from __future__ import annotations

import pytest

from na64.datasets.instrument.features import Feature
from na64.datasets.reading.layout import Layout, parse_layout

MINE = """
name = "mine"
trees = ["t"]
[event]
run = { branch = "R" }
spill = { value = 0 }
event = { branch = "E" }
trigger = { branch = "Tr" }
n_hits = { branch = "N", unit = "1", meaning = "hits in the new tracker" }
ring = { branch = "rich[2]", unit = "MeV", meaning = "energy of the ring", nan_is_absent = true }
[feature]
hcal_0 = { branch = "ehcal0E", unit = "MeV" }
hcal_1 = { branch = "ehcal[1]", unit = "GeV" }
hcal_01 = { sum_of = ["hcal_0", "hcal_1"] }
ecal_max_cell = { branch = "max" }
wcal_0 = { branch = "wcal0", unit = "GeV" }
[srd]
kind = "cells"
shape = [3]
energy = { branch = "S", unit = "GeV" }
"""


def parsed(text: str = MINE) -> Layout:
    return parse_layout(text, "mine.toml")


def test_columns_of_ones_own_are_features_with_unit_and_meaning() -> None:
    layout = parsed()
    assert layout.own == (
        Feature("n_hits", "1", "hits in the new tracker"),
        Feature("ring", "GeV", "energy of the ring"),
    )
    assert layout.event["ring"].index == 2
    assert layout.event["ring"].types == ("float32", "float64")
    assert {"int32", "uint8", "float32"} <= {*layout.event["n_hits"].types}
    assert layout.absent_nan == {"ring"}


def test_a_value_for_all_events_and_sums_that_files_hold() -> None:
    layout = parsed()
    assert layout.constants == {"spill": 0}
    assert "spill" not in layout.event
    assert layout.given_features == ("hcal_0", "hcal_1", "ecal_max_cell", "wcal_0", "hcal_01")
    assert layout.features["hcal_0"].unit.divide == 1000
    assert layout.sums == {"hcal_01": ("hcal_0", "hcal_1")}


def test_each_of_them_is_part_of_the_identity() -> None:
    changes = [
        ("value = 0", "value = 1"),
        ('"N", unit', '"M", unit'),
        ("hits in the new tracker", "hits"),
        ('"ehcal0E"', '"ehcal0"'),
        ('["hcal_0", "hcal_1"]', '["hcal_1", "hcal_0"]'),
    ]
    assert len({parsed().identity, *(parsed(MINE.replace(*change)).identity for change in changes)}) == 6


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("n_hits =", "run_number =", ""),
        ("n_hits =", "N_hits =", "event.N_hits: 'N_hits' is not a plain name"),
        ("n_hits =", "lambda =", "is not a plain name"),
        ("n_hits =", "ecal =", "event.ecal: is a feature already"),
        ("n_hits =", "beam_energy =", "event.beam_energy: is a constant already"),
        ("n_hits =", "any =", "event.any: is a key of a cut already"),
        ("n_hits =", "region =", "event.region: is a number of an event already"),
        ("n_hits =", "bad_spill =", "event.bad_spill: is a feature already"),
        ("n_hits =", "ecal_energy =", "event.ecal_energy: is a column already"),
        ("n_hits =", "srd_cell =", "event.srd_cell: is a column already"),
        ("n_hits =", "track =", "event.track: is a part of an event already"),
        ("n_hits =", "unequal_hits =", "event.unequal_hits: is a part of an event already"),
        ("n_hits =", "wcal_0 =", "wcal_0 is there twice"),
        (', meaning = "hits in the new tracker"', "", 'event: unknown key "n_hits", nearest known is'),
        ('meaning = "hits in the new tracker"', 'meaning = " "', "event.n_hits.meaning: is empty"),
        ('"N", unit = "1"', '"N"', 'event.n_hits: "unit" is missing'),
        ('"N", unit = "1"', '"N", unit = "GEV"', 'event.n_hits.unit: unknown unit "GEV"'),
        ('"N", unit = "1"', '"N", unit = "1", types = ["text"]', 'event.n_hits.types: unknown type "text"'),
        ("n_hits = {", "trigger_word = {", ""),
        ("trigger = {", "trigger_word = {", 'event: unknown key "trigger_word", nearest known is "trigger"'),
        ('trigger = { branch = "Tr"', 'trigger = { branch = "Tr", meaning = "m"', 'unknown key "meaning"'),
        ("spill = { value = 0 }", "spill = { value = -1 }", "event.spill.value: -1 is not from 0 to"),
        ("spill = { value = 0 }", "spill = { value = 1.0 }", "event.spill.value: 1.0 is not an integer"),
        ("spill = { value = 0 }", 'spill = { value = 0, branch = "x" }', "spill has a value already"),
        ("spill = { value = 0 }", "spill = { value = 0, required = false }", 'unknown key "required"'),
        (
            'event = { branch = "E" }',
            "event = { value = 3 }",
            "event.event.value: only run, spill and trigger",
        ),
        (
            'event = { branch = "E" }',
            "event = { entry = false }",
            "event.event.entry: is true, or a branch gives",
        ),
        (
            'event = { branch = "E" }',
            'event = { entry = true, branch = "E" }',
            "the number of the entry already",
        ),
        ("spill = { value = 0 }", "spill = { entry = true }", '"branch" is missing'),
        (
            '"N", unit = "1"',
            '"N", unit = "1", shape = [2]',
            "n_hits.shape: [2] are several values, which one",
        ),
        ('"rich[2]", unit', '"rich[2]", shape = [], unit', "ring.shape: [] are not dimensions"),
        ('"rich[2]", unit', '"rich[2]", shape = [0], unit', "ring.shape: [0] are not dimensions"),
        (
            '"rich[2]", unit',
            '"rich[2]", shape = [3, 2], unit',
            "ring.shape: [3, 2] is more than one dimension",
        ),
        ("[feature]", "truth_component = { value = 1 }\n[feature]", "only run, spill and trigger may be"),
        ("[feature]", "weight = { value = 1 }\n[feature]", "only run, spill and trigger may be one value"),
        ("hcal_0 = {", "hcal_9 = {", "has no branch in [feature], nearest that has one is"),
        ("hcal_0 = {", "bad_spill = {", "feature.bad_spill: no branch can give bad_spill"),
        ("hcal_0 = {", "track_momentum = {", "track_momentum is a column, it belongs into [event]"),
        ("hcal_0 = {", "shower_chi2 = {", "shower_chi2 is a column, it belongs into [event]"),
        ("wcal_0 = {", "srd_0 = {", "feature.srd_0: is computed of the cells of srd too"),
        ("wcal_0 = {", "srd_sum = {", "feature.srd_sum: is computed of the cells of srd too"),
        ("wcal_0 = {", "trigger_physics = {", 'unit "GeV" cannot be converted to "1"'),
        (
            'ecal_max_cell = { branch = "max" }',
            'trigger_physics = { branch = "p" }',
            "computed of trigger too",
        ),
        ('"ehcal0E", unit = "MeV"', '"ehcal0E"', 'feature.hcal_0: "unit" is missing'),
        ('"ehcal0E", unit = "MeV"', '"ehcal0E", unit = "MIP"', 'feature.hcal_0.unit: unit "MIP" cannot be'),
        ('["hcal_0", "hcal_1"]', "[]", "feature.hcal_01.sum_of: [] are not features, each once"),
        ('["hcal_0", "hcal_1"]', '["hcal_0", "hcal_0"]', "are not features, each once"),
        ('["hcal_0", "hcal_1"]', '["hcal_0", "hcal_01"]', '"hcal_01" has no branch in [feature]'),
        ('["hcal_0", "hcal_1"]', '["ecal_max_cell"]', "ecal_max_cell is in 1, hcal_01 in GeV"),
        (
            'hcal_01 = { sum_of = ["hcal_0"',
            'w = { sum_of = ["ecal_max_cell"',
            "hcal_1 is in GeV, ecal_max_cell in 1",
        ),
        (
            '["hcal_0", "hcal_1"]',
            '["hcal_0"], branch = "x"',
            "feature.hcal_01.branch: hcal_01 is a sum already",
        ),
        ('trees = ["t"]', 'trees = ["t;1"]', 'trees: "t;1" is not the name of a tree, "dir/tree" is one'),
        ('trees = ["t"]', 'trees = ["/dir/t"]', 'trees: "/dir/t" is not the name of a tree'),
    ],
)
def test_what_is_unclear_is_refused_by_file_and_key(old: str, new: str, message: str) -> None:
    assert old in MINE
    text = MINE.replace(old, new, 1)
    if not message:
        assert parsed(text).own[0].name == new.split(maxsplit=1)[0]
        return
    with pytest.raises((KeyError, ValueError), match=r"mine\.toml") as caught:
        parsed(text)
    assert message in str(caught.value.args[0])


@pytest.mark.parametrize("name", ["visible_energy", "preshower", "ecal_total", "hcal", "hcal_muon"])
def test_a_feature_of_cells_that_are_there_is_not_given_too(name: str) -> None:
    cells = '[{}]\nkind = "cells"\nshape = [2, 5, 6]\nenergy = {{ branch = "{}", unit = "GeV" }}\n'
    text = (
        MINE[: MINE.index("hcal_0 =")]
        + f'{name} = {{ branch = "x", unit = "{"1" if "muon" in name else "GeV"}" }}\n'
    )
    parsed(text)
    both = text + cells.format("ecal", "A") + cells.format("hcal", "B")
    with pytest.raises(ValueError, match=f"feature.{name}: is computed of the cells of"):
        parsed(both)
