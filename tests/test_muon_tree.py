"""The public tree of simulated muons, read with a packaged layout: counts as of ten lines of NumPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot
from numpy.typing import NDArray

from na64.datasets.conditions.own_period import stated_runs_text
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.datasets.synthetic.writers import list_type
from na64.run import main

N_EVENTS = 400
CENTRES = {"GEM1": -1428.6, "GEM2": -1465.9, "GEM3": -1503.1, "GEM4": -1540.4}
CENTRES |= {"MM1": 0, "MM2": 0, "MM3": -750, "MM4": -770, "MM5": -1633.0, "MM6": -1643.6, "MM7": -1654.5}


def made() -> dict[str, Any]:
    random = np.random.default_rng(5)
    ecal = random.exponential(0.03, (N_EVENTS, 30)).astype(np.float32)
    hcal = random.exponential(0.5, (N_EVENTS, 36)).astype(np.float32)
    vhcal = random.exponential(0.01, (N_EVENTS, 16)).astype(np.float32)
    hits = {}
    for station, centre in CENTRES.items():
        for axis in "xy":
            counts = random.choice([0, 1, 2], N_EVENTS, p=[0.02, 0.96, 0.02])
            places = random.normal(centre if axis == "y" else 0, 0.1, counts.sum())
            hits[f"{station}{axis}"] = ak.unflatten(places, counts)
    triggers = np.stack([random.uniform(0, high, N_EVENTS) for high in (1, 1, 6, 6, 2)], axis=1)
    return {
        "BeamEnergy0": np.full(N_EVENTS, 160.0),
        "Triggers": triggers,
        **hits,
        "ECALtot": ecal.sum(axis=1),
        "VHCALtot": vhcal.sum(axis=1),
        "HCAL0tot": hcal[:, :18].sum(axis=1),
        "HCAL1tot": hcal[:, 18:].sum(axis=1),
        "ECALenergy": ecal,
        "VHCALenergy": vhcal,
        "HCALenergy": hcal,
    }


@pytest.fixture(scope="module")
def tree() -> dict[str, Any]:
    return made()


@pytest.fixture(scope="module")
def files(tree: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("public") / "files"
    folder.mkdir()
    kinds = {
        name: np.dtype((one.dtype, one.shape[1:])) if isinstance(one, np.ndarray) else list_type("float64")
        for name, one in tree.items()
    }
    with uproot.recreate(folder / "muons.root") as file:
        file.mktree("ana_tree", kinds).extend(tree)
    (folder.parent / "periods").mkdir()
    (folder.parent / "periods" / "2022M.toml").write_text(stated_runs_text("2022M", 9300, 9300, "a test"))
    return folder


def triggered(tree: dict[str, Any]) -> NDArray[np.bool_]:
    s0, s1, s4, smu, v0 = tree["Triggers"].T
    found: NDArray[np.bool_] = (s0 > 0.15) & (s1 > 0.15) & (s4 > 1.35) & (smu > 1.35) & (v0 <= 1.3)
    return found


def single(tree: dict[str, Any]) -> NDArray[np.bool_]:
    planes = [
        f"{name}{axis}" for name in CENTRES if name not in ("MM1", "MM2", "MM3", "MM4") for axis in "xy"
    ]
    return np.asarray(np.all([ak.num(tree[name]) == 1 for name in planes], axis=0))


def test_the_public_tree_gives_the_counts_of_ten_lines_of_numpy(
    files: Path, tree: dict[str, Any], process: Callable[..., Path], rows: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nlabel = "mine"\nyields_after = "hcal"\n'
        '[[cut]]\nname = "trigger"\nmuon_trigger = { equals = 1 }\n'
        '[[cut]]\nname = "single"\nsingle_hits = { equals = 1 }\n'
        '[[cut]]\nname = "hcal"\nhcal_1 = { above = 8, unit = "GeV" }\n'
    )
    listed = ("--periods", str(files.parent / "periods"), "--simulation", "--reason", "public simulation")
    out = process(files, str(tmp_path / "mine.toml"), catalogue=listed)
    cells = np.where(tree["HCALenergy"] > 0.2, tree["HCALenergy"], 0)
    cuts = [triggered(tree), single(tree), cells[:, 18:].sum(axis=1, dtype=float) > 8]
    expected = [int(np.all(cuts[: n + 1], axis=0).sum()) for n in range(3)]
    passed = [int(row["passed"]) for row in rows(out / "cutflow.csv") if row["run"] == "all"]
    assert passed == [N_EVENTS, *expected]
    assert N_EVENTS > expected[0] > expected[1] > expected[2] > 10


def test_its_cells_have_x_fastest_and_module_1_begins_at_18(files: Path, tree: dict[str, Any]) -> None:
    layout = load_layout("ana_tree")
    events = read(str(files / "muons.root"), layout, 0, 5)
    target = events.cells("target").energy.reshape(5, 5, 6)
    hcal = events.cells("hcal").energy.reshape(5, 2, 6, 3)
    for ix, iy in ((0, 0), (4, 0), (1, 5)):
        np.testing.assert_array_equal(target[:, ix, iy], tree["ECALenergy"][:5, ix + iy * 5])
    for module, ix, iy in ((0, 5, 2), (1, 0, 0), (1, 2, 1)):
        np.testing.assert_array_equal(
            hcal[:, module, ix, iy], tree["HCALenergy"][:5, ix + iy * 6 + 18 * module]
        )
    np.testing.assert_allclose(events.cells("counters").energy, tree["Triggers"][:5] / 1000)
    assert (events.event["run"] == 9300).all()
    assert events.event["event"].tolist() == [0, 1, 2, 3, 4]


def test_the_public_tree_is_no_data(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says of no event which run it is of."""
    line = ["catalogue", str(files), "--to", str(tmp_path / "c.json")]
    assert main([*line, "--layout", "ana_tree"]) == 2
    said = "layout ana_tree: run is 9300 in all events, which only simulation may have"
    assert said in capsys.readouterr().err
    assert main(line) == 1
    assert "muons.root" in capsys.readouterr().out
