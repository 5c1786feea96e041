"""In every product of data the box and its guard are empty, and nothing tells what is in them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

from na64.outputs.result.store import read_result

Branches = dict[str, NDArray[Any]]
Mask = NDArray[np.bool_]

N_EVENTS = 3_000
ECAL, HCAL = 65.0, 1.5  # GeV; box and guard of 2023A
CALIBRATION = 8703
PHYSICS = 4


@pytest.fixture(scope="module")
def data(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("data"), "small", N_EVENTS)


@pytest.fixture(scope="module", params=["dimuon_2023", "invisible_2023"])
def products(request: pytest.FixtureRequest, data: Path, process: Callable[..., Path]) -> Path:
    return process(data, request.param, name=request.param)


def trees(folder: Path) -> Iterator[tuple[Path, Branches]]:
    for path in sorted(folder.glob("*.root")):
        with uproot.open(path) as file:
            yield path, file["tout"].arrays(library="np")


def sums(tree: Branches) -> tuple[NDArray[Any], NDArray[Any]]:
    """All energies that might be E_ECAL, and all that might be E_HCAL, from the branches."""
    ecal_in_time = np.abs(tree["ECAL_t0"] - tree["ECAL_tE"]) < 3 * tree["ECAL_tSigma"]
    ecal = [np.where(ecal_in_time, tree["ECAL_ene"], 0).sum(axis=1), tree["ECAL_ene"].sum(axis=1)]
    cells = np.where(tree["HCAL_ene"] > 0.2, tree["HCAL_ene"], 0)
    in_time = np.where(np.abs(tree["HCAL_t0"] - tree["HCAL_tE"]) < 16.5, cells, 0)
    hcal = [part[:, : 9 * modules].sum(axis=1) for part in (in_time, cells) for modules in (2, 3)]
    return np.array(ecal), np.array(hcal)


def in_region(tree: Branches) -> Mask:
    ecal, hcal = sums(tree)
    outside = (ecal >= ECAL).all(axis=0) | (hcal >= HCAL).all(axis=0)
    return np.logical_not(outside)


def concerned(tree: Branches) -> Mask:
    """Tell which events the box concerns: of physics runs, those of the physics trigger or of none known."""
    word = tree["triggerSources"]
    found: Mask = (tree["runN"] != CALIBRATION) & ((word == 0) | (word & PHYSICS != 0))
    return found


def test_as_many_events_are_hidden_as_a_plain_program_finds(data: Path, products: Path) -> None:
    with (products / "yields.csv").open() as stream:
        found = {row["run"]: int(row["hidden"]) for row in csv.DictReader(stream)}
    expected = dict.fromkeys(found, 0)
    for _, tree in trees(data):
        expected[str(tree["runN"][0])] += int((in_region(tree) & concerned(tree)).sum())
    assert found == expected
    assert sum(found.values()) > 100


def test_the_corner_of_every_plane_is_empty(data: Path, products: Path) -> None:
    # Calibration runs and random triggers are not blind: they are counted, but no plane shows them.
    assert sum(int((in_region(tree) & ~concerned(tree)).sum()) for _, tree in trees(data)) > 0
    assert not {name: corner for name, corner in _corners(products) if corner}


def _corners(products: Path) -> Iterator[tuple[str, int]]:
    histograms = read_result(products).histograms
    planes = {name: found for name, found in histograms.items() if name.startswith("plane_after_")}
    assert len(planes) > 15
    with uproot.open(products / "histograms.root") as file:
        for name, found in planes.items():
            for counts, *edges in (
                (found.values(flow=True), found.axes[0].edges, found.axes[1].edges),
                file[name].to_numpy(flow=True),
            ):
                ecal, hcal = (axis[np.isfinite(axis)] for axis in edges)
                n_ecal, n_hcal = np.searchsorted(ecal, ECAL, "right"), np.searchsorted(hcal, HCAL, "right")
                yield name, int(counts[:n_ecal, :n_hcal].sum())


def test_counts_are_of_visible_events_only(products: Path) -> None:
    with (products / "yields.csv").open() as stream:
        visible = {row["run"]: int(row["processed"]) - int(row["hidden"]) for row in csv.DictReader(stream)}
    for name in ("cutflow.csv", "regions.csv"):
        with (products / name).open() as stream:
            first = {row["run"]: row for row in csv.DictReader(stream) if row["cut"] == "visible"}
        counted = {run: _sum_of(row) for run, row in first.items() if run != "all"}
        assert counted == visible


def _sum_of(row: dict[str, str]) -> int:
    if "passed" in row:
        return int(row["passed"])
    return sum(int(row[name]) for name in ("region_I", "region_II", "region_III", "elsewhere"))


def put(tree: Branches, chosen: Mask, *, ecal: float, hcal: float) -> None:
    """Move events to one place of the plane, with other values everywhere else."""
    place = np.flatnonzero(chosen)
    for name in ("ECAL", "HCAL"):
        tree[f"{name}_ene"][place] = 0
        tree[f"{name}_t0"][place] = tree[f"{name}_tE"][place]
    tree["ECAL_ene"][place, 44] = ecal
    tree["HCAL_ene"][place, 4] = hcal
    for name in ("masterT", "mom_genfit_upMM", "chi2", "SRD_ene", "VETO_enePMT"):
        tree[name][place] *= 1 + ecal / 100


PLACES = {"box": (20.0, 0.0), "guard": (62.0, 1.2), "above the beam": (ECAL - 0.01, 150.0)}


def test_where_hidden_events_sit_makes_no_difference(
    data: Path,
    process: Callable[..., Path],
    canonical: Callable[[Path], dict[str, bytes]],
    tmp_path: Path,
) -> None:
    found = {}
    for place, (ecal, hcal) in PLACES.items():
        files = tmp_path / place.replace(" ", "_") / "data"
        files.mkdir(parents=True)
        (files / "conditions").symlink_to(data / "conditions")
        for path, tree in trees(data):
            changed = {name: values.copy() for name, values in tree.items()}
            hidden = in_region(tree) & concerned(tree)
            if place != "above the beam":
                put(changed, hidden, ecal=ecal, hcal=hcal)
                assert (in_region(changed) & concerned(changed) == hidden).all()
            else:
                put(changed, hidden, ecal=ecal, hcal=hcal)
                assert not (in_region(changed) & concerned(changed)).any()
            with uproot.recreate(files / path.name) as file:
                types = {name: np.dtype((array.dtype, array.shape[1:])) for name, array in changed.items()}
                file.mktree("tout", types).extend(changed)
        folder = process(files, "dimuon_2023")
        found[place] = canonical(folder) | {"result.json": _without_hashes(folder / "result.json")}
    assert found["box"] == found["guard"]
    # The comparison can fail: the same events where they may be seen are seen.
    different = {name for name, content in found["box"].items() if content != found["above the beam"][name]}
    assert different >= {"yields.csv", "cutflow.csv", "histograms.uhi.zip", "result.json"}


def _without_hashes(path: Path) -> bytes:
    return re.sub(r"[0-9a-f]{64}", "", path.read_text()).encode()


def test_simulation_is_not_blinded_and_data_say_that_they_are(
    data: Path, products: Path, process: Callable[..., Path]
) -> None:
    said = json.loads((products / "result.json").read_text())
    assert said["blinding"] == "blind"
    folder = process(data, "dimuon_2023", catalogue=("--simulation",), name="simulation")
    said = json.loads((folder / "result.json").read_text())
    assert said["blinding"] == "not blinded"
    assert said["totals"]["hidden"] == 0
    assert max(corner for _, corner in _corners(folder)) > 100
    with (folder / "yields.csv").open() as stream:
        assert {row["hidden"] for row in csv.DictReader(stream)} == {""}
