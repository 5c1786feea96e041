"""Boxes on a detector that only TOML knows: what they hide shows in nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from na64.run import main
from na64.tests.blinding.conftest import World
from na64.tests.blinding.test_non_interference import assert_equal, hidden_total
from na64.tests.test_any_set_up import SELECTION, Branches, Hodoscope, SetUp, make_set_up
from na64.tests.test_blind_products import concerned, in_region

LIGHT = {"box": 9.0, "guard": 12.6, "mad": np.nan, "varied": 6.8}
"""MeV in the hodoscope of every hidden event; the last is outside, and inside with 5 % more."""

VARIATIONS = """
[[variation]]
name = "brighter"
label = "5 % more light"
scale = { hodo = 1.05 }
[[variation]]
name = "longer"
label = "a longer window"
window = { hodo = 1.3 }
"""
PLUGIN = """
import numba
from na64 import cell_feature, feature

@cell_feature(name="hodo_first", unit="GeV", detector="hodo")
@numba.njit
def hodo_first(cells):
    return cells.in_time[:, 0, 0, 0] + cells.energy[:, 0, 0, 0]

@feature(name="darkness", unit="GeV")
def darkness(event):
    print(len(event["hodo_sum"]), event["hodo_sum"].min(initial=1), event["hodo_side"].max(initial=0))
    return 0.1 - event["hodo_sum"]
"""
OF_PLUGIN = """
[[histogram]]
name = "plugin"
after = "visible"
axes = [
  { feature = "hodo_first", bins = 50, low = 0, high = 50, unit = "MeV" },
  { feature = "darkness", bins = 50, low = 0, high = 100, unit = "MeV" },
]
"""


@pytest.fixture(scope="module")
def hodoscope(
    simulate: Callable[..., Path], edited: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> SetUp:
    return make_set_up(tmp_path_factory.mktemp("set_up"), simulate, edited)


@pytest.fixture
def selection(tmp_path: Path) -> Callable[[str], list[str]]:
    """Options of a pass with the selection of the hodoscope, with more in it."""

    def write(more: str = "") -> list[str]:
        (tmp_path / "mine.toml").write_text(SELECTION + more)
        (tmp_path / "my.py").write_text(PLUGIN)
        plugin = ["--plugin", str(tmp_path / "my.py")] if OF_PLUGIN in more else []
        return ["--selection", str(tmp_path / "mine.toml"), *plugin]

    return write


def hidden_in_any(tree: Branches, *, varied: bool) -> NDArray[np.bool_]:
    """What the boxes hide, under the variations too."""
    seen = [Hodoscope.of(tree)]
    if varied:
        seen += [Hodoscope.of(tree, scale=1.05), Hodoscope.of(tree, half_width=8 * 1.3)]
    closed = np.any([one.hidden() for one in seen], axis=0)
    found: NDArray[np.bool_] = (in_region(tree) | closed) & concerned(tree)
    return found


def moved(tree: Branches, hidden: NDArray[np.bool_], light: float) -> Branches:
    """Events of which the hidden ones are all alike: light in three counters, 80 GeV in the beam cell."""
    tree = {name: values.copy() for name, values in tree.items()}
    for name in ("HODO", "ECAL", "HCAL"):
        tree[f"{name}_ene"][hidden] = 0
    for name in ("ECAL", "HCAL"):
        tree[f"{name}_t0"][hidden] = tree[f"{name}_tE"][hidden]
    tree["HODO_t0"][hidden] = 0
    tree["ECAL_ene"][hidden, 44] = 80
    tree["HODO_ene"][np.ix_(hidden, [1, 4, 9])] = light / 3
    return tree


def make_worlds(set_up: SetUp, folder: Path, names: list[str], *, varied: bool) -> list[World]:
    worlds = []
    for name in names:
        world = World(name, "mine", folder / f"world-{name}")
        trees = [moved(tree, hidden_in_any(tree, varied=varied), LIGHT[name]) for tree in set_up.trees]
        replace(set_up, folder=world.folder, trees=trees).write()
        (world.folder / "ttree").rename(world.folder / "data")
        given = ["--periods", str(set_up.folder / "periods"), "--layout", str(set_up.folder / "mine.toml")]
        assert main(["catalogue", str(world.folder / "data"), "--to", str(world.catalogue), *given]) == 0
        worlds.append(world)
    return worlds


@pytest.mark.parametrize("varied", [False, True])
def test_events_of_a_box_on_a_detector_of_the_period_cannot_be_seen(
    varied: bool, hodoscope: SetUp, selection: Callable[[str], list[str]], look: Any, tmp_path: Path
) -> None:
    names = ["box", "varied"] if varied else ["box", "guard", "mad"]
    worlds = make_worlds(hodoscope, tmp_path, names, varied=varied)
    line = selection(OF_PLUGIN + (VARIATIONS if varied else ""))
    seen = [look(world, *line, "--chunk-events", "91") for world in worlds]
    assert_equal(seen)
    assert seen[0].code == 0
    expected = sum(np.count_nonzero(hidden_in_any(tree, varied=varied)) for tree in hodoscope.trees)
    assert hidden_total(seen[0]) == expected > 200
