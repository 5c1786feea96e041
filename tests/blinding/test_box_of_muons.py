"""The packaged box of muons, with a bound on a momentum that is fitted to hits: nothing in it shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

from na64.datasets.conditions.own_period import stated_runs_text
from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.recipes import feature_index
from na64.datasets.synthetic.branches import JaggedBranch
from na64.datasets.synthetic.writers import RunFileFormat, open_writer
from na64.run import main
from na64.selections.boxes import load_boxes
from na64.selections.hidden import hidden
from na64.tests.blinding.conftest import World
from na64.tests.blinding.test_non_interference import assert_equal, hidden_total

Mask = NDArray[np.bool_]
Tree = dict[str, Any]

N_EVENTS = 300
PLANES = ("GEM1y", "GEM2y", "GEM3y", "GEM4y", "MM5y", "MM6y", "MM7y")
Z = np.array([1500.0, 2700, 3900, 5100, 9000, 9500, 10000])
ORIGIN = np.array([-1428.6, -1465.9, -1503.1, -1540.4, -1620.4, -1628.4, -1636.7])
SIGMA = np.array([0.07] * 4 + [0.1] * 3)

INSIDE: dict[str, tuple[float, float]] = {
    "box": (50.0, 6.0),
    "guard": (84.0, 13.5),
    "no_track": (np.nan, 3.0),
    "not_a_number": (160.0, np.nan),
}
"""GeV behind the target and in it, of every hidden event of a world; the other calorimeters are empty."""


def bend(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far one unit of curvature moves a track, for small angles."""
    depth = np.clip(z - 5600, 0, 2000)
    return np.asarray(depth * (depth / 2 + np.clip(z - 7600, 0, None)))


def momentum(hits: list[Any]) -> float:
    """Ten lines of NumPy: straight lines and a parabola through planes with exactly one hit."""
    used = [n for n, one in enumerate(hits) if len(one) == 1 and np.isfinite(one[0])]
    z, sigma = Z[used], SIGMA[used]
    if len(used) < 3 or z.max() < 8000 or z.min() > 5600:
        return np.nan
    y = np.array([hits[n][0] for n in used]) - ORIGIN[used]
    design = np.stack([np.ones(len(z)), z - 5600, bend(z)], axis=1) / sigma[:, None]
    curvature = np.linalg.lstsq(design, y / sigma, rcond=None)[0][2]
    return 0.299792458e-3 * 1.4 / abs(float(curvature))


def are_hidden(tree: Tree) -> Mask:
    hcal = np.where(tree["HCALenergy"] > 0.2, tree["HCALenergy"], 0)
    energy = sum(
        one.reshape(len(one), -1).sum(axis=1, dtype=float)
        for one in (tree["ECALenergy"], tree["VHCALenergy"], hcal)
    )
    p_out = np.array([momentum([tree[name][n] for name in PLANES]) for n in range(len(energy))])
    words = tree["triggerSources"]
    found: Mask = ~(p_out >= 85) & (energy < 14) & ((words & 4 != 0) | (words == 0))
    return found


def moved(tree: Tree, closed: Mask, p_out: float, energy: float) -> Tree:
    """Events of which the hidden ones are all alike."""
    tree = {
        name: values.copy() if isinstance(values, np.ndarray) else values for name, values in tree.items()
    }
    for name in ("HCALenergy", "VHCALenergy", "ECALenergy"):
        tree[name][closed] = 0
    tree["ECALenergy"].reshape(len(closed), -1)[closed, 13] = energy
    places = ORIGIN - bend(Z) * 0.299792458e-3 * 1.4 / p_out
    for name, place in zip(PLANES, places, strict=True):
        alike = [place] if np.isfinite(p_out) else []
        tree[name] = [alike if is_closed else one for is_closed, one in zip(closed, tree[name], strict=True)]
    return tree


def trees_of(files: Path) -> dict[str, Tree]:
    found = {}
    for path in sorted(files.glob("run*.root")):
        with uproot.open(path) as file:
            tree = file["muon"]
            arrays = {name: tree[name].array() for name in tree.keys() if not name.startswith("n")}  # noqa: SIM118
        found[path.name] = {
            name: array.to_list() if array.ndim > 1 and name[:2] in ("MM", "GE") else ak.to_numpy(array)
            for name, array in arrays.items()
        }
    return found


def stored(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return values
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in values])]).astype(np.int64)
    return JaggedBranch(offsets, np.array([x for one in values for x in one], np.float32))


@pytest.fixture(scope="module")
def periods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("periods")
    (folder / "2022M.toml").write_text(stated_runs_text("2022M", 9301, 9308, "a test"))
    return folder


@dataclass(frozen=True)
class Original:
    """Files as simulated, their trees by name, and which events of each are hidden."""

    files: Path
    trees: dict[str, Tree]
    closed: dict[str, Mask]


