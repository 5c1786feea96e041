from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from na64.datasets.bad import BadEntry, BadList
from na64.datasets.catalogue import Catalogue, FileRecord, Kind, Status, build, load, save, verify
from na64.datasets.conditions import Conditions, Quality, RunFacts, RunType, SpillFacts
from na64.datasets.layout import load_layout
from na64.datasets.periods import load_periods
from na64.datasets.stored import ChangedFileError

TOUT = load_layout("tout2023")


@pytest.fixture
def write_run(make_values: Callable[..., Any], write_file: Callable[..., Path]) -> Callable[..., Path]:
    """Write a good run file, or one with some branches changed (None: left out)."""

    def write(
        name: str = "run.root",
        *,
        n_events: int = 6,
        run: int = 8701,
        first: int = 0,
        container: str = "ttree",
        tree: str = "tout",
        layout: str = "tout2023",
        **changed: Any,
    ) -> Path:
        values = make_values(load_layout(layout), n_events, run=run, first=first) | changed
        kept = {branch: array for branch, array in values.items() if array is not None}
        return write_file(tree, kept, container=container, name=name)

    return write


def only(catalogue: Catalogue) -> FileRecord:
    (record,) = catalogue.files
    return record


def register(*paths: Path | str, **options: Any) -> Catalogue:
    return build(paths, **({"simulation": False} | options))


def reasons(catalogue: Catalogue) -> dict[str, str]:
    return {record.name: record.reason for record in catalogue.files}


@pytest.mark.parametrize(
    ("layout", "tree", "run"),
    [("tout2023", "tout", 8701), ("array2018", "reco", 3900), ("hits", "events", 8701)],
)
@pytest.mark.parametrize("container", ["ttree", "rntuple", "parquet"])
def test_a_good_file_is_registered(
    layout: str, tree: str, run: int, container: str, write_run: Callable[..., Path]
) -> None:
    name = "run.parquet" if container == "parquet" else "run.root"
    path = write_run(name, layout=layout, tree=tree, run=run, container=container)
    record = only(register(path))
    assert record.status is Status.GOOD
    assert (record.format, record.layout) == (container, layout)
    assert record.tree == ("" if container == "parquet" else tree)
    assert (record.entries, record.runs, record.segments) == (6, {run: 6}, ((0, 6),))
    assert (record.path, record.size) == (str(path), path.stat().st_size)
    assert len(record.sha256) == 64
    assert not record.truth
    assert [chunk.n_events for chunk in record.chunks()] == [6]
    verify(record)


def test_entries_are_counted_by_run(write_run: Callable[..., Path]) -> None:
    catalogue = register(
        write_run("a.root", runN=np.array([8702, 8701, 8701, 8702, 8702, 8702], np.int32)),
        write_run("b.root", run=8703),
    )
    assert [record.runs for record in catalogue.good if len(record.runs) > 1] == [{8701: 2, 8702: 4}]
    assert catalogue.runs == {8701: 2, 8702: 4, 8703: 6}


def test_a_packaged_layout_is_not_kept_in_the_catalogue(write_run: Callable[..., Path]) -> None:
    assert register(write_run()).layouts == {}


def test_an_empty_tree_is_good(write_run: Callable[..., Path]) -> None:
    record = only(register(write_run(n_events=0)))
    assert record.status is Status.GOOD
    assert (record.entries, record.runs, record.segments) == (0, {}, ())


BAD_BRANCHES: list[tuple[dict[str, Any], str]] = [
    ({"HCAL_ene": None}, 'branch "HCAL_ene" is missing'),
    (
        {"ECAL_ene": np.zeros((6, 60), np.int16)},
        'branch "ECAL_ene" is int16_t[60], expected float32 or float64 [60]',
    ),
    ({"ECAL_ene": np.zeros((6, 72))}, 'branch "ECAL_ene" is double[72]'),
    ({"ECAL_ene": np.zeros(6)}, 'branch "ECAL_ene" is double, expected'),
    (
        {"masterT": ak.from_regular(np.zeros((6, 2)))},
        'branch "masterT" is double[], expected float32 or float64',
    ),
    ({"runN": np.zeros(6)}, 'branch "runN" is double, expected an integer'),
    ({"spillN": np.full(6, -1, np.int32)}, "spill numbers from -1 to -1, expected 0 to 2147483647"),
    ({"spilleventtN": np.full(6, 2**40)}, "event numbers from 1099511627776"),
]


