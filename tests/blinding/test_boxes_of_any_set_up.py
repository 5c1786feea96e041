"""Boxes on a detector that only TOML knows: what they hide shows in nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import na64
from na64.outputs.result.audit_log import entries
from na64.run import main
from na64.tests.blinding.conftest import World
from na64.tests.blinding.test_non_interference import assert_equal, hidden_total
from na64.tests.test_any_set_up import N_EVENTS, SELECTION, Branches, Hodoscope, SetUp, make_set_up
from na64.tests.test_blind_products import concerned, in_region, sums

LIGHT = {"box": 9.0, "guard": 12.6, "mad": np.nan, "varied": 6.8}
"""MeV in the hodoscope of every hidden event; the last is outside, and inside with 5 % more."""

QUICK = ("--no-report", "--executor", "iterative")

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
    for counter in (1, 4, 9):
        tree["HODO_ene"][hidden, counter] = light / 3
    return tree


def make_worlds(set_up: SetUp, folder: Path, names: list[str], *, varied: bool) -> list[World]:
    worlds = []
    for name in names:
        world = World(name, "mine", folder / f"world-{name}")
        trees = [moved(tree, hidden_in_any(tree, varied=varied), LIGHT[name]) for tree in set_up.trees]
        replace(set_up, files=world.folder, trees=trees).write()
        (world.folder / "ttree").rename(world.folder / "data")
        replace(set_up, files=world.folder).catalogue("data", to=world.catalogue)
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


def test_scan_and_lists_of_events_hide_what_a_pass_hides(
    hodoscope: SetUp, selection: Callable[[str], list[str]], look: Any, tmp_path: Path
) -> None:
    line = selection(OF_PLUGIN)
    mine = tmp_path / "mine.toml"
    mine.write_text(mine.read_text().replace('search = "hodoscope"\n', ""))
    found = []
    for world in make_worlds(hodoscope, tmp_path, ["box", "guard"], varied=False):
        seen = look(world, *line)
        scan = na64.scan(
            tmp_path / "out", {"hits.hodo_n_hits.max": (3, 8)}, steps=2, start=65, hcal_start=1.5
        )
        assert scan.as_counted
        listed = tmp_path / "events.csv"
        assert main(["events", str(tmp_path / "out"), "--after", "visible", "--to", str(listed)]) == 0
        steps = [(step.values, step.selected, step.sidebands) for step in scan.steps]
        tables = listed.read_bytes(), (tmp_path / "out" / "scan" / "scan.csv").read_bytes()
        found.append((seen.products, steps, *tables))
    assert found[0] == found[1]
    assert found[0][2].count(b"\n") == 1 + N_EVENTS - hidden_total(seen)
    passed = look(world, *line, "--set", "hits.hodo_n_hits.max=3")
    assert b'"selected": %d' % steps[0][1] in passed.products["result.json"]


def test_openings_of_two_searches_share_nothing_that_a_third_closes(
    hodoscope: SetUp, selection: Callable[[str], list[str]], tmp_path: Path, undrawn: None
) -> None:
    """A box of the hodoscope is opened, then one of ECAL and HCAL; that of the formula stays closed."""
    line = selection("")
    text = (tmp_path / "mine.toml").read_text()
    catalogue = hodoscope.catalogue("ttree", to=tmp_path / "catalogue.json")
    inside, before = opened_counts(hodoscope), ""
    for search, expected in inside.items():
        (tmp_path / "mine.toml").write_text(text.replace('"hodoscope"', f'"{search}"'))
        out = str(tmp_path / search)
        assert main(["process", str(catalogue), *line, "--to", out, *QUICK]) == 0
        declared = ["--deviations", "a test", "--layout", "mine", "--background", "1 +- 1"]
        assert main(["freeze", out, *declared, *(["--after", before] if before else [])]) == 0
        before = str(entries(tmp_path / "audit.jsonl")[-1]["details"]["freeze"])  # type: ignore[index]
        people = ["--approved-by", "Ada", "--approved-by", "Emmy"]
        assert main(["unblind", out, "--freeze", before, "--reason", "a test", *people, *QUICK[1:]]) == 0
        opened = json.loads((tmp_path / search / "unblinded.json").read_text())
        assert [row["passed"] for row in opened["cutflow"]] == expected
        assert main(["events", out, "--opened", "--to", str(tmp_path / "opened.csv")]) == 0
        assert (tmp_path / "opened.csv").read_text().count("\n") == 1 + expected[-1]


def opened_counts(hodoscope: SetUp) -> dict[str, list[int]]:
    """Events of a box that no closed one hides, after every cut."""
    found = {"hodoscope": np.zeros(4, int), "invisible": np.zeros(4, int)}
    for tree in hodoscope.trees:
        seen = Hodoscope.of(tree)
        ecal, hcal = (part[0].astype(np.float32) for part in sums(tree))
        closed = (seen.side > 0.88) & (seen.hits > 1.25) & (seen.hits < 3.75)
        bright = (seen.sums > 8) & (seen.sums < 12) & (seen.ecal > 75) & ~in_region(tree)
        dark = (ecal < 60) & (hcal < 1)
        for inside, counts in zip((bright, dark), found.values(), strict=True):
            cuts = [inside & ~closed & concerned(tree), *seen.cuts(tree)]
            counts += [np.count_nonzero(np.all(cuts[: n + 1], axis=0)) for n in range(4)]
    assert all(counts[-1] > 5 for counts in found.values())
    return {search: counts.tolist() for search, counts in found.items()}


def test_what_the_packaged_set_up_hides_is_hidden_beside_what_the_hodoscope_does(
    hodoscope: SetUp, selection: Callable[[str], list[str]], tmp_path: Path, rows: Callable[..., Any]
) -> None:
    """With ECAL energies of the user that are larger by 40 %."""
    packaged, ours = (folder / "periods" for folder in (hodoscope.folder, tmp_path))
    text = (packaged / "2023A.toml").read_text()
    ours.mkdir()
    (ours / "2023A.toml").write_text(text.replace("scale = { value = 1,", "scale = { value = 1.4,", 1))
    shutil.copy(hodoscope.folder / "mine.toml", tmp_path)
    listed = replace(hodoscope, folder=tmp_path).catalogue("ttree")
    assert main(["process", str(listed), *selection(""), "--to", str(tmp_path / "out"), *QUICK]) == 0
    hidden = 0
    for tree in hodoscope.trees:
        seen = Hodoscope.of(tree)
        scaled = replace(seen, ecal=1.4 * seen.ecal, ecal_total=1.4 * seen.ecal_total)
        hidden += int(np.count_nonzero((scaled.hidden() | in_region(tree)) & concerned(tree)))
    assert sum(int(row["hidden"]) for row in rows(tmp_path / "out" / "yields.csv")) == hidden
    assert hidden > sum(np.count_nonzero(hidden_in_any(tree, varied=False)) for tree in hodoscope.trees)


READY_MADE = """
[feature]
hodo_sum = { branch = "S", unit = "MeV" }
hodo_total = { branch = "T", unit = "MeV" }
hodo_n_hits = { branch = "N", unit = "1" }
hodo_left = { branch = "L", unit = "MeV" }
"""


@pytest.mark.parametrize("missing", ["", "hodo_left", "hodo_total"])
def test_features_of_boxes_that_files_hold_ready_made_hide_as_cells_do(
    missing: str,
    hodoscope: SetUp,
    selection: Callable[[str], list[str]],
    tmp_path: Path,
    rows: Callable[..., Any],
) -> None:
    """Without one of them by no bound that needs it is an event outside."""
    trees, hidden = [], 0
    for tree in hodoscope.trees:
        seen = Hodoscope.of(tree)
        columns = {"S": seen.sums, "T": seen.total, "N": seen.hits.astype(np.int32)}
        trees.append(tree | columns | {"L": seen.sums * seen.side})
        blind = replace(seen, side=np.where(seen.sums > 0, 1, seen.side)) if missing == "hodo_left" else seen
        if missing == "hodo_total":
            blind = replace(seen, sums=np.full_like(seen.sums, 10))
        hidden += int(np.count_nonzero((blind.hidden() | in_region(tree)) & concerned(tree)))
    ready = replace(hodoscope, folder=tmp_path, files=tmp_path / "files", trees=trees)
    ready.write()
    shutil.copytree(hodoscope.folder / "periods", tmp_path / "periods")
    lines = [line for line in READY_MADE.splitlines() if not missing or not line.startswith(missing)]
    layout = (hodoscope.folder / "mine.toml").read_text().partition("[detector.hodo]")[0]
    (tmp_path / "mine.toml").write_text(layout + "\n".join(lines))
    catalogue, line = ready.catalogue("ttree"), selection("")
    assert main(["process", str(catalogue), *line, "--to", str(tmp_path / "out"), *QUICK]) == 0
    assert sum(int(row["hidden"]) for row in rows(tmp_path / "out" / "yields.csv")) == hidden > 200
