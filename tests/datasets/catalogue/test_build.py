from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.catalogue.build import Catalogue, FileRecord, SampleKind, Status, build, load, save
from na64.datasets.conditions.bad_spills import BadEntry, BadList
from na64.datasets.conditions.conditions import Conditions, Quality, RunFacts, RunType, SpillFacts
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import load_layout

TOUT = load_layout("tout2023")


def only(catalogue: Catalogue) -> FileRecord:
    (record,) = catalogue.files
    return record


def register(*paths: Path | str, **options: Any) -> Catalogue:
    return build(paths, **({"simulation": False} | options))


def reasons(catalogue: Catalogue) -> dict[str, str]:
    return {record.name: record.reason for record in catalogue.files}


def test_entries_are_counted_by_run(write_run: Callable[..., Path]) -> None:
    catalogue = register(
        write_run("a.root", runN=np.array([8702, 8701, 8701, 8702, 8702, 8702], np.int32)),
        write_run("b.root", run=8703),
    )
    assert [record.runs for record in catalogue.good if len(record.runs) > 1] == [{8701: 2, 8702: 4}]
    assert catalogue.runs == {8701: 2, 8702: 4, 8703: 6}


def test_a_packaged_layout_is_not_kept_in_the_catalogue(write_run: Callable[..., Path]) -> None:
    assert register(write_run()).layouts == {}


def test_period_and_layout_are_checked_and_never_override(write_run: Callable[..., Path]) -> None:
    path = write_run()
    assert only(register(path, period="2023A", layout="tout2023")).is_good
    assert only(register(path, period="2022")).reason == "run 8701 is of period 2023A, not 2022"
    assert only(register(path, layout="hits")).reason == 'tree "tout" found, expected "events"'
    with pytest.raises(KeyError, match='unknown period "2023B", nearest known is "2023A"'):
        register(path, period="2023B")
    with pytest.raises(KeyError, match='unknown layout "tout2022"'):
        register(path, layout="tout2022")


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


def test_simulation_without_truth_gives_a_warning(write_run: Callable[..., Path]) -> None:
    truth = {"weight": np.ones(6), "truth_component": np.zeros(6, np.int32)}
    with_truth, without = write_run("a.root", **truth), write_run("b.root", run=8702)
    assert register(with_truth, without).warnings == ()
    catalogue = register(with_truth, without, simulation=True)
    assert catalogue.kind is SampleKind.SIMULATION
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
    after = register(path, previous=before)
    assert after.run_facts == before.run_facts
    assert after.warnings[-1].endswith("/conditions: runs.csv is not there any more: what it said is kept")
    assert register(path, previous=after) == after


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


def test_a_remote_file_that_is_gone_is_noticed(write_run: Callable[..., Path]) -> None:
    path = write_run()
    before = register(f"file://{path}")
    path.unlink()
    assert only(register(f"file://{path}", previous=before)).reason.startswith("cannot be read: ")


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
