"""Whatever a layout says wrongly is one line that names the file, and no layout that was read is unclear."""

from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from na64.datasets.reading.detector_layout import CELL_PARTS, CellStorage
from na64.datasets.reading.layout import Layout, parse_layout

RICH = tomllib.loads("""
name = "mine"
trees = ["ana/t"]
cell_order = "x_fastest"
[event]
run = { value = 8701 }
spill = { value = 0 }
event = { entry = true }
trigger = { branch = "T" }
shower_chi2 = { branch = "chi2[0]", shape = [2], required = false }
n_gem = { branch = "N[1]", unit = "1", meaning = "hits", types = ["uint16", "int32"] }
rich = { branch = "RICH", unit = "MeV", meaning = "energy", nan_is_absent = true }
[feature]
hcal_0 = { branch = "H0", unit = "MeV" }
hcal_1 = { branch = "H1", unit = "GeV", required = false }
hcal_01 = { sum_of = ["hcal_0", "hcal_1"] }
[ecal]
kind = "hits"
shape = [2, 5, 6]
first_cell = 1
cell_plane = { branch = "P" }
cell_x = { branch = "X" }
cell_y = { branch = "Y" }
energy = { branch = "EN", unit = "MeV" }
[srd]
kind = "hits"
shape = [3]
cell = { branch = "SC" }
energy = { branch = "SE", unit = "GeV" }
[detector.wcal]
kind = "cells"
shape = [2, 3, 4]
energy = { branches = ["W0", "W1"], unit = "GeV" }
time = { branch = "WT", unit = "ns" }
[detector.gem1_x]
kind = "positions"
x = { branch = "G", unit = "cm" }
""")


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inside for found in paths_in(each, (*path, key)))]


PATHS = paths_in(RICH)[1:]
NAMES = ["ecal", "hcal_0", "hcal_01", "wcal", "srd", "run", "track", "n_gem", "x", "cell", "value", "entry"]
NAMES += [
    "branch",
    "unit",
    "shape",
    "kind",
    "first_cell",
    "cell_order",
    "meaning",
    "types",
    "sum_of",
    "a b",
    "",
]
PLAIN = st.one_of(
    st.sampled_from([*NAMES, "GeV", "MeV", "ns", "1", "cells", "hits", "positions", "x_fastest", "N[9999]"]),
    st.integers(-3, 40),
    st.sampled_from([2**31, 2**63, -(2**63), 1.5, 0.0, True, False]),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=5,
)
CHANGES = st.tuples(
    st.sampled_from(PATHS),
    st.sampled_from(["remove", "replace", "rename", "add"]),
    VALUES,
    st.sampled_from(NAMES),
)


def changed(content: Any, path: tuple[Any, ...], how: str, value: Any, name: str) -> Any:
    """A copy with one thing changed; as it was if an earlier change has taken the place away."""
    found = copy.deepcopy(content)
    parent = found
    for key in path[:-1]:
        try:
            parent = parent[key]
        except (KeyError, IndexError, TypeError):
            return found
    if not isinstance(parent, dict) or path[-1] not in parent:
        return found
    if how == "remove":
        del parent[path[-1]]
    elif how == "rename":
        parent[name] = parent.pop(path[-1])
    elif how == "add":
        parent[name] = value
    else:
        parent[path[-1]] = value
    return found


def dumped(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)} = {dumped(each)}" for key, each in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(dumped, value))}]"
    return json.dumps(value)


def text_of(content: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(key)} = {dumped(value)}\n" for key, value in content.items())


@settings(max_examples=300)
@given(changes=st.lists(CHANGES, min_size=1, max_size=3))
@example(changes=[(("ecal", "cell_plane"), "remove", 0, "")])
@example(changes=[(("ecal", "shape"), "replace", [], "")])
@example(changes=[(("detector", "wcal", "shape"), "replace", [2, 12], "")])
@example(changes=[(("feature", "hcal_01", "sum_of"), "replace", [], "")])
@example(changes=[(("event", "shower_chi2", "shape"), "replace", [], "")])
@example(changes=[(("event", "rich"), "replace", {"branch": "b", "shape": [2], "unit": "1"}, "")])
@example(changes=[(("event", "n_gem"), "rename", 0, "srd")])
@example(changes=[(("detector", "wcal"), "rename", 0, "hcal_0")])
def test_a_layout_is_clear_or_refused_in_one_line(changes: list[tuple[Any, ...]]) -> None:
    content: Any = RICH
    for change in changes:
        content = changed(content, *change)
    try:
        layout = parse_layout(text_of(content), "mine.toml")
    except (KeyError, ValueError) as error:
        (line,) = str(error.args[0]).splitlines()
        assert line.startswith("mine.toml: ")
        return
    check_clear(layout)


def check_clear(layout: Layout) -> None:
    """Refuse nothing that could be read in two ways."""
    names = [*layout.columns, *layout.detectors]
    assert len({*names}) == len(names)
    assert {"run", "spill", "event"} <= {*layout.columns}
    for parts in layout.sums.values():
        assert {*parts} <= {*layout.features}
    for detector in layout.detectors.values():
        assert {*detector.needed} <= {*detector.columns}
        if detector.kind is CellStorage.POSITIONS:
            continue
        assert not ({*CELL_PARTS} & {*detector.columns} and "cell" in detector.columns)
        if detector.fixes_grid:
            assert sorted(detector.in_file().tolist()) == list(range(detector.n_cells))
        if detector.kind is CellStorage.CELLS and detector.is_reordered:
            assert all(branch.n_values == detector.n_cells for branch in detector.columns.values())
    assert parse_layout(layout.text, "kept") == layout


def test_the_layout_that_is_changed_is_clear() -> None:
    check_clear(parse_layout(text_of(RICH), "mine.toml"))
