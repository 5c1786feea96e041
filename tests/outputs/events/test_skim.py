"""Skims hold what was counted, in files that others read."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
from coffea.nanoevents import BaseSchema, NanoEventsFactory

import na64
from na64.datasets.instrument.features import FEATURES
from na64.outputs.events.analysis import reopen
from na64.outputs.events.event_filter import EventFilter, counted
from na64.outputs.events.skim import SkimFormat, write_events
from na64.run import main

Rows = list[dict[str, str]]


def branches(data: Path) -> dict[str, Any]:
    """All events of the campaign by a reader of its own."""
    names = ["runN", "spillN", "spilleventtN", "ECAL_ene", "ECAL_t0", "ECAL_tE"]
    parts = []
    for path in sorted(data.glob("*.root")):
        with uproot.open(path) as file:
            parts.append(file["tout"].arrays(names, library="np"))
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


@pytest.mark.parametrize("after", ["visible", "srd", "shower_chi2", None])
def test_a_skim_has_as_many_events_as_were_counted(
    result: Path, rows: Callable[[Path], Rows], tmp_path: Path, after: str | None
) -> None:
    analysis, path = reopen(result), tmp_path / "x.parquet"
    written = write_events(analysis, EventFilter(after), path, format=SkimFormat.PARQUET)
    last = after or analysis.selection.cut_names[-1]
    (row,) = [row for row in rows(result / "cutflow.csv") if row["run"] == "all" and row["cut"] == last]
    assert written == pq.read_metadata(path).num_rows == int(row["passed"]) > 0


@pytest.mark.parametrize("region", ["II", "elsewhere"])
def test_a_region_and_a_run_have_what_the_tables_say(
    result: Path, rows: Callable[[Path], Rows], tmp_path: Path, region: str
) -> None:
    event_filter = EventFilter("trigger", region, (8701,))
    written = write_events(reopen(result), event_filter, tmp_path / "x.parquet", format=SkimFormat.PARQUET)
    name = region if region == "elsewhere" else f"region_{region}"
    (row,) = [r for r in rows(result / "regions.csv") if (r["run"], r["cut"]) == ("8701", "trigger")]
    table = pq.read_table(tmp_path / "x.parquet")
    assert written == counted(reopen(result), event_filter) == int(row[name]) > 0
    assert set(table["run"].to_pylist()) == {8701}


def test_features_are_those_of_the_cells(result: Path, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    assert main(["events", str(result), "--after", "visible", "--cells", "--to", str(path)]) == 0
    table, raw = pq.read_table(path, page_checksum_verification=True), branches(data)
    keys = {key: row for row, key in enumerate(zip(*(raw[n].tolist() for n in list(raw)[:3]), strict=True))}
    found = zip(*(table[name].to_pylist() for name in ("run", "spill", "event")), strict=True)
    place = np.array([keys[key] for key in found])
    assert len(set(place)) == len(place) > 500
    total = raw["ECAL_ene"][place].sum(axis=1)
    assert table["ecal_total"].to_numpy() == pytest.approx(total, rel=1e-6)
    cells = np.array(table["ecal_cell_energy"].to_pylist())
    assert cells == pytest.approx(raw["ECAL_ene"][place], rel=1e-6)
    delay = (raw["ECAL_t0"] - raw["ECAL_tE"])[place]
    seen = np.array(table["ecal_cell_delay"].to_pylist())
    assert seen[cells > 0] == pytest.approx(delay[cells > 0], rel=1e-5, abs=1e-5)
    assert (np.array(table["ecal_cell_in_time"].to_pylist()) <= cells).all()


def test_hidden_events_are_in_no_skim(result: Path, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    assert main(["events", str(result), "--after", "visible", "--to", str(path)]) == 0
    table = pq.read_table(path)
    run, physics = table["run"].to_numpy(), table["trigger_physics"].to_numpy() == 1
    low = (table["ecal"].to_numpy() < 65) & (table["hcal"].to_numpy() < 1.5)
    calibration = run == 8703
    assert not (low & physics & ~calibration).any()
    assert (low & ~(physics & ~calibration)).any()
    assert len(run) < len(branches(data)["runN"])


def test_root_coffea_and_csv_read_the_same(result: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"x.{suffix}" for suffix in SkimFormat]
    for path in paths:
        line = ["events", str(result), "--after", "momentum", "--runs", "8701", "--to", str(path)]
        assert main([*line, "--cells"]) == 0
    parquet, root, flat = (tmp_path / f"x.{suffix}" for suffix in ("parquet", "root", "csv"))
    table = pq.read_table(parquet)
    with uproot.open(root) as file:
        assert file.keys()[0] == "events;1"
        tree = file[file.keys()[0]].arrays(library="np")
        assert '"momentum"' in str(file["na64_cuts"])
        assert "blind" in str(file["na64_events"])
    with flat.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    for name in ("run", "event", *FEATURES):
        column = table[name].to_numpy()
        assert np.array_equal(tree[name], column, equal_nan=column.dtype.kind == "f")
        text = np.array([line[name] for line in lines]).astype(column.dtype)
        assert np.array_equal(text, column, equal_nan=column.dtype.kind == "f")
    assert np.isnan(tree["ecal_chi2"]).all()
    assert tree["hcal_cell_energy"].shape == (len(lines), 36)
    assert float(lines[0]["hcal_cell_energy_4"]) == tree["hcal_cell_energy"][0, 4]
    for path, tree_name in ((root, "events"), (parquet, None)):
        known = {str(path): tree_name} if tree_name else str(path)
        make = NanoEventsFactory.from_root if tree_name else NanoEventsFactory.from_parquet
        events = make(known, schemaclass=BaseSchema, mode="eager").events()
        assert np.array_equal(np.asarray(events.ecal), tree["ecal"])
        assert np.asarray(events.ecal_cell_energy[0]).tolist() == tree["ecal_cell_energy"][0].tolist()


def test_simulation_brings_weight_and_component_and_nothing_is_hidden(
    simulated: Path, data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.parquet"
    assert main(["events", str(simulated), "--after", "visible", "--to", str(path)]) == 0
    table = pq.read_table(path)
    assert table.num_rows == len(branches(data)["runN"])
    assert table["weight"].to_numpy().min() > 0
    assert table["truth_component"].to_numpy().max() > 3


def test_a_limit_gives_the_first_events(result: Path, tmp_path: Path) -> None:
    for limit in ("7", "40"):
        line = ["events", str(result), "--after", "srd", "--limit", limit, "--to"]
        assert main([*line, str(tmp_path / f"{limit}.parquet")]) == 0
    few, many = (pq.read_table(tmp_path / f"{limit}.parquet") for limit in ("7", "40"))
    assert few["event"].to_pylist() == many["event"].to_pylist()[:7]
    assert few["ecal"].to_pylist() == many["ecal"].to_pylist()[:7]
    assert (few.num_rows, many.num_rows) == (7, 40)


def test_what_cannot_be_is_refused(result: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["events", str(result), "--after", "srdd"]) == 2
    assert 'has no cut "srdd"' in capsys.readouterr().err
    assert main(["events", str(tmp_path)]) == 2
    assert main(["events", str(result), "--runs", "9999"]) == 2
    target = tmp_path / "x.parquet"
    assert main(["events", str(result), "--region", "III", "--runs", "8703", "--to", str(target)]) == 2
    assert "no visible events" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_changed_file_is_not_used(
    simulate: Callable[..., Path], process: Callable[..., Path], tmp_path: Path, capsys: Any
) -> None:
    files = simulate(tmp_path, "small", 300)
    result = process(files, "dimuon_2023")
    path = sorted(files.glob("*.root"))[0]
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(bytes(raw))
    assert main(["events", str(result), "--after", "visible"]) == 1
    assert f"{path.name}: another content than was registered" in capsys.readouterr().err
    assert not (result / "events.parquet").exists()


def test_another_selection_than_that_of_the_result_is_refused(
    data: Path, process: Callable[..., Path], tmp_path: Path, capsys: Any
) -> None:
    text = (Path(__file__).parents[3] / "selections" / "dimuon_2023.toml").read_text()
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace('"dimuon_2023"', '"mine"'))
    folder = tmp_path / "w"
    shutil.copytree(data, folder / "data")
    result = process(folder / "data", str(mine))
    assert main(["events", str(result), "--after", "srd"]) == 0
    mine.write_text(mine.read_text().replace("below = 8, unit", "below = 9, unit", 1))
    assert main(["events", str(result), "--after", "srd"]) == 2
    assert "not as it was when the result was made: selection" in capsys.readouterr().err


def test_no_run_at_all_is_not_taken_for_every_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no runs are asked for"):
        na64.events(tmp_path, runs=[])