@pytest.fixture(scope="module")
def original(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Original:
    files = simulate(tmp_path_factory.mktemp("muons"), "muon_signal", N_EVENTS, layout="muon2022")
    trees = trees_of(files)
    return Original(files, trees, {name: are_hidden(tree) for name, tree in trees.items()})


def make_world(original: Original, folder: Path, name: str, periods: Path) -> World:
    world = World(name, "muon2022", folder / f"world-{name}")
    (world.folder / "data").mkdir(parents=True)
    shutil.copytree(original.files / "conditions", world.folder / "data" / "conditions")
    for file, tree in original.trees.items():
        changed = moved(tree, original.closed[file], *INSIDE[name])
        with open_writer(world.folder / "data" / file, RunFileFormat.TTREE, "muon") as writer:
            writer.extend({name: stored(values) for name, values in changed.items()})
    line = ["catalogue", str(world.folder / "data"), "--to", str(world.catalogue), "--periods", str(periods)]
    assert main(line) == 0
    return world


PLUGIN = """
from na64 import feature

@feature(name="lost", unit="GeV")
def lost(event):
    print(len(event["p_out"]), event["p_out"].min(initial=1), event["e_cal"].sum())
    print(event["gem4y_n_hits"].sum())
    return event["p_in"] - event["p_out"]
"""
MORE = """
base = "muon_2022"
name = "more"
label = "everything that could tell of hidden events"
[[append_feature]]
name = "in_box"
unit = "1"
formula = "where(e_cal < 12 * GeV, p_out / p_in, 0)"
[[append]]
name = "undefined"
any = [{ in_box = { below = 0.5 } }, { lost = { above = 80, unit = "GeV" } }]
[[append_histogram]]
name = "in_box"
after = "visible"
axes = [
  { feature = "in_box", bins = 50, low = 0, high = 2 },
  { feature = "mm6y_first_hit", bins = 50, low = -1800, high = -1500, unit = "mm" },
]
[[variation]]
name = "scales_up"
scale = { target = 1.001, hcal = 1.001 }
"""


@pytest.mark.parametrize("selection", ["muon_2022", pytest.param("more", marks=pytest.mark.soak)])
def test_events_of_the_box_of_muons_cannot_be_seen(
    selection: str, original: Original, periods: Path, look: Any, tmp_path: Path
) -> None:
    (tmp_path / "more.toml").write_text(MORE)
    (tmp_path / "my.py").write_text(PLUGIN)
    plain = selection == "muon_2022"
    names = [*INSIDE] if plain else ["box", "no_track"]
    worlds = [make_world(original, tmp_path, name, periods) for name in names]
    line = ["--selection", selection if plain else str(tmp_path / "more.toml"), "--chunk-events", "91"]
    seen = [look(world, *line, *([] if plain else ["--plugin", str(tmp_path / "my.py")])) for world in worlds]
    assert_equal(seen)
    assert seen[0].code == 0
    assert b'"selected": 0' in seen[0].products["result.json"]
    if plain:
        expected = sum(np.count_nonzero(closed) for closed in original.closed.values())
        assert hidden_total(seen[0]) == expected > 30


def is_hidden(event: dict[str, float]) -> bool:
    index = feature_index(load_periods()["2022M"].setup)
    table = np.full((len(index), 1), 1e9, np.float32)
    for name, value in ({"p_out": 50.0, "e_cal": 6.0, "e_cal_total": 6.0} | event).items():
        table[index[name], 0] = value
    return bool(hidden(load_boxes()["2022M"], table, index)[0])


def test_either_bound_with_all_its_features_beyond_the_guard_band_shows_an_event() -> None:
    assert is_hidden({})
    assert not is_hidden({"p_out": np.nextafter(np.float32(85), np.float32(86))})
    assert is_hidden({"p_out": np.nextafter(np.float32(85), np.float32(84))})
    beyond = float(np.nextafter(np.float32(14), np.float32(15)))
    assert not is_hidden({"e_cal": beyond, "e_cal_total": beyond})
    for name in ("e_cal", "e_cal_total"):
        assert is_hidden({"e_cal": beyond, "e_cal_total": beyond} | {name: 13.9})
        assert is_hidden({"e_cal": beyond, "e_cal_total": beyond} | {name: np.nan})
    assert is_hidden({"p_out": np.nan})
    assert is_hidden({"p_out": np.inf})


def test_the_box_depends_on_every_plane_and_calorimeter_that_it_is_about() -> None:
    """So a layout that reads another branch for one of them is told, and needs to be declared."""
    about = {"target", "vhcal", "hcal", *(name.lower() for name in PLANES)}
    assert about <= load_periods()["2022M"].closed
