"""The packaged box of electron pairs, with bounds on counters, a dump and formulas: nothing in it shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.recipes import feature_index
from na64.datasets.synthetic.writers import RunFileFormat, open_writer
from na64.run import main
from na64.selections.boxes import load_boxes
from na64.selections.hidden import hidden
from na64.tests.blinding.conftest import World
from na64.tests.blinding.test_non_interference import assert_equal, hidden_total

Branches = dict[str, NDArray[Any]]
Mask = NDArray[np.bool_]

PERIODS = ("2017V", "2018V")
N_EVENTS = 600

INSIDE: dict[str, dict[str, float]] = {
    "box": {"S4": 0.5, "V2": 0.1, "WCAL": 90, "ECAL": 60, "W2": 0.2},
    "guard": {"S4": 0.28, "V2": 1.4, "WCAL": 95, "ECAL": 36, "W2": 1.1},
    "mad": {"S4": np.nan, "V2": np.inf, "WCAL": np.nan, "ECAL": 1e-30, "W2": -np.inf},
    "other_edge": {"S4": 0.81, "V2": -5, "WCAL": 20, "ECAL": 148, "W2": -1},
}
"""MeV in S4, V2 and W2, GeV in the dump and the ECAL, of every hidden event of a world."""


@dataclass(frozen=True)
class Pairs:
    """What ten lines of NumPy find in a file of the visible mode; MeV in counters, GeV elsewhere."""

    s4: NDArray[np.float32]
    v2: NDArray[np.float32]
    w2: NDArray[np.float32]
    dump: NDArray[np.float32]
    ecal: NDArray[np.float32]
    veto: NDArray[np.float64]
    hcal: NDArray[np.float64]

    @staticmethod
    def of(tree: Branches) -> Pairs:
        wcal = tree["WCAL_ene"].reshape(-1, 3)
        one, other = tree["VETO_ene"][:, ::2], tree["VETO_ene"][:, 1::2]
        low, high = np.minimum(one, other), np.maximum(one, other)
        paddle = np.where(low < 0.3 * high, high, np.sqrt(low * high)) / 0.0107
        cells = np.stack([tree[f"HCAL{n}_ene"].reshape(-1, 9) for n in range(3)], axis=1)
        modules = np.where(cells > 0.2, cells, 0).sum(axis=2, dtype=float)
        ecal = tree["ECAL_ene"].reshape(-1, 72).sum(axis=1, dtype=float).astype(np.float32)
        counters = (1000 * tree[f"{name}_ene"][:, 0].astype(float) for name in ("S4", "V2"))
        s4, v2 = (one.astype(np.float32) for one in counters)
        dump = wcal[:, :2].sum(axis=1, dtype=float).astype(np.float32)
        # Module 0 and 1 alone never have more than all three.
        return Pairs(s4, v2, 1000 * wcal[:, 2], dump, ecal, paddle.max(axis=1), modules[:, :2].sum(axis=1))

    def hidden(self) -> Mask:
        both = self.dump.astype(float) + self.ecal
        inside = (self.s4 > 0.27) & (self.s4 < 0.83) & (both > 130) & (both < 170)
        inside &= (self.ecal > 0.22 * 150) & (self.v2 < 1.5) & (self.w2 < 1.2)
        found: Mask = inside & (self.veto < 0.9) & (self.hcal < 1.5)
        return found


def trees_of(files: Path) -> dict[str, Branches]:
    found = {}
    for path in sorted(files.glob("run*.root")):
        with uproot.open(path) as file:
            tree = file["visible"]
            found[path.name] = {name: tree[name].array(library="np") for name in tree.keys()}  # noqa: SIM118
    return found


def concerned(tree: Branches) -> Mask:
    """Events that the physics trigger took: all runs are physics runs."""
    words = tree["triggerSources"]
    found: Mask = (words & 4 != 0) | (words == 0)
    return found


def moved(tree: Branches, closed: Mask, values: dict[str, float]) -> Branches:
    """Events of which the hidden ones are all alike."""
    tree = {name: content.copy() for name, content in tree.items()}
    for name in ("ECAL", "WCAL", "WCAT", "S4", "V2", "VETO", *(f"HCAL{n}" for n in range(4))):
        tree[f"{name}_ene"][closed] = 0
    tree["S4_ene"][closed] = values["S4"] / 1000
    tree["V2_ene"][closed] = values["V2"] / 1000
    tree["ECAL_ene"].reshape(-1, 72)[closed, 57] = values["ECAL"]
    tree["WCAL_ene"].reshape(-1, 3)[closed, 1] = values["WCAL"]
    tree["WCAL_ene"].reshape(-1, 3)[closed, 2] = values["W2"] / 1000
    return tree


@pytest.fixture(scope="module")
def original(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("pairs"), "visible_signal", N_EVENTS, layout="visible2018")


def make_world(original: Path, folder: Path, name: str) -> World:
    world = World(name, "visible2018", folder / f"world-{name}")
    (world.folder / "data").mkdir(parents=True)
    shutil.copytree(original / "conditions", world.folder / "data" / "conditions")
    for file, tree in trees_of(original).items():
        closed = Pairs.of(tree).hidden() & concerned(tree)
        with open_writer(world.folder / "data" / file, RunFileFormat.TTREE, "visible") as writer:
            writer.extend({**moved(tree, closed, INSIDE[name])})
    assert main(["catalogue", str(world.folder / "data"), "--to", str(world.catalogue)]) == 0
    return world


PLUGIN = """
from na64 import feature

