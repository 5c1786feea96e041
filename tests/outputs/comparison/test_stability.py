"""What is unlike the rest is named, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from na64.outputs.comparison.drift import Against, DriftSums, Gathered, Place, gather
from na64.outputs.comparison.stability import Stability, lines, stability
from na64.outputs.events.analysis import reopen
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

FEATURES = tuple(f"x{n}" for n in range(10))
YIELDS = ("selected", "region_I", "region_II", "region_III")


def outliers(found: Stability) -> set[tuple[Against, tuple[int, ...], str]]:
    return {
        (one.against, place, one.quantity)
        for one in found.series
        for place, is_out in zip(one.places, found.outliers(one), strict=True)
        if is_out
    }


def made_up(random: np.random.Generator, *, scatter: float = 0.0) -> Gathered:
    """Give sums of normal features in 40 spills of 4 runs and in parts of the spill."""

    def sums() -> DriftSums:
        one = DriftSums(len(FEATURES), len(YIELDS) - 1, n_events=400)
        one.yields[:] = random.binomial(400, [0.5, 0.02, 0.9, 0.1])
        x = random.normal(random.normal(0, scatter, (len(FEATURES), 1)), 1.0, (len(FEATURES), 400))
        one.n += 400
        one.total, one.square = x.sum(axis=1), (x * x).sum(axis=1)
        return one

    spills: dict[Place, DriftSums] = {(8701 + n // 10, n % 10): sums() for n in range(40)}
    return Gathered(FEATURES, YIELDS, "visible", spills, {(n,): sums() for n in range(40)}, ())


def test_chance_alone_makes_hardly_an_outlier() -> None:
    random = np.random.default_rng(11)
    found = [outliers(stability(made_up(random))) for _ in range(25)]
    assert sum(map(len, found)) <= 2


def test_places_that_scatter_more_than_by_chance_are_not_all_outliers() -> None:
    random = np.random.default_rng(12)
    found = stability(made_up(random, scatter=0.5))
    spread = {place for against, place, _ in outliers(found) if against is Against.SPILL}
    assert len(spread) <= 2


def test_a_place_that_is_unlike_the_others_is_named() -> None:
    gathered = made_up(np.random.default_rng(13))
    gathered.spills[8702, 3].total[4] += 400 * 0.6
    gathered.spills[8703, 1].yields[2] -= 80
    found = stability(gathered)
    assert outliers(found) == {
        (Against.SPILL, (8702, 3), "x4"),
        (Against.SPILL, (8703, 1), YIELDS[2]),
    }
    said = "\n".join(lines(found))
    assert "spill 8702:3: x4 " in said
    assert f"{found.n_looks:,} looks" in said


def test_a_known_bad_spill_is_said_to_be_known_and_does_not_spoil_its_run() -> None:
    gathered = made_up(np.random.default_rng(14))
    bad = gathered.spills[8702, 3]
    bad.total[:] += 4000
    bad.n_listed = 400
    found = stability(gathered)
    assert {place for _, place, _ in outliers(found)} == {(8702, 3)}
    assert "spill 8702:3 (on the bad list)" in "\n".join(lines(found))


def saturated(campaign: Path, folder: Path, n_first: int, gain: float) -> Path:
    """Write the campaign again with too little ECAL energy in the first events of every spill."""
    shutil.copytree(campaign / "conditions", folder / "conditions")
    for path in campaign.glob("*.root"):
        with uproot.open(path) as file:
            tree = file["tout"].arrays(library="np")
        tree["ECAL_ene"][tree["spilleventtN"] <= n_first] *= gain
        with uproot.recreate(folder / path.name) as file:
            types = {name: np.dtype((one.dtype, one.shape[1:])) for name, one in tree.items()}
            file.mktree("tout", types).extend(tree)
    return folder


def test_saturation_at_the_start_of_the_spill_is_seen(
    campaign: Path, result: Path, process: Callable[..., Path], tmp_path: Path, capsys: Any
) -> None:
    clean = stability(gather(reopen(result), None))
    found = outliers(clean)
    assert not {entry for entry in found if entry[0] is not Against.SPILL}
    faked = process(saturated(campaign, tmp_path / "data", 100, 0.7), "invisible_2023")
    capsys.readouterr()
    assert main(["stability", str(faked), "--to", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    first = next(line for line in said.splitlines() if line.startswith("events 0 to "))
    assert "ecal" in first
    assert "events 0 to" not in "\n".join(lines(clean))
    assert sum(line.startswith("events ") for line in said.splitlines()) <= 6
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        "stability_run.png",
        "stability_spill.png",
        "stability_part.png",
    }


def test_the_bad_spill_of_the_campaign_is_found_and_known(result: Path) -> None:
    said = "\n".join(lines(stability(gather(reopen(result), None))))
    assert "spill 8701:2 (on the bad list): " in said


def test_sums_are_those_of_the_visible_events(result: Path, tmp_path: Path) -> None:
    gathered = gather(reopen(result), "srd")
    path = tmp_path / "x.parquet"
    assert main(["events", str(result), "--after", "srd", "--to", str(path)]) == 0
    table = pq.read_table(path)
    run, spill, momentum = (table[name].to_numpy() for name in ("run", "spill", "track_momentum"))
    assert gathered.left_out == (8703,)
    for (number, place), sums in gathered.spills.items():
        rows = (run == number) & (spill == place)
        assert sums.n_events == rows.sum()
        clipped = np.clip(momentum[rows].astype(float), 0, 150)
        assert sums.total[gathered.features.index("track_momentum")] == pytest.approx(clipped.sum())
    assert sum(sums.n_events for sums in gathered.spills.values()) == (run != 8703).sum() > 100
    in_parts = gathered.places(Against.PART)
    assert (
        sum(sums.n_events for sums in in_parts.values())
        == ((run != 8703) & (table["bad_spill"].to_numpy() == 0)).sum()
    )


@pytest.mark.parametrize("factor", [1.5, 3.0, 100.0])
def test_a_run_far_off_does_not_make_outliers_of_all_others(factor: float) -> None:
    random = np.random.default_rng(14)
    spills: dict[Place, DriftSums] = {}
    for n in range(60):
        one = DriftSums(1, len(YIELDS) - 1, n_events=20_000)
        one.yields[:] = random.binomial(20_000, [0.5, 0.02 * min(factor, 9.0) if n == 7 else 0.02, 0.9, 0.1])
        mean = random.normal(10.0, 3.0 / np.sqrt(20_000)) * (factor if n == 7 else 1.0)
        one.n, one.total, one.square = one.n + 20_000, one.n + 20_000 * mean, one.n + 20_000 * (mean**2 + 9.0)
        spills[8000 + n, 1] = one
    found = stability(Gathered(("x0",), YIELDS, "visible", spills, {}, ()))
    of_runs = {(place, quantity) for against, place, quantity in outliers(found) if against is Against.RUN}
    assert of_runs == {((8007,), "x0"), ((8007,), "region_I")}