@pytest.mark.parametrize(("changed", "reason"), BAD_BRANCHES)
def test_wrong_branches_are_quarantined(
    changed: dict[str, Any], reason: str, write_run: Callable[..., Path]
) -> None:
    record = only(register(write_run(**changed)))
    assert record.status is Status.QUARANTINED
    assert reason in record.reason
    assert "\n" not in record.reason
    assert record.sha256


@pytest.mark.parametrize("run", [-1, 0, 9000, 2**31 - 1])
def test_a_run_outside_every_period_is_quarantined(run: int, write_run: Callable[..., Path]) -> None:
    record = only(register(write_run(run=run)))
    assert record.reason.startswith(f"run {run} is outside every period (")
    assert "2023A: 8396 to 8999" in record.reason


def test_a_set_up_that_the_period_had_not_is_quarantined(write_run: Callable[..., Path]) -> None:
    assert only(register(write_run(run=3900))).reason == (
        "ecal of layout tout2023 is 2x5x6, of period 2018 2x6x6"
    )


def test_period_and_layout_are_checked_and_never_override(write_run: Callable[..., Path]) -> None:
    path = write_run()
    assert only(register(path, period="2023A", layout="tout2023")).is_good
    assert only(register(path, period="2022")).reason == "run 8701 is of period 2023A, not 2022"
    assert only(register(path, layout="hits")).reason == 'tree "tout" found, expected "events"'
    with pytest.raises(KeyError, match='unknown period "2023B", nearest known is "2023A"'):
        register(path, period="2023B")
    with pytest.raises(KeyError, match='unknown layout "tout2022"'):
        register(path, layout="tout2022")


def test_a_wrong_tree_is_quarantined(write_run: Callable[..., Path]) -> None:
    record = only(register(write_run(tree="other")))
    assert record.reason == 'tree "other" found, expected "events" or "reco" or "tout"'


@pytest.mark.parametrize("container", ["ttree", "rntuple", "parquet"])
@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.5, 0.9, 0.99, 0.9995])
def test_a_truncated_file_is_quarantined(
    container: str, fraction: float, write_run: Callable[..., Path]
) -> None:
    path = write_run(n_events=400, container=container)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    record = only(register(path))
    assert record.status is Status.QUARANTINED
    assert "\n" not in record.reason
    assert str(path.parent) not in record.reason


def test_a_file_cut_behind_its_own_table_of_contents_is_quarantined(write_run: Callable[..., Path]) -> None:
    path = write_run()
    content = bytearray(path.read_bytes())
    content[12:16] = struct.pack(">i", len(content) + 10)
    path.write_bytes(content)
    assert only(register(path)).reason == f"truncated: {len(content)} bytes of {len(content) + 10}"


def test_a_branch_shorter_than_the_others_is_quarantined(write_run: Callable[..., Path]) -> None:
    path = write_run(n_events=7777)
    content = path.read_bytes()
    number = struct.pack(">q", 7777)
    places = [n for n in range(len(content)) if content.startswith(number, n)]
    found = set()
    for place in places[:4]:  # of the tree and of the first branches
        path.write_bytes(content[:place] + struct.pack(">q", 7776) + content[place + 8 :])
        found.add(only(register(path)).reason)
    assert 'branch "runN" has 7776 entries, the tree 7777' in found


