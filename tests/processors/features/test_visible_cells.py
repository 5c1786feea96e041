"""Functions of cells: the cells of visible events and no others, as the features are made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from na64.datasets.conditions.periods import load_periods
from na64.datasets.instrument.columns import EventColumns
from na64.datasets.reading.layout import Layout, load_layout
from na64.datasets.reading.read import read
from na64.processors.events.segment import process_columns
from na64.processors.features import visible_cells
from na64.processors.features.compute import compute
from na64.processors.features.plugin import Plugin, PluginError, load_plugin
from na64.processors.features.visible_cells import VisibleCellSource
from na64.processors.job import FileContext, Job
from na64.processors.run_contexts import contexts_of_runs
from na64.selections.selection import load_selection

HEAD = "import numba\nimport numpy as np\n\nfrom na64 import cell_feature, feature\n\n\n"
CENTRE = (
    HEAD
    + """@cell_feature(name="mine", unit="GeV", detector="hcal")
def mine(cells):
    return cells.in_time[:, 0, 1, 1]
"""
)
COMPILED = (
    HEAD
    + """@cell_feature(name="mine", unit="GeV", detector="hcal")
@numba.njit
def mine(cells):
    found = np.empty(len(cells.in_time))
    for event in range(len(found)):
        found[event] = cells.in_time[event, 0, 1, 1]
    return found
"""
)
FORMULA = '[[feature]]\nname = "mine"\nunit = "GeV"\nformula = "hcal_0_centre"\n'
SELECTION = """
name = "toy"
label = "a toy"
yields_after = "trigger"
[[cut]]
name = "trigger"
trigger_physics = { equals = 1 }
[[cut]]
name = "centre"
mine = { above = 0.3, unit = "GeV" }
[[variation]]
name = "hcal_up"
scale = { hcal = 1.5 }
[[variation]]
name = "narrow"
window = { hcal = 0.3 }
"""


@pytest.fixture(scope="module", params=["tout2023", "hits"])
def sample(
    request: pytest.FixtureRequest, simulate: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Layout, EventColumns]:
    files = simulate(tmp_path_factory.mktemp(request.param), "small", 3000, layout=request.param)
    layout = load_layout(request.param)
    return layout, read(sorted(files.glob("*.root"))[0], layout, 0, 600)


def counted(
    sample: tuple[Layout, EventColumns], folder: Path, text: str, plugin: Plugin | None, *, simulation: bool
) -> Any:
    layout, events = sample
    (folder / "toy.toml").write_text(text)
    selection = load_selection(folder / "toy.toml", extra_features=plugin.features if plugin else None)
    runs = tuple(np.unique(events.event["run"]).tolist())
    contexts = contexts_of_runs(runs, load_periods())
    job = Job(selection, simulation, simulation, contexts, {layout.name: layout}, plugin=plugin)
    return process_columns(events, job, FileContext("0" * 64, layout.name, runs))


@pytest.mark.parametrize("source", [CENTRE, COMPILED], ids=["numpy", "numba"])
@pytest.mark.parametrize("simulation", [False, True], ids=["data", "simulation"])
def test_a_function_of_cells_counts_as_the_feature_that_is_the_same(
    sample: Any, tmp_path: Path, source: str, simulation: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_cells, "_BLOCK", 97)
    one = counted(sample, tmp_path, SELECTION, Plugin("my.py", source), simulation=simulation)
    other = counted(sample, tmp_path, SELECTION + FORMULA, None, simulation=simulation)
    assert one.keys() == other.keys()
    for run, tally in one.items():
        assert tally.accounting == other[run].accounting
        assert tally.accounting["hidden"] > 0 or simulation
        for name in ("first_fail", "single_cut", "n_minus_one", "bins", "contents"):
            assert np.array_equal(getattr(tally, name), getattr(other[run], name)), name
    first_fail = sum(tally.first_fail for tally in one.values())
    assert first_fail[0, 1].sum() > 10 < first_fail[0, 2].sum()


def test_no_hidden_event_reaches_a_function_of_cells(sample: Any, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    source = (
        HEAD
        + f"""@cell_feature(name="mine", unit="GeV", detector="ecal")
def mine(cells):
    with open({str(seen)!r}, "a") as file:
        for event in cells.energy.reshape(len(cells.energy), -1):
            print(*event.tolist(), file=file)
    base = cells.energy
    while base is not None:
        assert base.size == cells.energy.size
        base = base.base
    return cells.energy.max(axis=(1, 2, 3))