@feature(name="missing", unit="GeV")
def missing(event):
    print(len(event["s4_sum"]), event["s4_sum"].min(initial=1), event["wcal_with_ecal"].sum())
    return 150 - event["wcal_with_ecal"]
"""
MORE = """
base = "visible_2018"
name = "more"
label = "everything that could tell of hidden events"
[[feature]]
name = "in_box"
unit = "1"
formula = "where(s4_sum > 0.3 * MeV and s4_sum < 0.8 * MeV, wcal_with_ecal / (150 * GeV), 0)"
[[append]]
name = "undefined"
any = [{ in_box = { above = 0.9 } }, { missing = { below = 15, unit = "GeV" } }]
[[append_histogram]]
name = "in_box"
after = "visible"
axes = [
  { feature = "in_box", bins = 50, low = 0, high = 2 },
  { feature = "missing", bins = 50, low = -50, high = 150, unit = "GeV" },
]
[[variation]]
name = "scales_up"
scale = { ecal = 1.001, wcal = 1.001 }
"""


@pytest.mark.parametrize("selection", ["visible_2018_no_w2", "more"])
def test_events_of_the_box_of_pairs_cannot_be_seen(
    selection: str, original: Path, look: Any, tmp_path: Path
) -> None:
    (tmp_path / "more.toml").write_text(MORE)
    (tmp_path / "my.py").write_text(PLUGIN)
    plain = selection != "more"
    names = [*INSIDE] if plain else ["box", "mad"]
    worlds = [make_world(original, tmp_path, name) for name in names]
    line = ["--selection", selection if plain else str(tmp_path / "more.toml"), "--chunk-events", "91"]
    seen = [look(world, *line, *([] if plain else ["--plugin", str(tmp_path / "my.py")])) for world in worlds]
    assert_equal(seen)
    assert seen[0].code == 0
    if plain:
        trees = trees_of(original).values()
        expected = sum(np.count_nonzero(Pairs.of(tree).hidden() & concerned(tree)) for tree in trees)
        assert hidden_total(seen[0]) == expected > 100
    else:  # whose cuts have every bound of the box
        assert b'"selected": 0' in seen[0].products["result.json"]


def table_of(period: str, *events: dict[str, float]) -> tuple[NDArray[np.float32], dict[str, int]]:
    """Features of events in the middle of the box of a period, with changes."""
    index = feature_index(load_periods()[period].setup)
    (box,) = load_boxes()[period]
    table = np.full((len(index), len(events)), 1e9, np.float32)
    for column, event in enumerate(events):
        for one in box.bounds:
            low = one.low if np.isfinite(one.low) else one.high - 1
            high = one.high if np.isfinite(one.high) else one.low + 1
            for name in one.features:
                table[index[name], column] = (low + high) / 2
        for name, value in event.items():
            table[index[name], column] = value
    return table, index


def is_hidden(period: str, event: dict[str, float]) -> bool:
    table, index = table_of(period, event)
    return bool(hidden(load_boxes()[period], table, index)[0])


@pytest.mark.parametrize("period", PERIODS)
def test_one_bound_with_all_its_features_beyond_the_guard_band_shows_an_event(period: str) -> None:
    (box,) = load_boxes()[period]
    assert len(box.bounds) == 7
    assert is_hidden(period, {})
    for one in box.bounds:
        edges = [(one.high_hidden, np.inf), (one.low_hidden, -np.inf)]
        for edge, outwards in edges:
            if not np.isfinite(edge):
                continue
            beyond = np.nextafter(np.float32(edge), np.float32(outwards))
            within = np.nextafter(np.float32(edge), np.float32(-outwards))
            assert not is_hidden(period, dict.fromkeys(one.features, float(beyond)))
            assert is_hidden(period, dict.fromkeys(one.features, float(within)))
            for name in one.features:  # any of them alone keeps it hidden, and so does what is no number
                others = dict.fromkeys(one.features, float(beyond))
                assert is_hidden(period, others | {name: float(within)})
                assert is_hidden(period, others | {name: np.nan})
                assert is_hidden(period, others | {name: outwards})


@pytest.mark.parametrize("period", PERIODS)
def test_two_edges_of_one_quantity_on_both_sides_show_nothing(period: str) -> None:
    (box,) = load_boxes()[period]
    for one in box.bounds:
        if np.isfinite(one.low) and np.isfinite(one.high):
            first, second, *_ = one.features
            assert is_hidden(period, {first: one.low_hidden - 1, second: one.high_hidden + 1})


def test_the_box_depends_on_every_counter_and_calorimeter_that_it_is_about() -> None:
    """So a layout that reads another branch for one of them is told, and needs to be declared."""
    for period in PERIODS:
        about = {"wcal", "v2", "s4", "ecal", "hcal", "veto"}
        assert about <= load_periods()[period].closed
