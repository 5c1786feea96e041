"""The 2023 selections against a plain NumPy program that shares no code with the package.

The program follows the public 2023 selection order and its conventions in float64, from the branches.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

from na64.run import main

Tree = dict[str, NDArray[Any]]
Mask = NDArray[np.bool_]
N_EVENTS = 30_000

CHI2_EDGE = np.arange(0.0, 80.0, 5.0)
CHI2_LIMIT = np.array(
    [2.5, 3.86, 3.25, 2.915, 2.83, 2.85, 2.93, 3.035, 3.16, 3.285, 3.385, 3.51, 3.6, 3.685, 3.74, 3.695, 4.0]
)


def _in_time(tree: Tree, name: str, energy: NDArray[Any], half_width: Any = None) -> NDArray[Any]:
    width = 3 * tree[f"{name}_tSigma"] if half_width is None else half_width
    return np.where(np.abs(tree[f"{name}_t0"] - tree[f"{name}_tE"]) < width, energy, 0.0)


def _quantities(tree: Tree) -> dict[str, NDArray[Any]]:
    ecal = tree["ECAL_ene"].reshape(-1, 2, 5, 6)
    ecal_t = _in_time(tree, "ECAL", tree["ECAL_ene"]).reshape(-1, 2, 5, 6)
    hcal = np.where(tree["HCAL_ene"] > 0.2, tree["HCAL_ene"], 0.0)
    hcal_t = _in_time(tree, "HCAL", hcal, 16.5).reshape(-1, 4, 3, 3)
    hcal = hcal.reshape(-1, 4, 3, 3)
    veto_width = 3 * np.repeat(tree["VETO_tSigma"], 2, axis=1)
    veto = _in_time(tree, "VETO", tree["VETO_enePMT"], veto_width).reshape(-1, 3, 2).sum(axis=2)
    total = ecal_t.sum(axis=(1, 2, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (total - ecal_t[:, :, 1:4, 1:4].sum(axis=(1, 2, 3))) / total
    return {
        "srd": _in_time(tree, "SRD", tree["SRD_ene"]),
        "vhcal": tree["VHCAL_ene"].sum(axis=1),
        "main": ecal_t[:, 1].reshape(-1, 30),
        "ecal": total,
        "ecal_any": ecal.sum(axis=(1, 2, 3)),
        "preshower_any": ecal[:, 0].sum(axis=(1, 2)),
        "ratio": np.where(total > 0, ratio, np.inf),
        "hc": hcal_t.sum(axis=(2, 3)),
        "hc_any": hcal.sum(axis=(2, 3)),
        "hc0": hcal_t[:, 0].reshape(-1, 9),
        "hc_centre": hcal_t[:, :, 1, 1],
        "veto": veto,
    }


def _straw(tree: Tree, station: int) -> Mask:
    x, y = tree[f"mpStraw{station}X"], tree[f"mpStraw{station}Y"]
    return (x > 0) & (x <= 5) & (y > 0) & (y <= 5)


def _shared_steps(tree: Tree, q: dict[str, NDArray[Any]], bad: Mask) -> Iterator[tuple[str, Any]]:
    yield "trigger", (tree["triggerSources"] & 4) != 0
    yield "bad_spill", ~bad
    yield "master_time", (tree["masterT"] >= 86.5) & (tree["masterT"] <= 113.5)
    yield "srd", ((q["srd"] > 0.001) & (q["srd"] < 0.08)).all(axis=1)
    p = tree["mom_genfit_upMM"]
    yield "track_quality", (p > 0) & (p < 9999) & (tree["pvalue_genfit_upMM"] > 0.01)
    yield "momentum", np.abs(p - 100) < 10
    yield "angle", np.abs(tree["inangle_genfit_upMM"]) < 3
    yield "straw3", _straw(tree, 3)
    yield "vhcal", q["vhcal"] < 1.5
    yield "straw4", _straw(tree, 4)
    yield "ecal_centre", (q["main"].argmax(axis=1) == 2 * 6 + 2) & (q["main"].max(axis=1) > 0)
    yield (
        "ecal_energy",
        (q["ecal_any"] < 120) & (q["ecal_any"] - q["ecal"] < 30) & (q["preshower_any"] > 0.7),
    )
    yield "ecal_ratio", (q["ecal"] > 0) & (q["ratio"] < 0.06)


def _hadron_steps(q: dict[str, NDArray[Any]]) -> Iterator[tuple[str, Any]]:
    yield "hcal_out_of_time", q["hc_any"][:, :3].sum(axis=1) - q["hc"][:, :2].sum(axis=1) < 50
    yield "hcal3", q["hc_any"][:, 3] < 2
    struck = (q["hc0"] > 0.5).any(axis=1)
    yield "hcal_topology", ~struck | (q["hc"][:, 0] < 2 * q["hc_centre"][:, 0])


def _dimuon(tree: Tree, bad: Mask) -> Iterator[tuple[str, Any]]:
    q = _quantities(tree)
    yield from _shared_steps(tree, q, bad)
    yield "shower_chi2", tree["chi2"][:, 0] < 100
    yield from _hadron_steps(q)
    yield "dimuon", ((q["hc"][:, :3] > 4) & (q["hc"][:, :3] < 8)).all(axis=1)


def _invisible(tree: Tree, bad: Mask) -> Iterator[tuple[str, Any]]:
    q = _quantities(tree)
    yield from _shared_steps(tree, q, bad)
    bins = np.clip(np.searchsorted(CHI2_EDGE, q["ecal"], side="right") - 1, 0, 15)
    limit = np.where(q["ecal"] < 80, CHI2_LIMIT[bins], 4.0)
    yield "shower_chi2", tree["chi2"][:, 0] < limit
    yield from _hadron_steps(q)
    yield "veto", (q["veto"] < np.array([0.0076, 0.008, 0.0076])).all(axis=1)
    hc2, centre = q["hc"][:, 2], q["hc_centre"]
    yield "hcal_muon", ~((hc2 > 2) | ((centre[:, 0] > 1.5) & (centre[:, 1] > 1.5) & (hc2 > 1.3)))


def _bad_events(folder: Path, tree: Tree) -> Mask:
    bad = np.zeros(len(tree["runN"]), dtype=bool)
    with (folder / "conditions" / "bad.csv").open() as stream:
        for row in csv.DictReader(stream):
            chosen = tree["runN"] == int(row["run"])
            if row["spill"]:
                chosen &= tree["spillN"] == int(row["spill"])
            if row["start"]:
                number = tree["spilleventtN"]
                chosen &= (number >= int(row["start"])) & (number < int(row["stop"]))
            bad |= chosen
    with (folder / "conditions" / "spills.csv").open() as stream:
        for row in csv.DictReader(stream):
            if row["quality"] == "bad":
                bad |= (tree["runN"] == int(row["run"])) & (tree["spillN"] == int(row["spill"]))
    return bad


def _expected(folder: Path, steps: Callable[[Tree, Mask], Iterator[tuple[str, Any]]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for path in sorted(folder.glob("*.root")):
        with uproot.open(path) as file:
            branches = file["tout"].arrays(library="np")
        tree = {name: values.reshape(len(values), -1).squeeze() for name, values in branches.items()}
        left = np.ones(len(tree["runN"]), dtype=bool)
        counts["visible"] = counts.get("visible", 0) + int(left.sum())
        for cut, passed in steps(tree, _bad_events(folder, tree)):
            left &= passed
            counts[cut] = counts.get(cut, 0) + int(left.sum())
    return counts


@pytest.fixture(scope="module", params=[N_EVENTS, pytest.param(4 * N_EVENTS, marks=pytest.mark.soak)])
def campaign(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    size = ["--events", str(request.param), "--seed", "2023"]
    assert main(["simulate", "demo", "--to", str(folder / "data"), *size]) == 0
    files, catalogue = str(folder / "data"), str(folder / "catalogue.json")
    assert main(["catalogue", files, "--to", catalogue, "--simulation"]) == 0
    return folder


@pytest.mark.parametrize(("name", "steps"), [("dimuon_2023", _dimuon), ("invisible_2023", _invisible)])
def test_the_count_after_every_cut_is_that_of_a_plain_program(
    campaign: Path, name: str, steps: Callable[[Tree, Mask], Iterator[tuple[str, Any]]]
) -> None:
    products = campaign / name
    command = ["process", str(campaign / "catalogue.json"), "--selection", name, "--to", str(products)]
    assert main([*command, "--executor", "iterative", "--no-report"]) == 0
    with (products / "cutflow.csv").open() as stream:
        found = {row["cut"]: int(row["passed"]) for row in csv.DictReader(stream) if row["run"] == "all"}
    expected = _expected(campaign / "data", steps)
    assert list(found) == list(expected)
    assert found == expected
    assert expected["visible"] >= N_EVENTS
    assert 0 < list(expected.values())[-1] < expected["visible"]
