"""A detector, features, formulas, cuts, a region, a plane and boxes that nobody wrote Python for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

from na64.datasets.reading.layout import load_layout
from na64.datasets.synthetic.writers import RunFileFormat, open_writer
from na64.outputs.result.store import read_result
from na64.run import main
from na64.tests.blinding.conftest import PACKAGED_BOX
from na64.tests.test_blind_products import concerned, in_region, sums

Branches = dict[str, NDArray[Any]]
Mask = NDArray[np.bool_]

N_EVENTS = 1_200
DETECTOR = """
[[detector]]
name = "hodo"
role = "counters"
shape = { values = [1, 1, 16], source = "a test" }
half_width = { value = 8, unit = "ns", source = "a test" }
expected_time = { value = 0, unit = "ns", source = "a test" }
threshold = { value = 1, unit = "MeV", source = "a test" }
mip = { value = 2, unit = "MeV", source = "a test" }

[[detector.sum]]
name = "left"
parts = { values = [0, 1, 2, 3, 4, 5, 6, 7], source = "a test" }

[[feature]]
name = "hodo_side"
unit = "1"
meaning = "part of the energy on the left"
formula = "where(hodo_sum > 0, hodo_left / hodo_sum, 0.5)"
"""
BOXES = """
[[box]]
ecal = { value = 60, unit = "GeV", source = "a test" }
hcal = { value = 1, unit = "GeV", source = "a test" }

[[box]]
search = "hodoscope"
[[box.bound]]
features = ["hodo_sum", "hodo_total"]
between = { values = [8, 12], unit = "MeV", source = "a test" }
guard = { value = 1, unit = "MeV", source = "a test" }
[[box.bound]]
features = ["ecal", "ecal_total"]
above = { value = 75, unit = "GeV", source = "a test" }
guard = { value = 5, unit = "GeV", source = "a test" }

[[box]]
search = "one_sided"
[[box.bound]]
features = ["hodo_side"]
above = { value = 0.9, source = "a test" }
guard = { value = 0.02, source = "a test" }
[[box.bound]]
features = ["hodo_n_hits"]
between = { values = [1.5, 3.5], source = "a test" }
guard = { value = 0.25, source = "a test" }
"""
LAYOUT = """
[detector.hodo]
kind = "cells"
shape = [16]
energy = { branch = "HODO_ene", unit = "MeV" }
time = { branch = "HODO_t0", unit = "ns" }
"""
SELECTION = """
name = "hodoscope"
label = "a counter hodoscope"
search = "hodoscope"
yields_after = "hits"

[[cut]]
name = "trigger"
trigger_physics = { equals = 1 }
[[cut]]
name = "hits"
hodo_n_hits = { min = 2, max = 6 }
[[cut]]
name = "energy"
hodo_ecal = { above = 30, below = 110, unit = "GeV" }

[[feature]]
name = "hodo_ecal"
unit = "GeV"
formula = "1000 * hodo_sum + ecal"

[[region]]
name = "bright"
label = "much light, a shower in the first module"
hodo_sum = { above = 12, unit = "MeV" }
hcal_0 = { min = 1, unit = "GeV" }
hodo_side = { below = 0.8 }

[[plane]]
name = "hodo"
x = { feature = "hodo_sum", bins = 40, low = 0, high = 40, unit = "MeV" }
y = { feature = "ecal", bins = 60, low = 0, high = 120, unit = "GeV" }
[[plane]]
name = "energy"
x = { feature = "ecal", bins = 150, low = 0, high = 150, unit = "GeV" }
y = { feature = "hcal", bins = 150, low = 0, high = 150, unit = "GeV" }

