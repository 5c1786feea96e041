"""Products of selections with regions and planes of their own, against counts of the stored events."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

import na64
from na64.run import main

pytestmark = pytest.mark.usefixtures("undrawn")

HEAD = 'base = "dimuon_2023"\nname = "own"\nlabel = "own"\n'
BAND = '[[region]]\nname = "b{n}"\nvisible_energy = {{ above = {low}, below = {high}, unit = "GeV" }}\n'


def bands(n_bands: int) -> str:
    """Bands of visible energy above the box, 5 GeV apart and 4 wide."""
    lines = [BAND.format(n=n, low=40 + 5 * n, high=44 + 5 * n) for n in range(n_bands)]
    return "".join(f'{line}hcal = {{ min = 1, unit = "GeV" }}\n' for line in lines) or "region = []\n"


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def files(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("bands"), "small", 400, layout="hits", format="parquet")


@pytest.mark.parametrize("n_bands", [0, 1, 3, 12])
def test_any_number_of_regions_is_counted(
    n_bands: int, files: Path, process: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "own.toml"
    text = bands(n_bands)
    path.write_text(text + HEAD if n_bands == 0 else HEAD + text)
    result = process(files, str(path), name=f"bands{n_bands}")
    assert main(["events", str(result), "--after", "visible", "--to", str(tmp_path / "e.csv")]) == 0
    events = rows(tmp_path / "e.csv")
    names = [f"region_b{n}" for n in range(n_bands)]
    after = [row for row in rows(result / "regions.csv") if row["run"] == "all"]
    shown = names or ["region_I", "region_II", "region_III"]
    assert list(after[0]) == ["run", "cut", *shown, "elsewhere"]
    yields = na64.open_result(result).yields
    assert list(yields.columns[7:]) == ["selected", *shown, "particle"]
    assert set(yields["particle"]) == {"e-"}
    if not names:
        assert {row[name] for row in after for name in shown} == {""}
        assert yields[shown].isna().all(axis=None)
        assert int(after[0]["elsewhere"]) == len(events)
    for n, name in enumerate(names):
        low, high = 40 + 5 * n, 44 + 5 * n
        inside = [e for e in events if low < float(e["visible_energy"]) < high and float(e["hcal"]) >= 1]
        for stage, row in enumerate(after):
            assert int(row[name]) == sum(int(e["cuts_passed"]) >= stage for e in inside)
        assert all(int(e["region"]) == n + 1 for e in inside)


def test_events_of_a_region_are_chosen_by_its_name(
    files: Path, process: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(HEAD + bands(12))
    result = process(files, str(path), name="chosen")
    line = ["events", str(result), "--after", "visible", "--to", str(tmp_path / "e.csv"), "--region"]
    assert main([*line, "b11"]) == 0
    n_events = len((tmp_path / "e.csv").read_text().splitlines()) - 1
    first = next(row for row in rows(result / "regions.csv") if row["run"] == "all")
    assert n_events == int(first["region_b11"]) > 0
    assert main([*line, "I"]) == 2
    assert 'selection own: unknown region "I", nearest known is "b' in capsys.readouterr().err
    assert main(["stability", str(result)]) == 0
    assert "region_b11" in (result / "stability" / "stability.csv").read_text()


def test_a_first_plane_of_other_features_is_filled_and_named_where_another_is_needed(
    files: Path, process: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.toml"
    axes = "".join(
        f'{key} = {{ feature = "{name}", bins = 10, low = 0, high = 50, unit = "GeV" }}\n'
        for key, name in (("x", "hcal_0"), ("y", "hcal_1"))
    )
    path.write_text(f'{HEAD}[[plane]]\nname = "modules"\n{axes}')
    result = process(files, str(path), name="plane")
    found = na64.open_result(result)
    plane = found.histograms["plane_after_visible"]
    assert [axis.name for axis in plane.axes] == ["hcal_0", "hcal_1"]
    opened = found.summary.totals["visible"] - int(plane.values(flow=True).sum())
    assert 0 <= opened <= found.summary.totals["open"]
    assert main(["background", str(result)]) == 2
    said = "selection own has no plane of ecal and hcal after visible, which the background needs"
    assert said in capsys.readouterr().err
