"""What a notebook gets: the visible events and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
from coffea.nanoevents import NanoEventsFactory
from coffea.nanoevents.methods.base import NanoEvents

import na64
from na64.datasets.calibration.calibration_file import to_toml
from na64.datasets.calibration.constants import Quantity
from na64.datasets.catalogue.build import SampleKind, build, load
from na64.datasets.conditions.periods import load_periods
from na64.datasets.reading.layout import load_layout
from na64.datasets.reading.read import read
from na64.datasets.reading.schema import NA64Schema
from na64.outputs.result import audit_log
from na64.processors.features.compute import compute
from na64.processors.features.feature_table import Skip
from na64.processors.run_contexts import contexts_of_runs
from na64.run import main
from na64.selections.hidden import visible_mask
from na64.tests.datasets.calibration.example_constants import Changes, calibration_of


@pytest.fixture(scope="module")
def data(simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("notebook"), "small", 600)


@pytest.fixture(scope="module")
def catalogue(data: Path) -> Path:
    path = data.parent / "c.json"
    assert main(["catalogue", str(data), "--to", str(path)]) == 0
    return path


def visible_rows(path: Path) -> Any:
    """Rows of a file that are visible if its run is one of physics."""
    layout = load_layout("tout2023")
    events = read(path, layout, 0, build([path], simulation=False).files[0].entries)
    context = contexts_of_runs(set(events.event["run"].tolist()), load_periods())[int(events.event["run"][0])]
    table = compute(events, context.setup, bad=np.zeros(events.n_events, bool))
    seen = visible_mask(
        table.values,
        boxes=context.boxes,
        run_type=context.type,
        trigger=events.event["trigger"],
        nonfinite=table.skip != Skip.NONE,
        simulation=False,
    )
    return events, np.flatnonzero(seen)


def test_columns_are_those_of_the_visible_events(data: Path) -> None:
    path = data / "run_8701.root"
    events, rows = visible_rows(path)
    found = na64.nanoevents(path)
    assert isinstance(found, NanoEvents)
    assert 0 < len(found) == len(rows) < events.n_events
    for name in ("ecal", "hcal", "vhcal", "srd", "veto"):
        for column in found[name].fields:
            expected = getattr(events.detectors[name], column)[rows]
            np.testing.assert_array_equal(ak.to_numpy(found[name][column]), expected)
    for name in ("run", "spill", "event", "trigger", "master_time", "shower_chi2"):
        np.testing.assert_array_equal(ak.to_numpy(found[name]), events.event[name][rows])
    for name in ("momentum", "pvalue", "angle"):
        np.testing.assert_array_equal(ak.to_numpy(found.track[name]), events.event[f"track_{name}"][rows])
    np.testing.assert_array_equal(ak.to_numpy(found.straw3.x), events.event["straw3_x"][rows])


def test_names_and_units_are_those_of_the_schema(data: Path) -> None:
    path = data / "run_8701.root"
    factory = NanoEventsFactory.from_root({str(path): "tout"}, schemaclass=NA64Schema.simulated())
    theirs, mine = factory.events(), na64.nanoevents(path, simulation=True)
    assert len(mine) == len(theirs)
    for name in set(mine.fields) - {"truth_component"}:
        group, other = mine[name], getattr(theirs, name)
        for column in group.fields or [None]:
            pair = (group, other) if column is None else (group[column], getattr(other, column))
            np.testing.assert_array_equal(*(ak.to_numpy(one) for one in pair))


def test_hits_are_lists(simulate: Callable[..., Path], tmp_path: Path) -> None:
    files = sorted(simulate(tmp_path, "small", 200, layout="hits").glob("run_*.root"))
    found = na64.nanoevents(files)
    assert ak.all(ak.num(found.ecal.cell) == ak.num(found.ecal.energy))
    assert ak.max(found.hcal.cell) < 36
    assert len(set(ak.to_numpy(found.run).tolist())) > 1


def test_nothing_in_the_array_leads_back_to_hidden_events(data: Path) -> None:
    found = na64.nanoevents(data / "run_8701.root")
    assert dict(found.attrs) == {}
    assert found.metadata is None
    form, length, buffers = ak.to_buffers(found)
    assert length == len(found)
    for buffer in buffers.values():
        assert len(buffer) in {length, length + 1, *(length * n for n in (3, 6, 16, 36, 60))}
        memory = buffer
        while memory.base is not None:
            memory = memory.base
            assert memory.nbytes == buffer.nbytes
    assert "run_8701" not in str(form)


def test_a_run_is_open_by_a_catalogue_only_and_its_log_names_it(data: Path, tmp_path: Path) -> None:
    shutil.copy(data / "run_8701.root", tmp_path)
    (tmp_path / "conditions").mkdir()
    (tmp_path / "conditions" / "runs.csv").write_text("run,type\n8701,calibration\n")
    assert main(["catalogue", str(tmp_path), "--to", str(tmp_path / "c.json")]) == 0
    alone, known = na64.nanoevents(tmp_path / "run_8701.root"), na64.nanoevents(tmp_path / "c.json")
    assert len(alone) == len(na64.nanoevents(data / "run_8701.root"))
    assert 0 < len(alone) < len(known) == load(tmp_path / "c.json").runs[8701]
    line = audit_log.entries(tmp_path / "audit.jsonl")[-1]
    assert line["event"] == "nanoevents"
    assert details_of(line)["open_runs"] == "8701"


def test_a_limit_reads_the_first_events_of_each_run(catalogue: Path) -> None:
    found = na64.nanoevents(catalogue, limit=20, runs=[8702])
    whole = ak.to_list(na64.nanoevents(catalogue, runs=[8702]).event)
    assert 0 < len(found) <= 20 < len(whole)
    assert ak.to_list(found.event) == whole[: len(found)]


def test_cells_with_the_constants_of_a_calibration_are_those_that_are_counted(
    catalogue: Path, tmp_path: Path
) -> None:
    scales, delays = dict.fromkeys(range(60), 1.1), {4: 6.0}
    changes: Changes = {("ecal", Quantity.SCALE): scales, ("hcal", Quantity.DELAY): delays}
    (tmp_path / "calibration.toml").write_bytes(to_toml(calibration_of(changes)))
    command = ["--selection", "dimuon_2023", "--runs", "8701", "--to", str(tmp_path / "out"), "--no-report"]
    assert main(["process", str(catalogue), *command, "--calibration", str(tmp_path)]) == 0
    counted = ak.from_parquet(na64.events(tmp_path / "out", after="visible").path)
    found = na64.nanoevents(catalogue, runs=[8701], calibration=tmp_path)
    assert ak.to_list(found.event) == ak.to_list(counted.event)
    for feature, cells in (("ecal", found.ecal), ("hcal_012", found.hcal)):
        for name, column in ((feature, "in_time"), (f"{feature}_total", "energy")):
            of_modules = cells[column][:, : 27 if feature == "hcal_012" else 60]
            sums = ak.to_numpy(ak.sum(of_modules, axis=1))
            np.testing.assert_allclose(sums, ak.to_numpy(counted[name]), rtol=1e-6)
    recorded = na64.nanoevents(catalogue, runs=[8701]).ecal.energy
    assert not np.allclose(ak.sum(recorded), ak.sum(found.ecal.energy), rtol=1e-3)
    none = na64.nanoevents(catalogue, runs=[8701], calibration=tmp_path, limit=1)
    assert none.ecal.fields == found.ecal.fields == ["energy", "in_time", "delay"]
    line = audit_log.entries(catalogue.with_name("audit.jsonl"))[-1]
    assert details_of(line)["calibration"] == calibration_of(changes).identity


def test_no_visible_event_gives_no_event(data: Path) -> None:
    path = data / "run_8701.root"
    first = next(n for n in range(1, 60) if len(na64.nanoevents(path, limit=n)))
    assert len(na64.nanoevents(path, limit=1)) == (first == 1)
    assert na64.nanoevents(path, limit=1).ecal.energy.ndim == 2


def details_of(line: dict[str, object]) -> dict[str, object]:
    details = line["details"]
    assert isinstance(details, dict)
    return details


def changed_layout(folder: Path, old: str, new: str) -> Path:
    text = load_layout("tout2023").text.replace('name = "tout2023"', 'name = "mine"')
    assert old in text
    (folder / "mine.toml").write_text(text.replace(old, new))
    return folder / "mine.toml"


def test_a_layout_that_decides_what_is_hidden_needs_a_catalogue(data: Path, tmp_path: Path) -> None:
    layout = changed_layout(tmp_path, '"ECAL_ene", unit = "GeV"', '"ECAL_ene", unit = "TeV"')
    path = data / "run_8701.root"
    with pytest.raises(ValueError, match=r"layout mine says what is hidden .* na64 catalogue --layout"):
        na64.nanoevents(path, layout=layout)
    (tmp_path / "harmless").mkdir()
    harmless = changed_layout(tmp_path / "harmless", '"mpStraw3X"', '"mpStraw3Y"')
    assert len(na64.nanoevents(path, layout=harmless)) == len(na64.nanoevents(path))


def test_simulation_that_does_not_say_so_needs_a_catalogue(data: Path, tmp_path: Path) -> None:
    layout = changed_layout(tmp_path, '= { branch = "truth_component"', '= { branch = "triggerSources"')
    with pytest.raises(ValueError, match=r"run 8701 is a physics run: na64 catalogue --simulation --reason"):
        na64.nanoevents(data / "run_8701.root", simulation=True, layout=layout)


def test_a_file_that_cannot_be_used_is_not_passed_over(data: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.root").write_bytes((data / "run_8701.root").read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"bad\.root: truncated"):
        na64.nanoevents([data / "run_8701.root", tmp_path / "bad.root"])


@pytest.mark.parametrize("options", [{"simulation": True}, {"layout": "tout2023"}])
def test_a_catalogue_knows_what_its_files_are(catalogue: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a catalogue knows what its files are"):
        na64.nanoevents(catalogue, **options)
    assert load(catalogue).kind is SampleKind.DATA


def test_hidden_events_are_shown_for_a_reason_that_is_in_the_log(data: Path, catalogue: Path) -> None:
    with pytest.raises(ValueError, match="for a reason only"):
        na64.opened_schema(reason=" ", catalogue=catalogue)
    schema = na64.opened_schema(reason="to see the trigger scan", catalogue=catalogue)
    path = data / "run_8701.root"
    shown = NanoEventsFactory.from_root({str(path): "tout"}, schemaclass=schema).events()
    assert len(shown) > len(na64.nanoevents(path))
    assert shown.ecal.energy.ndim == 2
    log = catalogue.with_name("audit.jsonl")
    line = audit_log.entries(log)[-1]
    assert (line["event"], details_of(line)["reason"]) == ("opening_in_notebook", "to see the trigger scan")
    assert audit_log.verify(log) == []


def test_importing_the_package_imports_nothing_else() -> None:
    heavy = "{'coffea', 'awkward', 'numpy', 'uproot'}"
    code = f"import sys, na64; assert not {heavy} & {{*sys.modules}}; na64.nanoevents"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {"nanoevents", "opened_schema", "__version__"} <= {*dir(na64)}
    with pytest.raises(AttributeError, match="has no attribute 'nanoevent'"):
        _ = na64.nanoevent
