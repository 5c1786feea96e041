"""The packaged box of hadrons that vanish, alone and beside that of missing energy: nothing in it shows."""

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

from na64.datasets.conditions.own_period import stated_runs_text
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

N_EVENTS = 1_500
MISSING = """[[box]]
search = "invisible"
ecal = { value = 30, unit = "GeV", source = "test" }
hcal = { value = 1, unit = "GeV", source = "test" }

[trigger]"""
"""A second box of the period, which reaches farther in the ECAL and asks nothing of the VETO."""

INSIDE: dict[str, tuple[float, float, float]] = {
    "box": (3.0, 0.4, 0.1),
    "guard": (6.5, 1.3, 0.8),
    "mad": (np.nan, np.inf, -np.inf),
    "missing": (33.0, 0.5, 4.0),
}
"""GeV in ECAL and HCAL, MIPs in the VETO, of every hidden event of a world."""


@dataclass(frozen=True)
class Hadrons:
    """What ten lines of NumPy find in a file of layout tout2023: GeV in time, MIPs."""

    ecal: NDArray[np.float64]
    hcal: NDArray[np.float64]
    veto: NDArray[np.float64]

    @staticmethod
    def of(tree: Branches) -> Hadrons:
        def in_time(name: str, width: Any) -> Mask:
            found: Mask = np.abs(tree[f"{name}_t0"] - tree[f"{name}_tE"]) < width
            return found

        ecal = np.where(in_time("ECAL", 3 * tree["ECAL_tSigma"]), tree["ECAL_ene"], 0).sum(axis=1)
        cells = np.where(in_time("HCAL", 16.5) & (tree["HCAL_ene"] > 0.2), tree["HCAL_ene"], 0)
        sigma = np.repeat(tree["VETO_tSigma"], 2, axis=1)
        tubes = np.where(in_time("VETO", 3 * sigma), tree["VETO_enePMT"], 0)
        low, high = np.minimum(tubes[:, ::2], tubes[:, 1::2]), np.maximum(tubes[:, ::2], tubes[:, 1::2])
        paddles = np.where(low < 0.3 * high, high, np.sqrt(low * high)) / 0.0107
        # Modules 0 and 1 alone never have more than all three.
        return Hadrons(ecal, cells[:, :18].sum(axis=1), paddles.max(axis=1))

    def hidden(self, *, both: bool) -> Mask:
        little = self.hcal < 1.5
        found: Mask = little & (self.ecal < 7) & (self.veto < 0.9)
        return found | (little & (self.ecal < 35)) if both else found


def trees_of(files: Path) -> dict[str, Branches]:
    found = {}
    for path in sorted(files.glob("run*.root")):
        with uproot.open(path) as file:
            tree = file["tout"]
            found[path.name] = {name: tree[name].array(library="np") for name in tree.keys()}  # noqa: SIM118
    return found


def closed_in(tree: Branches, *, both: bool) -> Mask:
    """Hidden events of a file: those that the physics trigger took, or nobody knows what did."""
    words = tree["triggerSources"]
    is_data = tree["runN"] != 9304  # whose type is calibration
    found: Mask = Hadrons.of(tree).hidden(both=both) & ((words & 4 != 0) | (words == 0)) & is_data
    return found


def moved(tree: Branches, closed: Mask, values: tuple[float, float, float]) -> Branches:
    """Events of which the hidden ones are all alike: one cell each of ECAL, HCAL and VETO, in time."""
    tree = {name: content.copy() for name, content in tree.items()}
    places = {"ECAL_ene": 44, "HCAL_ene": 4, "VETO_enePMT": 2}
    for (branch, cell), value in zip(places.items(), values, strict=True):
        name = branch.partition("_")[0]
        tree[branch][closed] = 0
        tree[branch][closed, cell] = value * (0.0107 if name == "VETO" else 1)
        for time in (f"{name}_t0", f"{name}_tE"):
            tree[time][closed] = 50.0
    for name in ("ECAL", "VETO"):
        tree[f"{name}_tSigma"][closed] = 1.0
    return tree


@pytest.fixture(scope="module")
def original(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("hadrons"), "hadron_signal", N_EVENTS)


def make_world(original: Path, folder: Path, name: str, *, both: bool) -> World:
    world = World(name, "tout2023", folder / f"world-{name}")
    (world.folder / "data").mkdir(parents=True)
    shutil.copytree(original / "conditions", world.folder / "data" / "conditions")
    for file, tree in trees_of(original).items():
        changed = moved(tree, closed_in(tree, both=both), INSIDE[name])
        with open_writer(world.folder / "data" / file, RunFileFormat.TTREE, "tout") as writer:
            writer.extend({**changed})
    periods = ["--periods", str(folder / "periods")]
    assert main(["catalogue", str(world.folder / "data"), "--to", str(world.catalogue), *periods]) == 0
    return world


def state_period(folder: Path, *, both: bool) -> None:
    (folder / "periods").mkdir()
    text = stated_runs_text("2023H", 9301, 9320, "test")
    (folder / "periods" / "2023H.toml").write_text(text.replace("[trigger]", MISSING) if both else text)


@pytest.mark.parametrize(
    "both",
    [
        pytest.param(True, id="beside missing energy"),
        pytest.param(False, id="alone", marks=pytest.mark.soak),
    ],
)
def test_hadrons_that_vanish_cannot_be_seen(both: bool, original: Path, look: Any, tmp_path: Path) -> None:
    state_period(tmp_path, both=both)
    names = ["box", "guard", "mad", *(["missing"] if both else [])]
    worlds = [make_world(original, tmp_path, name, both=both) for name in names]
    seen = [look(world, "--selection", "hadron_50", "--chunk-events", "91") for world in worlds]
    assert_equal(seen)
    assert seen[0].code == 0
    expected = sum(np.count_nonzero(closed_in(tree, both=both)) for tree in trees_of(original).values())
    assert hidden_total(seen[0]) == expected > 80
    assert b'"selected": 0' in seen[0].products["result.json"]


def is_hidden(period: str, event: dict[str, float]) -> bool:
    """Whether an event in the middle of the box is hidden with other features."""
    index = feature_index(load_periods()[period].setup)
    (box,) = load_boxes()[period]
    table = np.full((len(index), 1), 1e9, np.float32)
    for one in box.bounds:
        table[[index[name] for name in one.features]] = one.high / 2
    for name, value in event.items():
        table[index[name]] = value
    return bool(hidden([box], table, index)[0])


@pytest.mark.parametrize("period", ["2023H", "2023K"])
def test_only_a_bound_with_all_its_features_beyond_the_guard_band_shows_an_event(period: str) -> None:
    (box,) = load_boxes()[period]
    assert is_hidden(period, {})
    for one in box.bounds:
        edge = np.float32(one.high_hidden)
        beyond, within = (float(np.nextafter(edge, np.float32(side))) for side in (np.inf, -np.inf))
        assert not is_hidden(period, dict.fromkeys(one.features, beyond))
        for name in one.features:
            others = dict.fromkeys(one.features, beyond)
            assert is_hidden(period, others | {name: within})
            assert is_hidden(period, others | {name: np.nan})


def test_the_box_depends_on_every_detector_that_it_is_about() -> None:
    for period in ("2023H", "2023K"):
        assert {"ecal", "hcal", "veto"} <= load_periods()[period].closed