def test_a_hole_at_the_end_of_a_branch_is_found(
    make_values: Callable[..., Any], write_file: Callable[..., Path]
) -> None:
    path = write_file("tout", make_values(TOUT, 8), make_values(TOUT, 8, first=8))
    with uproot.open(path) as file:
        branch = file["tout"]["ECAL_ene"]
        start, n_bytes = branch.member("fBasketSeek")[1], branch.member("fBasketBytes")[1]
    content = bytearray(path.read_bytes())
    content[start + n_bytes // 2 : start + n_bytes] = bytes(n_bytes - n_bytes // 2)
    path.write_bytes(content)
    assert only(register(path)).reason.startswith("cannot be read: ")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "neither ROOT nor Parquet: no content"),
        (b"roo", "neither ROOT nor Parquet: begins with b'roo'"),
        (b"8701,1,5\n", "neither ROOT nor Parquet: begins with b'8701'"),
    ],
)
def test_files_that_are_nothing_are_quarantined(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "run.root"
    path.write_bytes(content)
    assert only(register(path)).reason == reason


def test_a_file_of_another_format_than_its_name_is_quarantined(write_run: Callable[..., Path]) -> None:
    parquet = write_run("named.root", container="parquet")
    root = write_run("named.parquet", container="ttree", run=8702)
    plain = write_run("named.dat", container="parquet", run=8703)
    assert {record.name: record.reason for record in register(parquet, root, plain).files} == {
        "named.root": "is Parquet, expected ROOT by its name",
        "named.parquet": "is ROOT, expected Parquet by its name",
        "named.dat": "",
    }


def test_parquet_named_root_with_something_else_in_it_is_quarantined(tmp_path: Path) -> None:
    pq.write_table(pa.table({"runN": [1, 2]}), tmp_path / "run.root")
    assert "is missing" in only(register(tmp_path / "run.root")).reason


def test_a_directory_among_the_files_is_quarantined(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    write_run("a.root")
    (tmp_path / "b.root").mkdir()
    assert reasons(register(tmp_path)) == {"a.root": "", "b.root": "is a directory, not a file"}


def test_what_cannot_be_read_is_quarantined(tmp_path: Path) -> None:
    link = tmp_path / "gone.root"
    link.symlink_to(tmp_path / "nowhere.root")
    pipe = tmp_path / "pipe.root"
    os.mkfifo(pipe)
    assert reasons(register(tmp_path)) == {
        "gone.root": "cannot be read: No such file or directory",
        "pipe.root": "is not a regular file",
    }


def test_a_path_with_control_characters_is_quarantined(write_run: Callable[..., Path]) -> None:
    path = write_run()
    record = only(register(path.rename(path.parent / "a\nb.root")))
    assert record.reason == "its path has control characters"


@pytest.mark.parametrize("name", ["größe.root", "a:b c.root", "#1%20.root", "[x].root"])
def test_odd_names_are_registered(name: str, write_run: Callable[..., Path], tmp_path: Path) -> None:
    path = write_run("plain.root")
    path.rename(tmp_path / name)
    catalogue = register(tmp_path / name)
    assert only(catalogue).is_good
    save(catalogue, tmp_path / "c.json")
    assert load(tmp_path / "c.json") == catalogue


def test_folders_and_globs_are_expanded(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    for n, name in enumerate(("a.root", "b.root", "c.parquet")):
        write_run(name, run=8701 + n, container="parquet" if name.endswith("parquet") else "ttree")
    shutil.copy(tmp_path / "c.parquet", tmp_path / "truth.parquet")
    (tmp_path / "notes.txt").write_text("x")
    assert {r.name for r in register(tmp_path).files} == {"a.root", "b.root", "c.parquet"}
    assert {r.name for r in register(str(tmp_path / "?.root")).files} == {"a.root", "b.root"}
    assert register(str(tmp_path / "*.parquet")).warnings == ()
    assert {r.name for r in register(tmp_path, tmp_path / "a.root").files} == {
        "a.root",
        "b.root",
        "c.parquet",
    }
    assert register(tmp_path).warnings == ()


@pytest.mark.parametrize("path", ["missing.root", "missing*.root", "empty"])
def test_a_path_where_nothing_is_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no such file or folder|no \*\.root"):
        register(tmp_path / path)


def test_the_same_content_counts_once_with_a_warning(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    path = write_run("a.root")
    shutil.copy(path, tmp_path / "b.root")
    (tmp_path / "c.root").symlink_to(path)
    catalogue = register(tmp_path, tmp_path / "." / "a.root", f"{tmp_path}/../{tmp_path.name}/b.root")
    record = only(catalogue)
    assert record.name == "a.root"
    assert {Path(alias).name for alias in record.aliases} == {"b.root", "c.root"}
    assert catalogue.warnings == ("a.root: listed 3 times, counted once",)
    assert catalogue.runs == {8701: 6}


def test_of_files_with_the_same_events_one_is_kept(write_run: Callable[..., Path]) -> None:
    one = write_run("one.root")
    two = write_run("two.root", n_events=8, first=4)
    three = write_run("three.root", first=100)
    other_run = write_run("other.root", run=8702)
    catalogue = register(one, two, three, other_run)
    kept, out = sorted([one, two], key=lambda path: register(path).files[0].sha256)
    assert reasons(catalogue) == {
        kept.name: "",
        out.name: f"2 events of run 8701 are also in {kept.name}, the first is spill 1 event 4",
        "three.root": "",
        "other.root": "",
    }
    assert register(three, out, kept, other_run).files == catalogue.files


def test_a_known_file_wins_over_a_new_one_with_its_events(write_run: Callable[..., Path]) -> None:
    paths = [write_run("one.root"), write_run("two.root", n_events=8)]
    first, second = sorted(paths, key=lambda path: register(path).files[0].sha256)
    updated = register(first, previous=register(second))
    assert [record.name for record in updated.good] == [second.name]


def test_a_known_file_wins_again_at_the_next_update(write_run: Callable[..., Path]) -> None:
    paths = [write_run("one.root"), write_run("two.root", n_events=8)]
    first, second = sorted(paths, key=lambda path: register(path).files[0].sha256)
    updated = register(first, previous=register(second))
    assert register(first, previous=updated) == updated


@pytest.mark.parametrize("first", [5, 15])
def test_one_event_at_the_edge_is_an_overlap(first: int, write_run: Callable[..., Path]) -> None:
    before = register(write_run("one.root", first=10))
    catalogue = register(write_run("two.root", first=first), previous=before)
    assert [record.name for record in catalogue.good] == ["one.root"]


@pytest.mark.parametrize("first", [4, 16])
def test_neighbouring_events_are_no_overlap(first: int, write_run: Callable[..., Path]) -> None:
    assert len(register(write_run("one.root", first=10), write_run("two.root", first=first)).good) == 2


def test_what_is_quarantined_does_not_quarantine_others(write_run: Callable[..., Path]) -> None:
    before = register(write_run("one.root"))
    catalogue = register(write_run("two.root", first=3), previous=before)
    catalogue = register(write_run("three.root", first=7), previous=catalogue)
    assert {record.name for record in catalogue.good} == {"one.root", "three.root"}


def test_an_alternating_overlap_of_spills_is_no_overlap(write_run: Callable[..., Path]) -> None:
    one = write_run("one.root", spillN=np.array([1, 1, 1, 3, 3, 3], np.int32))
    two = write_run("two.root", spillN=np.array([2, 2, 2, 4, 4, 4], np.int32))
    assert len(register(one, two).good) == 2


def test_events_repeated_within_a_file_give_a_warning(write_run: Callable[..., Path]) -> None:
    catalogue = register(write_run(spilleventtN=np.array([0, 1, 1, 2, 2, 2], np.int32)))
    assert only(catalogue).is_good
    assert catalogue.warnings == ("run.root: 3 entries repeat the run, spill and event of another",)


def test_simulation_without_truth_gives_a_warning(write_run: Callable[..., Path]) -> None:
    truth = {"weight": np.ones(6), "truth_component": np.zeros(6, np.int32)}
    with_truth, without = write_run("a.root", **truth), write_run("b.root", run=8702)
    assert register(with_truth, without).warnings == ()
    catalogue = register(with_truth, without, simulation=True)
    assert catalogue.kind is Kind.SIMULATION
    assert catalogue.warnings == ("b.root: taken as simulation, but does not say what was simulated",)
    assert {record.name: record.truth for record in catalogue.files} == {"a.root": True, "b.root": False}


def write_conditions(folder: Path, **tables: str) -> None:
    (folder / "conditions").mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / "conditions" / f"{name}.csv").write_text(text)


def test_conditions_beside_the_files_are_kept(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    path = write_run()
    write_conditions(
        tmp_path,
        runs="run,type,particle,energy,eot_delivered,eot_live\n8701,calibration,e-,100,2e9,1.5e9\n",
        spills="run,spill,eot_delivered,eot_live,quality\n8701,1,1e9,,bad\n",
        bad="run,spill,start,stop\n8701,2,10,20\n",
    )
    catalogue = register(path)
    assert catalogue.run_facts == {8701: RunFacts(8701, RunType.CALIBRATION, "e-", 100.0, 2e9, 1.5e9)}
    assert catalogue.spills == {(8701, 1): SpillFacts(8701, 1, 1e9, None, Quality.BAD)}
    assert catalogue.bad == BadList((BadEntry(8701, 1), BadEntry(8701, 2, 10, 20)))
    save(catalogue, tmp_path / "c.json")
    assert load(tmp_path / "c.json") == catalogue


def test_conditions_that_contradict_the_period_are_refused(write_run: Callable[..., Path]) -> None:
    periods = load_periods()
    facts = {8701: RunFacts(8701, eot_delivered=1e9)}
    periods["2023A"] = replace(periods["2023A"], run_facts=facts)
    path = write_run()
    assert register(path, periods=periods, conditions=Conditions(facts)).run_facts == facts
    stated = Conditions({8701: RunFacts(8701, eot_delivered=3e9)})
    with pytest.raises(ValueError, match="run 8701: eot_delivered"):
        register(path, periods=periods, conditions=stated)


def test_contradicting_conditions_are_refused(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    path = write_run()
    write_conditions(tmp_path, runs="run,type,particle,energy,eot_delivered,eot_live\n8701,,,,2e9,\n")
    stated = Conditions({8701: RunFacts(8701, eot_delivered=3e9)})
    with pytest.raises(ValueError, match=r"run 8701: eot_delivered is .* in one place and .* in another"):
        register(path, conditions=stated)


def test_conditions_are_kept_on_update_unless_there_are_new_ones(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    path = write_run()
    runs = "run,type,particle,energy,eot_delivered,eot_live\n8701,,,,2e9,\n"
    write_conditions(tmp_path, runs=runs)
    before = register(path)
    write_conditions(tmp_path, runs=runs.replace("2e9", "3e9"))
    assert register(path, previous=before).run_facts[8701].eot_delivered == 3e9
    shutil.rmtree(tmp_path / "conditions")
    assert register(path, previous=before).run_facts == before.run_facts


def test_an_update_without_changes_changes_nothing(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    write_run("a.root")
    write_run("b.root", run=9999)
    write_run("c.root", n_events=7)
    before = register(tmp_path)
    assert register(tmp_path, previous=before) == before
    assert register(tmp_path / "a.root", previous=before) == before


def test_an_update_adds_files_and_notices_changed_ones(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    path = write_run("a.root")
    before = register(path)
    original = path.read_bytes()
    write_run("b.root", run=8702)
    path.write_bytes(original + b"x")
    size = len(original)
    assert reasons(register(tmp_path, previous=before)) == {
        "a.root": f"changed since it was registered: {size + 1} bytes, then {size}",
        "b.root": "",
    }
    path.write_bytes(original[:-1] + b"x")
    changed = register(tmp_path, previous=before)
    assert reasons(changed)["a.root"] == "changed since it was registered: another content of the same size"
    assert [record.sha256 for record in changed.files if record.name == "a.root"] == [only(before).sha256]
    assert register(tmp_path, previous=changed) == changed
    path.unlink()
    gone = register(tmp_path / "b.root", previous=changed)
    assert reasons(gone)["a.root"] == "cannot be read: No such file or directory"
    path.write_bytes(original)
    assert reasons(register(tmp_path, previous=gone)) == {"a.root": "", "b.root": ""}


def test_a_file_that_never_was_good_is_looked_at_again(write_run: Callable[..., Path]) -> None:
    path = write_run(HCAL_ene=None)
    before = register(path)
    assert not before.good
    write_run()
    after = register(path, previous=before)
    assert only(after).is_good
    assert after.runs == {8701: 6}


def test_a_copy_that_comes_later_is_an_alias(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    before = register(write_run("b.root"))
    shutil.copy(tmp_path / "b.root", tmp_path / "a.root")
    after = register(tmp_path, previous=before)
    assert (only(after).name, only(after).aliases) == ("b.root", (str(tmp_path / "a.root"),))
    assert register(tmp_path, previous=after) == after


def test_data_are_not_updated_to_simulation(write_run: Callable[..., Path]) -> None:
    path = write_run()
    with pytest.raises(ValueError, match="the catalogue is of data, not of simulation"):
        register(path, simulation=True, previous=register(path))


def test_an_accepted_file_stays_out_but_is_reviewed(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    path = write_run(HCAL_ene=None)
    before = register(path)
    assert [record.name for record in before.unreviewed] == ["run.root"]
    for token in (only(before).sha256, only(before).sha256[:8], "run.root", str(path)):
        after = register(path, previous=before, accept={token: "HCAL was off"})
        assert only(after).accepted == "HCAL was off"
        assert only(after).status is Status.QUARANTINED
        assert after.unreviewed == ()
        assert after.good == ()
    again = register(path, previous=after)
    assert only(again).accepted == "HCAL was off"


@pytest.mark.parametrize(
    ("token", "reason", "message"),
    [
        ("f" * 64, "x", "names no files of the catalogue"),
        ("", "x", "names no files"),
        ("bad.root", " ", r"bad\.root: accepted without a reason"),
        ("good.root", "x", r"good\.root: is good, there is nothing to accept"),
    ],
)
def test_what_cannot_be_accepted_is_refused(
    token: str, reason: str, message: str, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    write_run("bad.root", HCAL_ene=None)
    write_run("good.root")
    with pytest.raises((KeyError, ValueError), match=message):
        register(tmp_path, accept={token: reason})


OWN = """
name = "own"
trees = ["mine"]
[event]
run = { branch = "r" }
spill = { branch = "s" }
event = { branch = "e" }
[srd]
kind = "cells"
shape = [3]
energy = { branch = "SRD", unit = "MeV" }
"""


def test_a_layout_of_ones_own_is_kept_in_the_catalogue(
    tmp_path: Path, write_file: Callable[..., Path]
) -> None:
    toml = tmp_path / "own.toml"
    toml.write_text(OWN)
    values = {"r": np.full(4, 8701), "s": np.ones(4, int), "e": np.arange(4), "SRD": np.zeros((4, 3))}
    path = write_file("mine", values)
    assert not register(path).good
    assert register(path).layouts == {}
    catalogue = register(path, layout=toml)
    assert set(catalogue.layouts) == {"own"}
    save(catalogue, tmp_path / "c.json")
    toml.unlink()
    loaded = load(tmp_path / "c.json")
    assert loaded.layout("own").detectors["srd"].columns["energy"].unit.name == "MeV"
    assert loaded.layout("tout2023") == TOUT
    assert register(path, previous=loaded) == catalogue
    toml.write_text(OWN.replace("MeV", "GeV"))
    with pytest.raises(ValueError, match="layout own: not the one of that name that is known already"):
        register(path, layout=toml, previous=loaded)


def test_a_layout_of_a_known_file_is_not_allowed_by_that(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    before = register(write_run("a.root", layout="hits", tree="events"))
    new = write_run("b.root", layout="hits", tree="events", first=50)
    after = register(new, previous=before, layout="tout2023")
    assert reasons(after) == {"a.root": "", "b.root": 'tree "events" found, expected "tout"'}


def test_the_dimensions_of_a_detector_must_be_those_of_the_period(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    toml = tmp_path / "turned.toml"
    text = TOUT.text.replace('name = "tout2023"', 'name = "turned"')
    toml.write_text(text.replace("shape = [2, 5, 6]", "shape = [2, 6, 5]"))
    changed = {name: np.zeros((6, 60)) for name in ("ECAL_ene", "ECAL_t0", "ECAL_tE", "ECAL_tSigma")}
    assert only(register(write_run(**changed), layout=toml)).reason == (
        "ecal of layout turned is 2x6x5, of period 2023A 2x5x6"
    )


def test_remote_files_keep_their_url(write_run: Callable[..., Path], tmp_path: Path) -> None:
    for name, container in (("a.root", "ttree"), ("b.parquet", "parquet")):
        path = write_run(name, container=container, run=8701 if container == "ttree" else 8702)
        record = only(register(f"file://{path}"))
        assert record.is_good
        assert record.path == f"file://{path}"
        assert record.sha256 == only(register(path)).sha256
        verify(record)


def test_a_remote_file_that_cannot_be_reached_is_pending(
    write_run: Callable[..., Path], tmp_path: Path
) -> None:
    url = f"file://{tmp_path}/later.root"
    catalogue = register(url)
    assert only(catalogue).status is Status.PENDING
    assert catalogue.unreviewed == catalogue.files
    assert reasons(catalogue) == {"later.root": "cannot be read: No such file or directory"}
    assert catalogue.warnings == ()
    write_run("later.root")
    after = register(url, previous=catalogue)
    assert only(after).is_good


@pytest.mark.parametrize("url", ["nonsense://host/run.root"])
def test_a_protocol_that_is_not_there_leaves_the_file_pending(url: str) -> None:
    record = only(register(url))
    assert record.status is Status.PENDING
    assert record.reason.startswith("cannot be read: ")
    assert record.path == url


def test_a_remote_file_that_is_gone_is_noticed(write_run: Callable[..., Path]) -> None:
    path = write_run()
    before = register(f"file://{path}")
    path.unlink()
    assert only(register(f"file://{path}", previous=before)).reason.startswith("cannot be read: ")


def test_verify_notices_a_changed_file(write_run: Callable[..., Path]) -> None:
    path = write_run()
    record = only(register(path))
    remote = replace(
        record, path=f"file://{path}", entries=5, runs={8701: 5}, segments=((0, 5),), spills=({8701: (1,)},)
    )
    with pytest.raises(ChangedFileError, match=r"run\.root: 6 entries, registered with 5"):
        verify(remote)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ChangedFileError, match=r"run\.root: \d+ bytes, registered with \d+"):
        verify(record)
    path.unlink()
    with pytest.raises(OSError, match="No such file"):
        verify(record)


def test_progress_is_told(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    told: list[tuple[int, int]] = []
    write_run("a.root")
    write_run("b.root", run=8702)
    register(tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


def test_nothing_is_printed(write_run: Callable[..., Path], capfd: pytest.CaptureFixture[str]) -> None:
    register(write_run(), write_run("bad.root", HCAL_ene=None))
    assert capfd.readouterr() == ("", "")


def test_the_identity_is_of_content(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    path = write_run("a.root")
    one = register(path)
    path.rename(tmp_path / "b.root")
    assert register(tmp_path / "b.root").identity == one.identity
    assert register(tmp_path / "b.root", simulation=True).identity != one.identity
    write_run("b.root", n_events=7)
    assert register(tmp_path / "b.root").identity != one.identity


def changed(path: Path, keys: Sequence[str | int], value: Any) -> None:
    content = json.loads(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(content))


def test_the_file_is_canonical_and_relative(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    catalogue = register(write_run())
    save(catalogue, tmp_path / "c.json")
    save(load(tmp_path / "c.json"), tmp_path / "d.json")
    assert (tmp_path / "c.json").read_bytes() == (tmp_path / "d.json").read_bytes()
    assert json.loads((tmp_path / "c.json").read_text())["files"][0]["path"] == "run.root"
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("run.root", "c.json"):
        (tmp_path / name).rename(moved / name)
    verify(only(load(moved / "c.json")))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.json", "moved"]


def test_a_catalogue_saved_through_a_link_is_read_where_it_is(
    tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    catalogue = register(write_run())
    real, link = tmp_path / "far" / "away", tmp_path / "link"
    real.mkdir(parents=True)
    link.symlink_to(real)
    save(catalogue, link / "c.json")
    assert load(real / "c.json") == load(link / "c.json") == catalogue


def test_paths_that_share_only_the_root_stay_absolute(tmp_path: Path, write_run: Callable[..., Path]) -> None:
    record = replace(only(register(write_run())), path="/elsewhere/run.root", aliases=("root://a//b.root",))
    save(Catalogue(Kind.DATA, (record,)), tmp_path / "c.json")
    stored = json.loads((tmp_path / "c.json").read_text())["files"][0]
    assert (stored["path"], stored["aliases"]) == ("/elsewhere/run.root", ["root://a//b.root"])
    assert only(load(tmp_path / "c.json")) == record


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["na64_catalogue"], 1, r"c\.json: a catalogue of version 1, expected 2"),
        (["files", 0, "spills"], [], r"run\.root: spills of 0 segments and 0 runs"),
        (["files", 0, "spills", 0], {"8701": "2-1"}, r"spills\[0\]\.8701: \"2-1\" is not ascending"),
        (["files", 0, "spills", 0], {"8702": "1"}, r"run\.root: spills of 1 segments and 1 runs"),
        (["kind"], "date", "'date' is not a valid Kind"),
        (["extra"], 1, r'c\.json: unknown key "extra"'),
        (["files", 0, "entries"], 5, r"run\.root: 6 entries by run, 5 in all"),
        (["files", 0, "segments"], [0, 3], r"run\.root: segments do not cover 6 entries"),
        (["files", 0, "status"], "fine", "'fine' is not a valid Status"),
        (["files", 0, "status"], "quarantined", 'quarantined for the reason ""'),
        (["files", 0, "size"], "1", r"c\.json: files\[0\]\.size: '1' is not an integer"),
        (["files", 0, "sise"], 1, r'files\[0\]: unknown key "sise", nearest known is "size"'),
    ],
)
def test_a_wrong_catalogue_is_refused(
    keys: list[str | int], value: Any, message: str, tmp_path: Path, write_run: Callable[..., Path]
) -> None:
    save(register(write_run()), tmp_path / "c.json")
    changed(tmp_path / "c.json", keys, value)
    with pytest.raises((KeyError, ValueError), match=message):
        load(tmp_path / "c.json")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1, "a": 2}', '{"na64_catalogue": NaN}', "\x00\xff"])
def test_what_is_no_catalogue_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"c\.json: not a catalogue"):
        load(tmp_path / "c.json")


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, write_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(register(write_run()), tmp_path / "c.json")
    before = (tmp_path / "c.json").read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        save(Catalogue(Kind.DATA, ()), tmp_path / "c.json")
    assert (tmp_path / "c.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.json", "run.root"]


def test_a_catalogue_may_be_read_by_those_who_may_read_other_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save(Catalogue(Kind.DATA, ()), tmp_path / "c.json")
        mask = os.umask(0o027)
    finally:
        os.umask(before)
    assert (tmp_path / "c.json").stat().st_mode & 0o777 == 0o640
    assert mask == 0o027


def test_a_catalogue_that_states_a_key_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.json"
    path.write_text('{"na64_catalogue": 2, "na64_catalogue": 2}')
    with pytest.raises(ValueError, match=r"^catalogue\.json: not a catalogue: a key is there twice$"):
        load(path)
