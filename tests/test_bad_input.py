"""Bad files are told by name and reason and change no yield; bad events are counted by reason."""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from numpy.typing import NDArray

from na64.datasets.reading.parquet_files import PACKED
from na64.run import main

Branches = dict[str, NDArray[Any]]
Rows = list[dict[str, str]]

N_EVENTS = 600
GOOD = ("run_8701.root", "run_8703.root")


@pytest.fixture(scope="module")
def data(
    simulate: Callable[..., Path], process: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Two good files and their products; 8702 is left for bad ones."""
    files = simulate(tmp_path_factory.mktemp("good"), "small", N_EVENTS)
    for path in files.glob("run_8702*"):
        path.rename(path.with_suffix(".kept"))
    process(files, "dimuon_2023", name="reference")
    return files


@pytest.fixture(scope="module")
def branches(data: Path) -> Branches:
    with uproot.open(data / "run_8702_0.kept") as file:
        found: Branches = file["tout"].arrays(library="np")
    return found


def write(path: Path, values: Branches, tree: str = "tout") -> None:
    with uproot.recreate(path, compression=None) as file:
        types = {name: np.dtype((array.dtype, array.shape[1:])) for name, array in values.items()}
        written = file.mktree(tree, types)
        if len(next(iter(values.values()))):
            written.extend(values)


def short_branch(path: Path, values: Branches) -> None:
    """Let the number of entries of the tree be another than that of its branches."""
    write(path, values)
    content = path.read_bytes()
    n_entries = len(values["runN"])
    place = content.index(struct.pack(">q", n_entries))
    path.write_bytes(content[:place] + struct.pack(">q", n_entries - 1) + content[place + 8 :])


def truncated(path: Path, values: Branches) -> None:
    write(path, values)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def parquet(path: Path, values: Branches) -> None:
    lists = {name: array.tolist() for name, array in values.items()}
    pq.write_table(pa.table(lists), path)


def without(name: str, values: Branches) -> Branches:
    return {branch: array for branch, array in values.items() if branch != name}


BAD: dict[str, tuple[Callable[[Path, Branches], object], str]] = {
    "missing branch": (
        lambda path, values: write(path, without("HCAL_ene", values)),
        'branch "HCAL_ene" is missing',
    ),
    "wrong type": (
        lambda path, values: write(path, values | {"ECAL_ene": values["ECAL_ene"].astype(np.int16)}),
        'branch "ECAL_ene" is int16',
    ),
    "wrong shape": (
        lambda path, values: write(path, values | {"ECAL_ene": values["ECAL_ene"][:, :36]}),
        'branch "ECAL_ene" is double[36]',
    ),
    "wrong tree": (lambda path, values: write(path, values, "events2"), 'tree "events2" found, expected'),
    "unequal lengths": (short_branch, "entries, the tree"),
    "run outside every period": (
        lambda path, values: write(path, values | {"runN": values["runN"] + 991_300}),
        "run 1000002 is outside every period",
    ),
    "negative spill": (
        lambda path, values: write(path, values | {"spillN": values["spillN"].astype(np.int32) - 9}),
        "spill numbers from -8",
    ),
    "zero byte": (
        lambda path, values: path.write_bytes(b""),
        "neither ROOT nor Parquet: no content",
    ),
    "text": (lambda path, values: path.write_text("8702,1,1\n"), "neither ROOT nor Parquet"),
    "truncated": (truncated, "truncated"),
    "Parquet": (parquet, "is Parquet, expected ROOT by its name"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_line_with_its_name_and_the_reason(
    kind: str, branches: Branches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, reason = BAD[kind]
    make(tmp_path / "suspect.root", branches)
    assert main(["catalogue", str(tmp_path), "--to", str(tmp_path / "c.json")]) == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if "suspect.root: " in line]
    assert "0 events; 1 file quarantined: " in lines[-1]
    assert line.startswith("quarantined: suspect.root: ")
    assert reason in line


def test_the_last_line_of_a_catalogue_counts_what_is_left_out_with_the_commonest_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "neither ROOT nor Parquet: begins with b'xxxx'"
    for name, text, said in (("a", "xxxx1", ": "), ("b", "xxxx2", ", all: "), ("c", "yyyy", ", 2 of them: ")):
        (tmp_path / f"{name}.root").write_text(text)
        assert main(["catalogue", str(tmp_path), "--to", str(tmp_path / "c.json")]) == 1
        assert capsys.readouterr().out.splitlines()[-1].endswith(f" quarantined{said}{reason}")


def test_a_catalogue_of_nothing_but_bad_files_is_not_processed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.root").write_text("8702,1,1\n")
    catalogue = str(tmp_path / "c.json")
    assert main(["catalogue", str(tmp_path), "--to", catalogue]) == 1
    assert main(["process", catalogue, "--selection", "dimuon_2023", "--to", str(tmp_path / "out")]) == 2
    assert "c.json: has no file that can be read; na64 catalogue says why" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bad_files_leave_the_yields_of_good_ones_alone(
    data: Path,
    branches: Branches,
    tmp_path: Path,
    rows: Callable[[Path], Rows],
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = [data / name for name in GOOD]
    for number, (make, _) in enumerate(BAD.values()):
        paths.append(data / f"bad_{number}.root")
        make(paths[-1], branches)
    paths.append(data / "late.root.part")
    write(paths[-1], branches)
    catalogue, folder = tmp_path / "c.json", tmp_path / "products"
    assert main(["catalogue", *map(str, paths), "--to", str(catalogue)]) == 1
    capsys.readouterr()
    command = ["process", str(catalogue), "--selection", "dimuon_2023", "--to", str(folder), "--no-report"]
    assert main([*command, "--executor", "iterative"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("INCOMPLETE: ")
    assert f"not read: {len(BAD)} files; nobody has reviewed why" in said
    assert "pending: 1 file; na64 catalogue --update looks again" in said
    for name in ("yields.csv", "cutflow.csv", "regions.csv", "histograms.uhi.zip"):
        assert (folder / name).read_bytes() == (data.parent / "reference" / name).read_bytes()
    not_read = json.loads((folder / "result.json").read_text())["files"]["not_read"]
    assert sorted(name for name, _ in not_read) == sorted(path.name for path in paths[2:])


def test_an_empty_tree_is_good_and_counts_nothing(
    data: Path, branches: Branches, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "empty.root", {name: array[:0] for name, array in branches.items()})
    files = [str(tmp_path / "empty.root"), *(str(data / name) for name in GOOD)]
    assert main(["catalogue", *files, "--to", str(tmp_path / "c.json")]) == 0
    assert "3 files, 2 runs" in capsys.readouterr().out
    command = ["process", str(tmp_path / "c.json"), "--selection", "dimuon_2023", "--no-report"]
    assert main([*command, "--executor", "iterative", "--to", str(tmp_path / "out")]) == 0
    found = (tmp_path / "out" / "cutflow.csv").read_bytes()
    assert found == (data.parent / "reference" / "cutflow.csv").read_bytes()


def accounting(folder: Path) -> dict[str, int]:
    """Sum the accounting of all runs; that of each has to add up."""
    total: dict[str, int] = {}
    for run in json.loads((folder / "result.json").read_text())["runs"]:
        counts = run["accounting"]
        skipped = sum(number for name, number in counts.items() if name.startswith("skipped_"))
        assert counts["recorded"] == counts["processed"] + skipped + counts["missing"]
        assert counts["hidden"] <= counts["processed"]
        for name, number in counts.items():
            total[name] = total.get(name, 0) + number
    return total


@pytest.fixture
def tolerant(tmp_path: Path) -> str:
    """A selection that declares a share of unusable events which a few of a small file do not exceed."""
    (tmp_path / "tolerant.toml").write_text('base = "dimuon_2023"\nskipped_at_most = 0.05\n')
    return str(tmp_path / "tolerant.toml")


@pytest.mark.parametrize("simulation", [False, True])
def test_values_that_are_not_finite_are_counted_and_not_summed(
    simulation: bool, branches: Branches, process: Callable[..., Path], tolerant: str, tmp_path: Path
) -> None:
    claim = ("--simulation",) if simulation else ()
    (tmp_path / "data").mkdir()
    changed = {name: array.copy() for name, array in branches.items()}
    write(tmp_path / "data" / "run.root", changed)
    products = process(tmp_path / "data", "dimuon_2023", catalogue=claim, name="before")
    before, seen = accounting(products), tmp_path / "seen.csv"
    assert main(["events", str(products), "--after", "visible", "--to", str(seen)]) == 0
    rows = csv.DictReader(seen.read_text().splitlines())
    known = {(int(row["spill"]), int(row["event"])) for row in rows}
    numbers = zip(changed["spillN"].tolist(), changed["spilleventtN"].tolist(), strict=True)
    is_seen = np.array([number in known for number in numbers])
    visible = np.flatnonzero(is_seen & (changed["triggerSources"] == 4))
    changed["HCAL_ene"][visible[0], 35] = np.nan
    changed["ECAL_t0"][visible[1], 7] = np.inf
    changed["masterT"][visible[2]] = -np.inf
    write(tmp_path / "data" / "run.root", changed)
    after = accounting(process(tmp_path / "data", tolerant, catalogue=claim, name="after"))
    if simulation:
        assert after["skipped_nonfinite"] == before["skipped_nonfinite"] + 3
        assert after["processed"] == before["processed"] - 3
    else:
        assert after["hidden"] == before["hidden"] + 3
        assert after["processed"] == before["processed"]


@pytest.mark.parametrize("name", ["mom_genfit_upMM", "ECAL_ene"])
@pytest.mark.parametrize("simulation", [False, True])
def test_a_null_of_parquet_is_counted_as_nan_is(
    simulation: bool, name: str, branches: Branches, process: Callable[..., Path], tmp_path: Path
) -> None:
    claim = ("--simulation",) if simulation else ()
    found = []
    for value, folder in ((np.nan, tmp_path / "nan"), (None, tmp_path / "null")):
        folder.mkdir()
        lists = {branch: array.tolist() for branch, array in branches.items()}
        event = int(np.flatnonzero(branches["ECAL_ene"].sum(axis=1) > 70)[0])
        if name == "ECAL_ene":
            lists[name][event][7] = value
        else:
            lists[name][event] = value
        pq.write_table(pa.table(lists), folder / "run.parquet")
        found.append(accounting(process(folder, "dimuon_2023", catalogue=claim, name=f"of_{folder.name}")))
    assert found[0] == found[1]
    assert found[0]["skipped_nonfinite"] == int(simulation)


def _unpacked(table: pa.Table, name: str) -> list[NDArray[Any]]:
    dtype = table.schema.field(name).metadata[PACKED].decode()
    return [np.frombuffer(value, dtype).copy() for value in table[name].to_pylist()]


def test_cells_that_do_not_exist_and_unequal_hits_are_counted(
    simulate: Callable[..., Path],
    process: Callable[..., Path],
    rows: Callable[[Path], Rows],
    tolerant: str,
    tmp_path: Path,
) -> None:
    files = simulate(tmp_path / "made", "small", N_EVENTS, layout="hits", format="parquet")
    before = accounting(process(files, "dimuon_2023"))
    table = pq.read_table(files / "run_8701.parquet")
    cells, energies = (_unpacked(table, name) for name in ("ecal_cell", "hcal_energy"))
    struck = [event for event, found in enumerate(cells) if found.size]
    for event in struck[:3]:
        cells[event][0] = 60
    unequal = [event for event, found in enumerate(energies) if found.size and event not in struck[:3]][:2]
    for event in unequal:
        energies[event] = np.append(energies[event], energies[event][:1])
    for name, values in (("ecal_cell", cells), ("hcal_energy", energies)):
        place = table.schema.get_field_index(name)
        packed = pa.array([array.tobytes() for array in values], pa.binary())
        table = table.set_column(place, table.schema.field(place), packed)
    pq.write_table(table, files / "run_8701.parquet", use_dictionary=False)
    folder = process(files, tolerant, name="after")
    after = accounting(folder)
    assert (before["skipped_cell_range"], before["skipped_unequal_hits"]) == (0, 0)
    assert (after["skipped_cell_range"], after["skipped_unequal_hits"]) == (3, 2)
    assert after["processed"] == before["processed"] - 5
    assert [row["skipped"] for row in rows(folder / "yields.csv")] == ["5", "0", "0"]
    assert json.loads((folder / "result.json").read_text())["selection"]["skipped_at_most"] == 0.05
    catalogue, other = str(files.parent / "data.json"), tmp_path / "other"
    command = ["process", catalogue, "--selection", "dimuon_2023", "--to", str(other), "--no-report"]
    assert main([*command, "--executor", "iterative"]) == main(["status", str(other)]) == 1
    (reason,) = json.loads((other / "result.json").read_text())["reasons"]
    assert reason.startswith("skipped: 5 of ")
    assert reason.endswith("declared are at most 0.1 % (3 cell range, 2 unequal hits)")