[[histogram]]
name = "hits"
after = "trigger"
axes = [{ feature = "hodo_n_hits", bins = 17, low = -0.5, high = 16.5 }]
"""


@dataclass(frozen=True)
class Hodoscope:
    """What ten lines of NumPy find in a file; energies in MeV."""

    sums: NDArray[np.float32]
    total: NDArray[np.float32]
    hits: NDArray[np.int64]
    side: NDArray[np.float32]
    ecal: NDArray[np.float32]
    ecal_total: NDArray[np.float32]
    hcal_0: NDArray[np.float64]

    @staticmethod
    def of(tree: Branches, *, scale: float = 1.0, half_width: float = 8.0) -> Hodoscope:
        light = tree["HODO_ene"] * scale
        in_time = np.where(np.abs(tree["HODO_t0"]) < half_width, light, 0)
        sums, left = in_time.sum(axis=1), in_time[:, :8].sum(axis=1)
        side = np.where(sums > 0, left / np.where(sums > 0, sums, 1), 0.5)
        near = np.abs(tree["ECAL_t0"] - tree["ECAL_tE"]) < 3 * tree["ECAL_tSigma"]
        ecal = np.where(near, tree["ECAL_ene"], 0).sum(axis=1, dtype=float)
        hcal = np.where(np.abs(tree["HCAL_t0"] - tree["HCAL_tE"]) < 16.5, tree["HCAL_ene"], 0)[:, :9]
        hcal_0 = np.where(hcal > 0.2, hcal, 0).sum(axis=1, dtype=float)
        rounded = (one.astype(np.float32) for one in (sums, light.sum(axis=1), side, ecal))
        sums, total, side, ecal = rounded
        ecal_total = tree["ECAL_ene"].sum(axis=1, dtype=float).astype(np.float32)
        return Hodoscope(sums, total, (in_time > 1).sum(axis=1), side, ecal, ecal_total, hcal_0)

    def hidden(self) -> Mask:
        """In a box of the hodoscope or its guard band."""
        low, high = np.minimum(self.sums, self.total), np.maximum(self.sums, self.total)
        light = (low < 13) & (high > 7)  # provably outside only if both are on the same side
        first = light & (np.maximum(self.ecal, self.ecal_total) > 70)
        second = (self.side > 0.88) & (self.hits > 1.25) & (self.hits < 3.75)
        found: Mask = first | second
        return found

    def drawn(self, tree: Branches) -> Mask:
        """Beyond every box and guard band by the first feature of one bound, whatever the trigger says."""
        hcal = sums(tree)[1][0]  # modules 0 and 1, as the period has it
        outside = (self.ecal >= 65) | (hcal.astype(np.float32) >= 1.5)
        outside &= (self.sums >= 13) | (self.sums <= 7) | (self.ecal <= 70)
        found: Mask = outside & ((self.side <= 0.88) | (self.hits <= 1.25) | (self.hits >= 3.75))
        return found

    def cuts(self, tree: Branches) -> list[Mask]:
        energy = self.sums + self.ecal.astype(float)
        cuts = [tree["triggerSources"] & 4 != 0, (self.hits >= 2) & (self.hits <= 6)]
        return [*cuts, (energy > 30) & (energy < 110)]

    def bright(self) -> Mask:
        found: Mask = (self.sums > 12) & (self.hcal_0 >= 1) & (self.side < 0.8)
        return found


@dataclass(frozen=True)
class SetUp:
    """Run files with a hodoscope, in folders of `files`, and in `folder` what it takes to read them: TOML."""

    folder: Path
    files: Path
    conditions: Path
    trees: list[Branches]

    def write(self) -> None:
        """Write the files as ROOT and as Parquet, with the tables beside them."""
        for container in (RunFileFormat.TTREE, RunFileFormat.PARQUET):
            to = self.files / container.value
            to.mkdir(parents=True)
            (to / "conditions").symlink_to(self.conditions)
            for number, tree in enumerate(self.trees):
                path = to / f"run_{tree['runN'][0]}_{number}{container.suffix}"
                with open_writer(path, container, "tout") as writer:
                    writer.extend({**tree})

    def catalogue(self, name: str, *options: str, to: Path | None = None) -> Path:
        """Register the files of a folder with the period and the layout of the hodoscope."""
        listed = to or self.folder / f"{name}{len(options)}.json"
        given = ("--periods", str(self.folder / "periods"), "--layout", str(self.folder / "mine.toml"))
        assert main(["catalogue", str(self.files / name), "--to", str(listed), *given, *options]) == 0
        return listed

    def process(self, catalogue: Path, *options: str) -> Path:
        out = catalogue.with_suffix("")
        line = ["process", str(catalogue), "--selection", str(self.folder / "hodoscope.toml")]
        line += ["--to", str(out), "--executor", "iterative", "--store", str(self.folder / "features")]
        assert main([*line, *options]) == 0
        return out


def with_light(tree: Branches, seed: int) -> Branches:
    """Events with a hodoscope, in the order in which a writer wants them."""
    random = np.random.default_rng(seed)
    n_events = len(tree["runN"])
    struck = random.random((n_events, 16)) < random.uniform(0.05, 0.4, (n_events, 1))
    struck[:, 8:] &= random.random((n_events, 1)) < 0.7
    light = np.where(struck, random.exponential(3, struck.shape), 0).astype(np.float32)
    return tree | {"HODO_ene": light, "HODO_t0": random.normal(0, 5, struck.shape).astype(np.float32)}


def make_set_up(folder: Path, simulate: Callable[..., Path], edited: Callable[..., Path]) -> SetUp:
    """A simulated campaign with a hodoscope in front."""
    path = edited("period", "2023A", folder / "periods", (PACKAGED_BOX, BOXES))
    path.write_text(path.read_text() + DETECTOR)
    usual = load_layout("tout2023").text
    (folder / "mine.toml").write_text(usual.replace('"tout2023"', '"mine"', 1) + LAYOUT)
    (folder / "hodoscope.toml").write_text(SELECTION)
    trees = []
    for number, name in enumerate(sorted(simulate(folder, "small", N_EVENTS).glob("*.root"))):
        with uproot.open(name) as file:
            trees.append(with_light(file["tout"].arrays(library="np"), number))
    made = SetUp(folder, folder, folder / "data" / "conditions", trees)
    made.write()
    return made


@pytest.fixture(scope="module")
def hodoscope(
    simulate: Callable[..., Path], edited: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> SetUp:
    return make_set_up(tmp_path_factory.mktemp("set_up"), simulate, edited)


def passed(out: Path, rows: Callable[..., Any]) -> list[int]:
    return [int(row["passed"]) for row in rows(out / "cutflow.csv") if row["run"] == "all"]


def expected(set_up: SetUp, *, data: bool) -> tuple[list[int], int, int]:
    """Events that are visible and after every cut, in the region, and hidden."""
    flow, bright, n_hidden = np.zeros(4, int), 0, 0
    for tree in set_up.trees:
        seen = Hodoscope.of(tree)
        hidden = (in_region(tree) | seen.hidden()) & concerned(tree) & data
        cuts = [~hidden, *seen.cuts(tree)]
        masks = [np.all(cuts[: number + 1], axis=0) for number in range(4)]
        flow += [np.count_nonzero(mask) for mask in masks]
        bright += int(np.count_nonzero(masks[2] & seen.bright()))
        n_hidden += int(np.count_nonzero(hidden))
    return flow.tolist(), bright, n_hidden


@pytest.mark.parametrize("container", ["ttree", "parquet"])
@pytest.mark.parametrize("kind", ["data", "simulation"])
def test_counts_are_those_of_ten_lines_of_numpy(
    container: str, kind: str, hodoscope: SetUp, rows: Callable[..., Any]
) -> None:
    claim = ("--simulation",) if kind == "simulation" else ()
    out = hodoscope.process(hodoscope.catalogue(container, *claim), "--no-report")
    flow, bright, hidden = expected(hodoscope, data=kind == "data")
    assert passed(out, rows) == flow
    yields = rows(out / "yields.csv")
    assert sum(int(row["region_bright"]) for row in yields) == bright > 5
    if kind == "data":
        assert sum(int(row["hidden"]) for row in yields) == hidden > 100


def test_planes_of_data_show_no_event_in_any_box_and_the_report_is_written(
    hodoscope: SetUp, undrawing: Callable[[], Any]
) -> None:
    with undrawing():
        out = hodoscope.process(hodoscope.catalogue("ttree"), "--replace")
    shown = 0
    for tree in hodoscope.trees:
        seen = Hodoscope.of(tree)
        hidden = (in_region(tree) | seen.hidden()) & concerned(tree)
        shown += int(np.count_nonzero(~hidden & seen.drawn(tree) & (seen.sums < 40) & (seen.ecal < 120)))
    plane = read_result(out).histograms["plane_after_visible"]
    assert plane.sum() == shown > 300
    assert not plane.values()[8:12, 38:].any()
    for name in ("plane_after_visible", "plane_energy_after_hits"):
        assert (out / "plots" / f"{name}.png").exists()
    report = (out / "report.html").read_text()
    assert "bright" in report
    assert "hodo_side" in report