"""
    )
    text = SELECTION.partition("[[variation]]")[0]
    tallies = counted(sample, tmp_path, text, Plugin("my.py", source), simulation=False)
    accounting = [tally.accounting for tally in tallies.values()]
    assert sum(one["hidden"] for one in accounting) > 20
    rows = np.loadtxt(seen)
    assert len(rows) == sum(one["processed"] - one["hidden"] for one in accounting)
    every = counted(sample, tmp_path, text, Plugin("my.py", source), simulation=True)
    assert len(np.loadtxt(seen)) - len(rows) == sum(tally.accounting["processed"] for tally in every.values())


def source_of(sample: tuple[Layout, EventColumns]) -> VisibleCellSource:
    layout, events = sample
    setup = load_periods()["2023A"].setup
    rows = np.arange(0, events.n_events, 3)
    return VisibleCellSource(events, rows, setup, layout.time_is_residual, layout.absent_nan)


def test_cells_have_the_shape_of_the_detector_and_the_calibration_of_the_features(sample: Any) -> None:
    layout, events = sample
    source = source_of(sample)
    found = compute(
        events,
        source.setup,
        bad=np.zeros(events.n_events, bool),
        residual_times=layout.time_is_residual,
        absent_nan=layout.absent_nan,
    )
    blocks = source.blocks("ecal")
    assert blocks is not None
    (cells,) = blocks
    assert cells.energy.shape == cells.in_time.shape == cells.delay.shape == (len(source.rows), 2, 5, 6)
    assert cells.in_time[:, 0].sum(axis=(1, 2)) == pytest.approx(found["preshower"][source.rows], rel=1e-6)
    assert cells.energy.sum(axis=(1, 2, 3)) == pytest.approx(found["ecal_total"][source.rows], rel=1e-6)
    assert (np.isnan(cells.delay) == (cells.energy == 0)).all()
    assert not any(array.flags.writeable for array in cells)


def test_a_detector_that_the_file_lacks_gives_nan(sample: Any) -> None:
    source = source_of(sample)
    bare = replace(source, events=replace(source.events, detectors={}))
    values = np.zeros((1, len(source.rows)), np.float32)
    assert np.isnan(Plugin("my.py", CENTRE).compute(values, ("ecal",), bare)).all()
    assert np.isnan(Plugin("my.py", CENTRE).compute(values, ("ecal",))).all()


def test_a_detector_that_the_period_of_a_run_lacks_is_refused_before_the_job(
    sample: Any, tmp_path: Path
) -> None:
    wrong = Plugin("my.py", CENTRE.replace('detector="hcal"', 'detector="hcl"'))
    said = r'plug-in my\.py, feature mine: not in period 2023A of run 8701, .*"hcl", nearest known is "hcal"'
    with pytest.raises(ValueError, match=said):
        counted(sample, tmp_path, SELECTION, wrong, simulation=False)


def test_functions_of_cells_and_of_features_are_mixed_in_the_order_of_the_file(sample: Any) -> None:
    twice = '\n\n@feature(name="twice", unit="GeV")\ndef twice(event):\n    return 2 * event["mine"]\n'
    source = source_of(sample)
    values = np.zeros((1, len(source.rows)), np.float32)
    mine, double = Plugin("my.py", CENTRE + twice).compute(values, ("ecal",), source)
    assert mine.max() > 0.3
    assert np.array_equal(double, 2 * mine)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("return cells.in_time", "returned float64 4-d, expected one number an event"),
        ("return cells.in_time[:1, 0, 0, 0]", "1-d of another length"),
        ("cells.in_time[:] = 5", "ValueError in line 9"),
        ("raise ValueError(cells.in_time[0, 0, 0, 0])", "feature mine: ValueError in line 9$"),
    ],
)
def test_what_is_wrong_is_named_without_a_value(sample: Any, line: str, message: str) -> None:
    source = source_of(sample)
    plugin = Plugin("my.py", CENTRE.replace("return cells.in_time[:, 0, 1, 1]", line))
    with pytest.raises(PluginError, match=message) as caught:
        plugin.compute(np.zeros((1, len(source.rows)), np.float32), ("ecal",), source)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_detector_has_a_plain_name(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(CENTRE.replace('detector="hcal"', 'detector="h cal"'))
    with pytest.raises(PluginError, match='"h cal" is not the name of a detector'):
        load_plugin(tmp_path / "my.py")
